use super::*;
use crate::{Event, UserIdentity, active_file::tests::on_a_full_disk};
use kms_types::Operation;
use std::fs;

fn record(n: u8) -> Record {
    let identity = UserIdentity::internal("000000000000".parse().unwrap());
    let time = Timestamp::from_millis(1_770_106_449_000);
    Record::builder(Event::Call(Operation::Encrypt), identity, time, &"us-east-1".parse().unwrap(), [n; 16])
        .build()
}

fn lines(path: &Path) -> Vec<serde_json::Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn g1_record_is_in_the_file_when_append_returns() {
    let directory = tempfile::tempdir().unwrap();
    let log = AuditLog::open(directory.path(), 1).unwrap();
    for n in 1..=3 {
        log.append(record(n)).await.unwrap();
        assert_eq!(lines(&directory.path().join("audit-1.jsonl")).len(), usize::from(n));
    }
    assert_eq!(log.stats(), AuditStats { records: 3, syncs: 3 });
}

#[test]
fn records_that_wait_together_share_one_barrier() {
    let directory = tempfile::tempdir().unwrap();
    let file = ActiveFile::open(directory.path(), 1, 1 << 20).unwrap();
    let (queue, entries) = mpsc::channel(64);
    let answers: Vec<_> = (0..50)
        .map(|n| {
            let (done, answer) = oneshot::channel();
            let (line, time) = (encode(&record(n)).unwrap(), record(n).time());
            queue.try_send(Entry { line, time, done }).ok().unwrap();
            answer
        })
        .collect();
    drop(queue);
    let shared = Shared::default();
    writer::run(file, entries, &shared);
    assert!(answers.into_iter().all(|answer| answer.blocking_recv().unwrap().is_ok()));
    assert_eq!((shared.records.into_inner(), shared.syncs.into_inner()), (50, 1));
    assert_eq!(lines(&directory.path().join("audit-1.jsonl")).len(), 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_appends_through_a_small_queue_and_rotation_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let options = AuditOptions { rotate_bytes: 4096, queue_records: 4 };
    let log = AuditLog::open_with(directory.path(), 1, options).unwrap();
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let log = log.clone();
            tokio::spawn(async move { log.append(record(n)).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let files = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
    let mut ids: Vec<_> =
        files.flat_map(|path| lines(&path)).map(|line| line["eventID"].to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 200);
}

#[tokio::test]
async fn case_28_failed_write_fails_its_append_and_every_later_one() {
    let log = AuditLog::start(on_a_full_disk(), AuditOptions::default()).unwrap();
    assert!(log.failure().is_none());
    for n in 0..3 {
        let refused = log.append(record(n)).await.unwrap_err();
        assert!(
            matches!(&refused, AuditError::Poisoned { source } if source.kind() == io::ErrorKind::StorageFull)
        );
    }
    assert!(matches!(log.failure(), Some(AuditError::Poisoned { .. })));
    assert_eq!(log.stats(), AuditStats::default());
}

#[tokio::test]
async fn directory_that_vanishes_poisons_the_log_at_the_next_rotation() {
    let directory = tempfile::tempdir().unwrap();
    let options = AuditOptions { rotate_bytes: 1, ..AuditOptions::default() };
    let log = AuditLog::open_with(directory.path(), 1, options).unwrap();
    log.append(record(1)).await.unwrap();
    fs::remove_dir_all(directory.path()).unwrap();
    assert!(matches!(log.append(record(2)).await, Err(AuditError::Poisoned { .. })));
    fs::create_dir(directory.path()).unwrap();
    assert!(matches!(log.append(record(3)).await, Err(AuditError::Poisoned { .. })), "a failure is for ever");
}

#[tokio::test]
async fn dropped_log_can_be_opened_again_at_once() {
    let directory = tempfile::tempdir().unwrap();
    for n in 1..=5 {
        let log = AuditLog::open(directory.path(), 1).unwrap();
        log.append(record(n)).await.unwrap();
    }
    assert_eq!(lines(&directory.path().join("audit-1.jsonl")).len(), 5);
}
