use super::sector::SECTOR_BYTES;
use super::*;
use crate::disk::RealDisk;
use crate::tests::{blank, log_id, log_options, no_exit};
use openraft::type_config::TypeConfigExt;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use tempfile::TempDir;

const NODE: u64 = 1;

fn open(dir: &Path, segment_bytes: u64) -> Result<SegmentLog, LogError> {
    SegmentLog::open(dir, NODE, log_options(segment_bytes), Coverage::default())
}

/// One batch: queued alone and waited for.
async fn append(log: &SegmentLog, entries: Vec<Entry>) {
    let (tx, rx) = TypeConfig::oneshot();
    log.append(entries, IOFlushed::signal(tx)).unwrap();
    rx.await.unwrap().unwrap();
}

/// Bytes of an entry that fills several sectors.
fn large(index: u64) -> Entry {
    crate::tests::normal(
        1,
        index,
        kms_state::Command::SetDescription {
            key: kms_types::KeyId::from_random(kms_types::KeyIdKind::SingleRegion, [1; 16]),
            description: "long ".repeat(300),
        },
    )
}

/// A log of six batches, the last of four sectors; the bytes of its file and where each batch ends.
async fn written() -> (Vec<u8>, Vec<usize>) {
    let dir = TempDir::new().unwrap();
    let log = open(dir.path(), u64::MAX).unwrap();
    let path = segment::path(dir.path(), 1);
    let mut ends = vec![std::fs::metadata(&path).unwrap().len() as usize];
    for batch in
        [vec![blank(1, 0)], vec![blank(1, 1), blank(1, 2)], vec![large(3)], vec![blank(2, 4)], vec![large(5)]]
    {
        append(&log, batch).await;
        ends.push(std::fs::metadata(&path).unwrap().len() as usize);
    }
    (std::fs::read(&path).unwrap(), ends)
}

/// The last index that is read from a file with these bytes.
fn last_index(bytes: &[u8]) -> Result<Option<u64>, LogError> {
    let dir = TempDir::new().unwrap();
    std::fs::write(segment::path(dir.path(), 1), bytes).unwrap();
    Ok(replay::replay(&RealDisk, dir.path(), NODE)?.into_index()?.last().map(|id| id.index))
}

#[tokio::test]
async fn a4_a_log_cut_anywhere_within_its_last_batch_ends_before_it() {
    let (bytes, ends) = written().await;
    let [.., before, end] = ends[..] else { panic!() };
    assert_eq!(last_index(&bytes).unwrap(), Some(5));
    assert!(end - before >= 4 * SECTOR_BYTES);
    for len in before..end {
        assert_eq!(last_index(&bytes[..len]).unwrap(), Some(4), "cut at {len} of {end}");
    }
}

#[tokio::test]
async fn a4_any_subset_of_the_last_batchs_sectors_is_a_torn_tail() {
    let (bytes, ends) = written().await;
    let [.., before, end] = ends[..] else { panic!() };
    let sectors = (end - before) / SECTOR_BYTES;
    for mask in 0u32..1 << sectors {
        let mut torn = bytes.clone();
        for sector in (0..sectors).filter(|s| mask & (1 << s) == 0) {
            torn[before + sector * SECTOR_BYTES..][..SECTOR_BYTES].fill(0);
        }
        let whole = mask == (1 << sectors) - 1;
        assert_eq!(last_index(&torn).unwrap(), Some(if whole { 5 } else { 4 }), "sectors {mask:b}");
    }
}

#[tokio::test]
async fn a4_a_changed_byte_anywhere_is_damage() {
    let (bytes, _) = written().await;
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x40;
        assert!(matches!(last_index(&changed), Err(LogError::Damaged { .. })), "byte {at}");
    }
}

#[tokio::test]
async fn a4_a_zeroed_sector_before_the_last_batch_is_damage() {
    let (bytes, ends) = written().await;
    let before = ends[ends.len() - 2];
    for start in (0..before).step_by(SECTOR_BYTES) {
        let mut changed = bytes.clone();
        changed[start..start + SECTOR_BYTES].fill(0);
        assert!(matches!(last_index(&changed), Err(LogError::Damaged { .. })), "sector at {start}");
    }
}

