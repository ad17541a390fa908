//! The one that writes, a thread or a task: collects what is queued, one write, one fdatasync, then answers.
//!
//! Never answers after a failure: it calls the fatal hook and ends (A2).

use super::error::LogError;
use super::index::{Index, Place};
use super::record::{self, Record};
use super::replay::{Known, Marks};
use super::sector::{self, SECTOR_BYTES};
use super::segment::{self, Header};
use crate::disk::{Disk, DiskFile};
use crate::{Boot, FatalHook, LogId, Seen, TypeConfig, Vote};
use openraft::storage::IOFlushed;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// Largest group written at once, if no single request is larger.
const GROUP_BYTES: usize = 4 << 20;

/// What a record changes in the writer's own picture.
#[derive(Debug, Clone)]
pub(super) enum Effect {
    Entry(LogId),
    Truncate,
    Purge(LogId),
    Vote(Vote),
    Boot(Boot),
    Seen(u64, Seen),
}

/// Whom to tell once it is durable.
pub(super) enum Done {
    Raft(IOFlushed<TypeConfig>),
    Waiter(tokio::sync::oneshot::Sender<()>),
    Nobody,
}

/// One request.
pub(super) struct Job {
    pub(super) records: Vec<(Effect, Vec<u8>)>,
    pub(super) done: Done,
}

impl Job {
    fn size_bytes(&self) -> usize {
        self.records.iter().map(|(_, encoded)| encoded.len() + 4).sum()
    }
}

/// Who writes the log.
#[derive(Clone)]
pub enum LogWriter {
    /// A thread: fsync blocks.
    Thread,
    /// A task of the current runtime that waits before each write; for simulated disks, which do not block.
    Task {
        /// How long the next write takes.
        delay: Arc<dyn Fn() -> Duration + Send + Sync>,
    },
}

/// How many log indexes from zero a durable snapshot covers; no file with later entries may go.
pub(crate) type Coverage = Arc<AtomicU64>;

/// What the writer shares with, or was given by, the log.
pub(super) struct Setting {
    pub(super) dir: PathBuf,
    pub(super) node: u64,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) fatal: FatalHook,
    pub(super) coverage: Coverage,
    pub(super) segment_bytes: u64,
    pub(super) cache_bytes: usize,
}

/// The file being written.
struct Active {
    known: Known,
    file: Box<dyn DiskFile>,
    sectors: u64,
}

/// State of the writer.
pub(super) struct Writer {
    setting: Setting,
    index: Arc<Mutex<Index>>,
    active: Active,
    sealed: VecDeque<Known>,
    marks: Marks,
    next_batch: u64,
}

impl Writer {
    /// Continues the last file.
    pub(super) fn resume(setting: Setting, index: Arc<Mutex<Index>>, found: Found) -> Result<Self, LogError> {
        let Found { marks, mut segments, next_batch, valid_bytes } = found;
        let (active, next_batch) = match segments.pop() {
            Some(known) => {
                let path = segment::path(&setting.dir, known.sequence);
                let file = setting.disk.open(&path).map_err(LogError::io("open", &path))?;
                (Active { known, file, sectors: valid_bytes / SECTOR_BYTES as u64 }, next_batch)
            }
            None => (create(&setting, 1, next_batch, &marks)?, next_batch + 1),
        };
        Ok(Self { setting, index, active, sealed: segments.into(), marks, next_batch })
    }

    /// Works until every sender is gone or a write fails.
    pub(super) fn run(mut self, mut jobs: UnboundedReceiver<Job>) {
        while let Some(first) = jobs.blocking_recv() {
            if self.work(group(first, &mut jobs)).is_err() {
                return;
            }
        }
    }

