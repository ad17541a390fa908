//! Snapshots: verified before anything is replaced, or not installed at all (A6).

use super::fixture::{self, bootstrap, create_key, log_id, normal};
use crate::snapshot_format;
use crate::{Entry, SnapshotMeta, Storage};
use openraft::RaftSnapshotBuilder;
use openraft::storage::RaftStateMachine;
use proptest::prelude::*;
use tempfile::TempDir;

async fn filled(dir: &TempDir, last: u64) -> Storage {
    let mut storage = fixture::open(dir.path());
    let mut entries: Vec<Entry> = vec![normal(1, 0, bootstrap())];
    entries.extend((1..=last).map(|i| normal(1, i, create_key(i as u8))));
    apply(&mut storage, entries).await;
    storage
}

async fn apply(storage: &mut Storage, entries: Vec<Entry>) {
    storage.machine.apply(futures::stream::iter(entries.into_iter().map(|e| Ok((e, None))))).await.unwrap();
}

async fn bytes_of(storage: &mut Storage) -> (SnapshotMeta, Vec<u8>) {
    let mut built = storage.machine.get_snapshot_builder().await.build_snapshot().await.unwrap();
    let mut bytes = Vec::new();
    loop {
        let chunk = built.snapshot.read_chunk(1000).await.unwrap();
        if chunk.is_empty() {
            return (built.meta, bytes);
        }
        bytes.extend(chunk);
    }
}

async fn install(storage: &mut Storage, meta: &SnapshotMeta, bytes: &[u8]) -> Result<(), std::io::Error> {
    let mut file = storage.inbox.receive().unwrap();
    for chunk in bytes.chunks(777) {
        file.write_chunk(chunk).await.unwrap();
    }
    storage.machine.install_snapshot(meta, file).await
}

#[tokio::test]
async fn a_streamed_snapshot_gives_the_same_state() {
    let (from, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut sender = filled(&from, 20).await;
    let (meta, bytes) = bytes_of(&mut sender).await;
    let mut receiver = filled(&to, 3).await;
    install(&mut receiver, &meta, &bytes).await.unwrap();
    assert_eq!(receiver.applied.borrow().state.hash(), sender.applied.borrow().state.hash());
    assert_eq!(receiver.applied.borrow().log_id, Some(log_id(1, 20)));
    drop(receiver);
    assert_eq!(fixture::open(to.path()).applied.borrow().state.hash(), sender.applied.borrow().state.hash());
}

#[tokio::test]
async fn a6_a_damaged_snapshot_changes_nothing() {
    let (from, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut sender = filled(&from, 5).await;
    let (meta, bytes) = bytes_of(&mut sender).await;
    let mut receiver = filled(&to, 2).await;
    let before = receiver.applied.borrow().clone();
    for at in (0..bytes.len()).step_by(97) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert!(install(&mut receiver, &meta, &damaged).await.is_err(), "byte {at}");
        assert!(install(&mut receiver, &meta, &bytes[..at]).await.is_err(), "cut at {at}");
    }
    let other = SnapshotMeta { last_log_id: Some(log_id(1, 99)), ..meta.clone() };
    assert!(install(&mut receiver, &other, &bytes).await.is_err(), "not as announced");
    assert_eq!(receiver.applied.borrow().log_id, before.log_id);
    assert_eq!(receiver.applied.borrow().state.hash(), before.state.hash());
    assert!(receiver.machine.get_current_snapshot().await.unwrap().is_none());
    let left = std::fs::read_dir(to.path().join("snapshots")).unwrap().count();
    assert_eq!(left, 0, "refused files are removed");
}

#[tokio::test]
async fn a6_an_older_snapshot_does_not_take_the_state_back() {
    let dir = TempDir::new().unwrap();
    let mut storage = filled(&dir, 4).await;
    let (meta, bytes) = bytes_of(&mut storage).await;
    apply(&mut storage, vec![normal(1, 5, create_key(5))]).await;
    let now = storage.applied.borrow().state.hash();
    install(&mut storage, &meta, &bytes).await.unwrap();
    assert_eq!(storage.applied.borrow().state.hash(), now);
    assert_eq!(storage.applied.borrow().index, 5);
}

#[tokio::test]
async fn two_snapshots_are_kept_and_a_damaged_newest_is_passed_over() {
    let dir = TempDir::new().unwrap();
    let mut storage = filled(&dir, 1).await;
    for index in 2..=5 {
        apply(&mut storage, vec![normal(1, index, create_key(index as u8))]).await;
        bytes_of(&mut storage).await;
    }
    drop(storage);
    let snapshots = dir.path().join("snapshots");
    assert_eq!(std::fs::read_dir(&snapshots).unwrap().count(), 2);
    let newest = snapshots.join("snapshot-5.snap");
    let mut bytes = std::fs::read(&newest).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&newest, bytes).unwrap();
    std::fs::rename(dir.path().join("state"), dir.path().join("gone")).unwrap();
    assert_eq!(fixture::open(dir.path()).applied.borrow().index, 4);
}

proptest! {
    #[test]
    fn h1_no_bytes_break_the_snapshot_reader(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = snapshot_format::verify(&bytes[..], bytes.len() as u64);
        let mut framed = b"MERIDSNP".to_vec();
        framed.extend(&bytes);
        let _ = snapshot_format::read(&framed[..]);
    }
}