#[tokio::test]
async fn a4_zeros_behind_the_last_batch_are_cut() {
    let (mut bytes, _) = written().await;
    let whole = bytes.len();
    for extra in [1, 100, SECTOR_BYTES, 5 * SECTOR_BYTES + 3] {
        bytes.resize(whole + extra, 0);
        assert_eq!(last_index(&bytes).unwrap(), Some(5));
    }
    bytes.push(1);
    bytes.resize(whole + 20 * SECTOR_BYTES, 0);
    assert!(matches!(last_index(&bytes), Err(LogError::Damaged { .. })), "not zero: not ours to cut");
}

#[tokio::test]
async fn a_torn_tail_is_cut_once_and_the_log_goes_on() {
    let (bytes, ends) = written().await;
    let dir = TempDir::new().unwrap();
    let path = segment::path(dir.path(), 1);
    std::fs::write(&path, &bytes[..bytes.len() - 700]).unwrap();
    let log = open(dir.path(), u64::MAX).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().len() as usize, ends[ends.len() - 2]);
    append(&log, vec![blank(3, 5)]).await;
    drop(log);
    let log = open(dir.path(), u64::MAX).unwrap();
    assert_eq!(log.index().last(), Some(log_id(3, 5)));
}

#[tokio::test]
async fn a4_a_torn_tail_in_a_file_that_is_not_the_last_is_damage() {
    let dir = TempDir::new().unwrap();
    let log = open(dir.path(), 2048).unwrap();
    for index in 0..6 {
        append(&log, vec![large(index)]).await;
    }
    drop(log);
    let first = segment::path(dir.path(), 1);
    let len = std::fs::metadata(&first).unwrap().len();
    assert!(segment::path(dir.path(), 2).exists());
    let bytes = std::fs::read(&first).unwrap();
    for cut in [1, SECTOR_BYTES, len as usize / 2] {
        std::fs::write(&first, &bytes[..bytes.len() - cut]).unwrap();
        assert!(matches!(open(dir.path(), 2048), Err(LogError::Damaged { .. })));
    }
    // Without its last batch altogether, the next file's first batch number does not follow.
    std::fs::write(&first, &bytes[..2 * SECTOR_BYTES]).unwrap();
    assert!(matches!(open(dir.path(), 2048), Err(LogError::Damaged { .. })));
}

#[tokio::test]
async fn a_missing_file_is_noticed() {
    let dir = TempDir::new().unwrap();
    let log = open(dir.path(), 2048).unwrap();
    for index in 0..9 {
        append(&log, vec![large(index)]).await;
    }
    drop(log);
    std::fs::remove_file(segment::path(dir.path(), 2)).unwrap();
    assert!(matches!(open(dir.path(), 2048), Err(LogError::MissingSegment { sequence: 2 })));
    std::fs::remove_file(segment::path(dir.path(), 1)).unwrap();
    assert!(matches!(open(dir.path(), 2048), Err(LogError::MissingEntry { index: 0 })));
}