    /// As [`Writer::run`], as a task. Work that arrives during the wait joins the group.
    pub(super) async fn run_slowly(
        mut self,
        mut jobs: UnboundedReceiver<Job>,
        delay: Arc<dyn Fn() -> Duration + Send + Sync>,
    ) {
        while let Some(first) = jobs.recv().await {
            tokio::time::sleep(delay()).await;
            if self.work(group(first, &mut jobs)).is_err() {
                return;
            }
        }
    }

    /// Writes a group, answers, and removes what is no longer needed. After an error there is nothing more to do.
    fn work(&mut self, group: Vec<Job>) -> Result<(), LogError> {
        let failed = |writer: &Self, error: &LogError| (writer.setting.fatal)(&Chain(error));
        match self.commit(&group) {
            Err(_) if seeded!(IgnoreFailedWrite) => {}
            committed => committed.inspect_err(|error| failed(self, error))?,
        }
        group.into_iter().for_each(finish);
        self.remove_covered().inspect_err(|error| failed(self, error))
    }

    /// Makes a group durable.
    fn commit(&mut self, group: &[Job]) -> Result<(), LogError> {
        if self.active.sectors * SECTOR_BYTES as u64 >= self.setting.segment_bytes {
            self.roll()?;
        }
        let mut body = Vec::new();
        self.push_committed(&mut body);
        let offsets: Vec<(LogId, usize, usize)> =
            group.iter().flat_map(|job| &job.records).filter_map(|r| self.push(&mut body, r)).collect();
        let sector = self.active.sectors;
        self.write(&sector::encode(self.next_batch, &body))?;
        self.next_batch += 1;
        self.publish(sector, &offsets);
        Ok(())
    }

    /// Notes the committed mark, if it moved: it costs no fsync of its own.
    fn push_committed(&mut self, body: &mut Vec<u8>) {
        let committed = lock(&self.index).committed;
        if let Some(upto) = committed.filter(|_| committed > self.marks.committed) {
            record::push(body, &record::encode(&Record::Committed(upto)));
            self.marks.committed = committed;
        }
    }

    /// Adds one record; for an entry, where its bytes begin and how many there are.
    fn push(
        &mut self,
        body: &mut Vec<u8>,
        (effect, encoded): &(Effect, Vec<u8>),
    ) -> Option<(LogId, usize, usize)> {
        record::push(body, encoded);
        match effect {
            Effect::Entry(log_id) => {
                self.active.known.max_index = self.active.known.max_index.max(Some(log_id.index));
                return Some((*log_id, body.len() - encoded.len(), encoded.len()));
            }
            Effect::Truncate => {}
            Effect::Purge(upto) => self.marks.purged = self.marks.purged.max(Some(*upto)),
            Effect::Vote(vote) => self.marks.vote = Some(*vote),
            Effect::Boot(boot) => self.marks.boot = Some(*boot),
            Effect::Seen(node, seen) => self.marks.seen.entry(*node).or_insert(*seen).learn(seen),
        }
        None
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), LogError> {
        let path = segment::path(&self.setting.dir, self.active.known.sequence);
        self.active.file.append(bytes).map_err(LogError::io("write", &path))?;
        if !seeded!(AnswerBeforeSync) {
            self.active.file.sync().map_err(LogError::io("sync", &path))?;
        }
        self.active.sectors += (bytes.len() / SECTOR_BYTES) as u64;
        Ok(())
    }

    fn publish(&self, sector: u64, offsets: &[(LogId, usize, usize)]) {
        let segment = self.active.known.sequence;
        let mut index = lock(&self.index);
        for (log_id, offset, len) in offsets {
            index.written(*log_id, Place { segment, sector, offset: *offset, len: *len });
        }
        index.shrink_cache(self.setting.cache_bytes);
    }

    /// Begins the next file. The old one is complete and durable, so damage in it is never a torn tail.
    fn roll(&mut self) -> Result<(), LogError> {
        let next = create(&self.setting, self.active.known.sequence + 1, self.next_batch, &self.marks)?;
        self.next_batch += 1;
        let old = std::mem::replace(&mut self.active, next);
        self.sealed.push_back(old.known);
        Ok(())
    }

