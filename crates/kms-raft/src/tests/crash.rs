//! What is there after the process is gone.

use super::fixture::{self, blank, bootstrap, create_key, log_id, normal};
use crate::{Entry, LogStore, Storage, StorageError, TypeConfig, Vote};
use openraft::RaftLogReader;
use openraft::storage::{IOFlushed, RaftLogStorage, RaftLogStorageExt, RaftStateMachine};
use openraft::type_config::TypeConfigExt;
use std::path::Path;
use tempfile::TempDir;

async fn append(log: &mut LogStore, entries: Vec<Entry>) {
    log.blocking_append(entries).await.unwrap();
}

/// Applies entries as openraft does for a follower.
async fn apply(storage: &mut Storage, entries: Vec<Entry>) {
    let items = entries.into_iter().map(|entry| Ok((entry, None)));
    storage.machine.apply(futures::stream::iter(items)).await.unwrap();
}

fn entries() -> Vec<Entry> {
    vec![normal(1, 0, bootstrap()), normal(1, 1, create_key(1)), normal(1, 2, create_key(2)), blank(1, 3)]
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_dir(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// Copying the files under the running storage shows what kill -9 would leave.
#[tokio::test]
async fn a1_everything_acknowledged_is_there_after_a_kill() {
    let (dir, after) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut storage = fixture::open(dir.path());
    let vote = Vote::new(3, 1);
    storage.log.save_vote(&vote).await.unwrap();
    append(&mut storage.log, entries()).await;
    copy_dir(dir.path(), after.path());

    let mut reopened = fixture::open(after.path());
    assert_eq!(reopened.log.read_vote().await.unwrap(), Some(vote));
    assert_eq!(reopened.log.try_get_log_entries(..).await.unwrap(), entries());
}

#[tokio::test]
async fn a_second_process_is_refused() {
    let dir = TempDir::new().unwrap();
    let storage = fixture::open(dir.path());
    let second = Storage::open_on(dir.path(), 1, fixture::options(8 << 10));
    assert!(matches!(second, Err(StorageError::InUse { .. })));
    drop(storage);
    fixture::open(dir.path());
}

#[tokio::test]
async fn another_nodes_directory_is_refused() {
    let dir = TempDir::new().unwrap();
    drop(fixture::open(dir.path()));
    let other = Storage::open_on(dir.path(), 2, fixture::options(8 << 10));
    assert!(matches!(
        other,
        Err(StorageError::Log(crate::LogError::WrongNode { expected: 2, found: 1, .. }))
    ));
}

#[tokio::test]
async fn the_stored_state_is_served_at_once_after_a_restart() {
    let dir = TempDir::new().unwrap();
    let mut storage = fixture::open(dir.path());
    append(&mut storage.log, entries()).await;
    apply(&mut storage, entries()).await;
    let before = storage.applied.borrow().clone();
    drop(storage);

    let after = fixture::open(dir.path()).applied.borrow().clone();
    assert_eq!((after.index, after.log_id), (3, Some(log_id(1, 3))));
    assert_eq!(after.state.hash(), before.state.hash());
}

#[tokio::test]
async fn a_broken_sled_is_set_aside_and_the_state_comes_back_from_snapshot_and_log() {
    let dir = TempDir::new().unwrap();
    let mut storage = fixture::open(dir.path());
    append(&mut storage.log, entries()).await;
    apply(&mut storage, entries()[..2].to_vec()).await;
    let mut builder = storage.machine.get_snapshot_builder().await;
    openraft::RaftSnapshotBuilder::build_snapshot(&mut builder).await.unwrap();
    apply(&mut storage, entries()[2..].to_vec()).await;
    let whole = storage.applied.borrow().state.hash();
    drop((storage, builder));

    let db = dir.path().join("state/db");
    std::fs::remove_file(&db).unwrap();
    std::fs::create_dir(&db).unwrap();

    let mut storage = fixture::open(dir.path());
    assert!(dir.path().join("state.broken-1").exists());
    assert_eq!(storage.applied.borrow().log_id, Some(log_id(1, 1)), "the snapshot's point");
    let rest = storage.log.try_get_log_entries(2..).await.unwrap();
    apply(&mut storage, rest).await;
    assert_eq!(storage.applied.borrow().state.hash(), whole);
}

/// Whatever the file holds, and whatever sled makes of it: the state is whole, or rebuilt.
#[tokio::test]
async fn no_damage_of_sleds_file_changes_the_state() {
    let dir = TempDir::new().unwrap();
    let mut storage = fixture::open(dir.path());
    append(&mut storage.log, entries()).await;
    apply(&mut storage, entries()).await;
    let whole = storage.applied.borrow().state.hash();
    drop(storage);
    let db = dir.path().join("state/db");
    let bytes = std::fs::read(&db).unwrap();
    let written = bytes.iter().rposition(|b| *b != 0).unwrap();
    for at in (0..written).step_by(written / 40 + 1) {
        let mut damaged = bytes.clone();
        damaged[at..(at + 16).min(bytes.len())].fill(0x5a);
        std::fs::write(&db, damaged).unwrap();
        let mut storage = fixture::open(dir.path());
        let next = storage.applied.borrow().log_id.map_or(0, |id| id.index + 1);
        let rest = storage.log.try_get_log_entries(next..).await.unwrap();
        apply(&mut storage, rest).await;
        assert_eq!(storage.applied.borrow().state.hash(), whole, "damage at {at}");
    }
}

#[tokio::test]
async fn a_state_ahead_of_the_log_is_set_aside() {
    let dir = TempDir::new().unwrap();
    let mut storage = fixture::open(dir.path());
    append(&mut storage.log, entries()[..2].to_vec()).await;
    apply(&mut storage, entries()).await;
    drop(storage);
    let storage = fixture::open(dir.path());
    assert_eq!(storage.applied.borrow().log_id, None);
    assert!(dir.path().join("state.broken-1").exists());
}

#[tokio::test]
async fn a_process_that_died_while_sled_opened_rebuilds() {
    let dir = TempDir::new().unwrap();
    drop(fixture::open(dir.path()));
    std::fs::write(dir.path().join("state.opening"), b"").unwrap();
    drop(fixture::open(dir.path()));
    assert!(dir.path().join("state.broken-1").exists());
    drop(fixture::open(dir.path()));
    assert!(!dir.path().join("state.broken-2").exists(), "only once");
}

#[tokio::test]
async fn entries_purged_without_any_state_are_a_gap() {
    let dir = TempDir::new().unwrap();
    let mut storage = fixture::open(dir.path());
    append(&mut storage.log, entries()).await;
    storage.log.purge(log_id(1, 2)).await.unwrap();
    drop(storage);
    let opened = Storage::open_on(dir.path(), 1, fixture::options(8 << 10));
    assert!(matches!(opened, Err(StorageError::Gap { purged: 2, applied: 0 })));
}

#[tokio::test]
async fn a2_a_failed_fsync_ends_the_process_and_answers_nobody() {
    for failing_write in [false, true] {
        let dir = TempDir::new().unwrap();
        let disk = fixture::FaultyDisk::default();
        let (fatal, calls) = fixture::no_exit();
        let options = crate::StorageOptions {
            disk: std::sync::Arc::new(disk.clone()),
            fatal,
            ..fixture::options(8 << 10)
        };
        let mut storage = Storage::open_on(dir.path(), 1, options).unwrap();
        append(&mut storage.log, vec![blank(1, 0)]).await;

        let fail = if failing_write { &disk.fail_write } else { &disk.fail_sync };
        fail.store(true, std::sync::atomic::Ordering::SeqCst);
        let (tx, rx) = TypeConfig::oneshot();
        storage.log.append([blank(1, 1)], IOFlushed::signal(tx)).await.unwrap();
        assert!(rx.await.is_err(), "the callback is dropped, not completed");
        assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 1);

        fail.store(false, std::sync::atomic::Ordering::SeqCst);
        assert!(storage.log.save_vote(&Vote::new(9, 1)).await.is_err(), "nothing is retried");
        assert_eq!(storage.log.read_vote().await.unwrap(), None);
        assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn entries_are_readable_before_they_are_durable_and_after_they_left_the_cache() {
    let dir = TempDir::new().unwrap();
    let mut storage = fixture::open(dir.path());
    let mut expected = vec![normal(1, 0, bootstrap())];
    expected.extend((1..200).map(|i| normal(1, i, create_key(i as u8))));
    for entry in &expected {
        storage.log.append([entry.clone()], IOFlushed::noop()).await.unwrap();
    }
    assert_eq!(storage.log.try_get_log_entries(..).await.unwrap(), expected);
    storage.log.save_vote(&Vote::new(1, 1)).await.unwrap();
    assert_eq!(storage.log.try_get_log_entries(..).await.unwrap(), expected);
    let some = storage.log.limited_get_log_entries(5, 150).await.unwrap();
    assert_eq!(some[..], expected[5..5 + some.len()]);
}