#[tokio::test]
async fn purged_files_go_only_when_a_durable_snapshot_covers_them() {
    let dir = TempDir::new().unwrap();
    let coverage = Coverage::default();
    let log = SegmentLog::open(dir.path(), NODE, log_options(1024), coverage.clone()).unwrap();
    log.save_vote(Vote::new(7, 1)).await.unwrap();
    for index in 0..20 {
        append(&log, vec![large(index)]).await;
    }
    let files = || std::fs::read_dir(dir.path()).unwrap().count();
    let all = files();
    log.purge(log_id(1, 15)).unwrap();
    append(&log, vec![large(20)]).await;
    assert!(files() >= all, "nothing is covered yet");
    coverage.store(11, Ordering::SeqCst);
    append(&log, vec![large(21)]).await;
    // The reply comes before the removal; the next request is served after it.
    log.save_vote(Vote::new(8, 1)).await.unwrap();
    let some = files();
    assert!(some < all, "{some} of {all}");
    coverage.store(16, Ordering::SeqCst);
    drop({
        append(&log, vec![large(22)]).await;
        log
    });
    assert!(files() < some);

    let log = open(dir.path(), 1024).unwrap();
    assert_eq!(log.index().purged, Some(log_id(1, 15)));
    assert_eq!(log.index().vote, Some(Vote::new(8, 1)));
    let slots = log.index().range(0, u64::MAX);
    let indexes: Vec<u64> = log.load(slots).unwrap().iter().map(|e| e.log_id.index).collect();
    assert_eq!(indexes, (16..=22).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_entry_that_could_not_be_read_back_is_refused() {
    let dir = TempDir::new().unwrap();
    let log = open(dir.path(), u64::MAX).unwrap();
    let huge = crate::tests::normal(
        1,
        0,
        kms_state::Command::SetDescription {
            key: kms_types::KeyId::from_random(kms_types::KeyIdKind::SingleRegion, [1; 16]),
            description: "x".repeat(MAX_ENTRY_BYTES),
        },
    );
    let openraft::EntryPayload::Normal(proposal) = &huge.payload else { panic!() };
    assert!(!proposal_fits(proposal));
    assert!(matches!(log.append(vec![huge], IOFlushed::noop()), Err(LogError::TooLarge { .. })));
    assert_eq!(log.index().last(), None);
}

#[tokio::test]
async fn the_commit_mark_survives_with_the_next_batch() {
    let dir = TempDir::new().unwrap();
    let log = open(dir.path(), u64::MAX).unwrap();
    append(&log, vec![blank(1, 0), blank(1, 1), blank(1, 2)]).await;
    log.save_committed(Some(log_id(1, 1)));
    append(&log, vec![blank(1, 3)]).await;
    drop(log);
    let log = open(dir.path(), u64::MAX).unwrap();
    assert_eq!(log.index().committed(), Some(log_id(1, 1)));
}

#[tokio::test]
async fn a_failed_fsync_of_a_new_file_is_fatal_too() {
    let dir = TempDir::new().unwrap();
    let disk = crate::tests::FaultyDisk::default();
    let (fatal, calls) = no_exit();
    let opts = LogOptions { disk: Arc::new(disk.clone()), fatal, cache_bytes: 0, ..log_options(0) };
    let log = SegmentLog::open(dir.path(), NODE, opts, Coverage::default()).unwrap();
    disk.fail_sync.store(true, Ordering::SeqCst);
    assert!(matches!(log.save_vote(Vote::new(1, 1)).await, Err(LogError::Closed)));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

/// The bytes of version 1. A change here is a new format version, never a new constant.
#[test]
fn records_keep_their_bytes() {
    let tick =
        crate::tests::normal(2, 6, kms_state::Command::Tick { now: kms_types::Timestamp::from_millis(7) });
    let boot = crate::Boot { number: 4, nonce: [5; 16] };
    let seen = crate::Seen {
        incarnation: crate::NodeIncarnation([6; 16]),
        boot: Some(boot),
        voted: Some(log_id(2, 5).leader_id),
        last: Some(log_id(2, 5)),
    };
    let records = [
        Record::Entry(Arc::new(blank(2, 5))),
        Record::Entry(Arc::new(tick)),
        Record::Entry(Arc::new(membership(2, 7))),
        Record::Truncate(Some(9)),
        Record::Purge(log_id(2, 5)),
        Record::Vote(Vote::new_committed(3, 1)),
        Record::Committed(log_id(2, 5)),
        Record::Boot(boot),
        Record::Seen(3, seen),
    ];
    let found: Vec<String> = records.iter().map(|r| hex::encode(record::encode(r))).collect();
    assert_eq!(found, GOLDEN);
    for (golden, record) in GOLDEN.iter().zip(records) {
        assert_eq!(record::decode(&hex::decode(golden).unwrap()).unwrap(), record);
    }
}

fn membership(term: u64, index: u64) -> Entry {
    let peer = crate::Peer { cluster: "c:1".to_owned(), api: "a:1".to_owned(), ..crate::Peer::default() };
    let nodes = BTreeMap::from([(1u64, peer)]);
    let payload =
        openraft::EntryPayload::Membership(openraft::Membership::new(vec![[1].into()], nodes).unwrap());
    Entry { log_id: log_id(term, index), payload }
}

const GOLDEN: [&str; 9] = [
    "000000000000000002000000000000000100000000000000050000000000000000000000",
    "000000000000000002000000000000000100000000000000060000000000000001000000240000000000000030363030303030302d303030302d343030302d383030302d30303030303030303030303001000000010000000000000000010000000700000000000000",
    "000000000000000002000000000000000100000000000000070000000000000002000000010000000000000001000000000000000100000000000000010000000000000001000000000000000300000000000000633a310300000000000000613a3100000000000000000000000000000000",
    "0000000001000000010900000000000000",
    "0000000002000000020000000000000001000000000000000500000000000000",
    "00000000030000000300000000000000010000000000000001",
    "0000000004000000020000000000000001000000000000000500000000000000",
    "0000000005000000040000000000000005050505050505050505050505050505",
    "000000000600000003000000000000000606060606060606060606060606060601040000000000000005050505050505050505050505050505010200000000000000010000000000000001020000000000000001000000000000000500000000000000",
];

/// What may happen to a log.
#[derive(Debug, Clone)]
enum Step {
    Append(u8),
    Truncate(u8),
    Purge(u8),
    Vote(u8),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1u8..6).prop_map(Step::Append),
        1 => (0u8..4).prop_map(Step::Truncate),
        1 => (0u8..8).prop_map(Step::Purge),
        1 => any::<u8>().prop_map(Step::Vote),
        1 => Just(Step::Reopen),
    ]
}

/// The log as a map.
#[derive(Default)]
struct Model {
    entries: BTreeMap<u64, Entry>,
    purged: Option<LogId>,
    vote: Option<Vote>,
    term: u64,
}

impl Model {
    fn next(&self) -> u64 {
        self.entries.keys().next_back().map(|i| i + 1).or(self.purged.map(|p| p.index + 1)).unwrap_or(0)
    }

    async fn take(&mut self, step: Step, dir: &Path, log: SegmentLog, coverage: &Coverage) -> SegmentLog {
        match step {
            Step::Append(count) => {
                let first = self.next();
                let entries: Vec<Entry> =
                    (first..first + u64::from(count)).map(|i| blank(self.term, i)).collect();
                self.entries.extend(entries.iter().map(|e| (e.log_id.index, e.clone())));
                append(&log, entries).await;
            }
            Step::Truncate(back) => {
                // A new leader follows a truncation.
                self.term += 1;
                let keep = self
                    .next()
                    .checked_sub(1 + u64::from(back))
                    .filter(|k| self.purged.is_none_or(|p| p.index <= *k));
                let Some(keep) = keep else { return log };
                self.entries.retain(|i, _| *i <= keep);
                log.truncate(Some(keep)).await.unwrap();
            }
            Step::Purge(ahead) => {
                let Some(upto) = self.entries.values().nth(usize::from(ahead)).map(|e| e.log_id) else {
                    return log;
                };
                coverage.store(upto.index + 1, Ordering::SeqCst);
                self.entries.retain(|i, _| *i > upto.index);
                self.purged = Some(upto);
                log.purge(upto).unwrap();
            }
            Step::Vote(term) => {
                self.vote = Some(Vote::new(u64::from(term), 1));
                log.save_vote(Vote::new(u64::from(term), 1)).await.unwrap();
            }
            Step::Reopen => {
                drop(log);
                return SegmentLog::open(dir, NODE, log_options(2048), coverage.clone()).unwrap();
            }
        }
        log
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn the_log_behaves_like_a_map(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let dir = TempDir::new().unwrap();
        let coverage = Coverage::default();
        let mut model = Model::default();
        runtime.block_on(async {
            let mut log = SegmentLog::open(dir.path(), NODE, log_options(2048), coverage.clone()).unwrap();
            for step in steps.into_iter().chain([Step::Reopen]) {
                log = model.take(step, dir.path(), log, &coverage).await;
                let slots = log.index().range(0, u64::MAX);
                let found = log.load(slots).unwrap();
                assert_eq!(found, model.entries.values().cloned().collect::<Vec<_>>());
                assert_eq!(log.index().vote, model.vote);
                assert_eq!(log.index().purged, model.purged);
            }
        });
    }

    #[test]
    fn h1_no_bytes_break_the_scanner(bytes in prop::collection::vec(any::<u8>(), 0..2000), batch in 1u64..3) {
        let path = Path::new("log");
        let _ = segment::Header::parse(path, &bytes);
        let mut framed = vec![0; SECTOR_BYTES];
        framed.extend(sector::encode(batch, &bytes));
        framed.extend(&bytes);
        let _ = segment::scan(path, &framed, 1, segment::Place::Last);
        for found in record::split(&bytes) {
            let Some((_, encoded)) = found else { break };
            let _ = record::decode(encoded);
        }
    }
}