    /// Removes the oldest files whose entries are all purged and covered by a durable snapshot.
    fn remove_covered(&mut self) -> Result<(), LogError> {
        let purged = self.marks.purged.map_or(0, |id| id.index + 1);
        let below = purged.min(self.setting.coverage.load(Ordering::Acquire));
        let mut removed = false;
        while let Some(oldest) = self.sealed.front().filter(|k| k.max_index.is_none_or(|i| i < below)) {
            let path = segment::path(&self.setting.dir, oldest.sequence);
            self.setting.disk.remove(&path).map_err(LogError::io("remove", &path))?;
            self.sealed.pop_front();
            removed = true;
        }
        match removed {
            true => {
                self.setting.disk.sync_dir(&self.setting.dir).map_err(LogError::io("sync", &self.setting.dir))
            }
            false => Ok(()),
        }
    }
}

/// What replay left for the writer.
pub(super) struct Found {
    pub(super) marks: Marks,
    pub(super) segments: Vec<Known>,
    pub(super) next_batch: u64,
    pub(super) valid_bytes: u64,
}

/// Creates a file with its header and first batch; it has its name only once both are durable.
fn create(setting: &Setting, sequence: u64, batch: u64, marks: &Marks) -> Result<Active, LogError> {
    let path = segment::path(&setting.dir, sequence);
    let aside = path.with_extension("part");
    let mut bytes = Header { node: setting.node, sequence, first_batch: batch }.encode();
    bytes.extend(sector::encode(batch, &repeat(marks)));
    let mut file = setting.disk.create(&aside).map_err(LogError::io("create", &aside))?;
    file.append(&bytes).map_err(LogError::io("write", &aside))?;
    file.sync().map_err(LogError::io("sync", &aside))?;
    setting.disk.rename(&aside, &path).map_err(LogError::io("rename", &aside))?;
    if !seeded!(SkipDirectorySync) {
        setting.disk.sync_dir(&setting.dir).map_err(LogError::io("sync", &setting.dir))?;
    }
    let known = Known { sequence, max_index: None };
    Ok(Active { known, file, sectors: (bytes.len() / SECTOR_BYTES) as u64 })
}

/// The marks as records, so that older files can go.
fn repeat(marks: &Marks) -> Vec<u8> {
    let records = [
        marks.vote.map(Record::Vote),
        marks.purged.map(Record::Purge),
        marks.committed.map(Record::Committed),
        marks.boot.map(Record::Boot),
    ];
    let seen = marks.seen.iter().map(|(node, seen)| Record::Seen(*node, *seen));
    let mut body = Vec::new();
    for record in records.into_iter().flatten().chain(seen) {
        record::push(&mut body, &record::encode(&record));
    }
    body
}

/// Takes along what else is queued, up to the size of a group.
fn group(first: Job, jobs: &mut UnboundedReceiver<Job>) -> Vec<Job> {
    let mut size_bytes = first.size_bytes();
    let mut group = vec![first];
    while size_bytes < GROUP_BYTES {
        let Ok(job) = jobs.try_recv() else { break };
        size_bytes += job.size_bytes();
        group.push(job);
    }
    group
}

fn finish(job: Job) {
    match job.done {
        Done::Raft(callback) => callback.io_completed(Ok(())),
        // A waiter that gave up needs no answer.
        Done::Waiter(waiter) => waiter.send(()).unwrap_or_default(),
        Done::Nobody => {}
    }
}

/// The index stays usable after a panic elsewhere: every change of it is complete before its lock is released.
pub(super) fn lock(index: &Mutex<Index>) -> std::sync::MutexGuard<'_, Index> {
    index.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An error with its source, for the one line that is logged.
struct Chain<'a>(&'a LogError);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        match std::error::Error::source(self.0) {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}
