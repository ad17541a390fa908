//! The durable log: entries, vote, purge point and commit mark in one sequence of records.
//!
//! Does not know Raft's rules; it keeps what it is told, in the order it is told (A2).
//!
//! # Why one sequence
//! Vote and entries share files, so that their order on disk is the order of the calls and both cost one fdatasync.
//! Every file begins with the marks of the ones before it, so old files can be removed. Truncation is a record as
//! well: nothing is ever overwritten.
//!
//! # What an unreadable place means (A4)
//! A *batch* is what one write and one fdatasync cover; it is acknowledged only after the fdatasync, and the next
//! one is written only after that. So at most the last batch was unacknowledged when the power went. Batches are cut
//! into sectors with a checksum each, because a power cut leaves each sector either written or not. At open:
//!
//! | Found | Means | Action |
//! |---|---|---|
//! | last batch has a sector that is all zero or past the end of the file; behind it only sectors of the same batch, or nothing | its fdatasync never completed, nobody was told | cut off, one warning |
//! | a sector that is neither zero nor intact, anywhere | was written and changed since: may have been acknowledged | refuse to open |
//! | an unfinished batch, and a later batch or file | was acknowledged | refuse to open |
//!
//! A disk that tears within a sector makes a node refuse that would have been right to cut: the safe side. A file cut
//! short behind our back looks like a torn tail: file systems do not shorten what fsync covered, and a node restored
//! to an older state is refused by its peers (A5).

mod error;
mod index;
mod record;
mod replay;
mod sector;
mod segment;
#[cfg(test)]
mod tests;
mod writer;

pub use error::LogError;
pub(crate) use index::Slot;
pub use record::{MAX_ENTRY_BYTES, proposal_fits};
pub(crate) use writer::Coverage;
pub use writer::LogWriter;

use crate::disk::{self, Disk, DiskRead};
use crate::{Boot, Entry, FatalHook, LogId, Seen, TypeConfig, Vote};
use index::{Index, Place};
use openraft::storage::IOFlushed;
use record::Record;
use sector::{DATA_BYTES, SECTOR_BYTES, Sector};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use writer::{Done, Effect, Found, Job, Setting, Writer};

/// Sizes and hooks of a log.
#[derive(Clone)]
pub(crate) struct LogOptions {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) fatal: FatalHook,
    pub(crate) writer: LogWriter,
    /// A file that has reached this size gets no more batches.
    pub(crate) segment_bytes: u64,
    /// How much of the newest entries stays in memory.
    pub(crate) cache_bytes: usize,
}

/// The log of one node. Cheap to clone; the last clone waits for the writer to end.
#[derive(Clone)]
pub(crate) struct SegmentLog {
    dir: Arc<PathBuf>,
    disk: Arc<dyn Disk>,
    index: Arc<Mutex<Index>>,
    writer: Arc<WriterHandle>,
}

struct WriterHandle {
    jobs: Option<UnboundedSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for WriterHandle {
    fn drop(&mut self) {
        self.jobs.take();
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has answered nobody; there is nothing to add here.
            let _ = thread.join();
        }
    }
}

impl SegmentLog {
    /// Opens or creates the log in `dir`, cutting off a torn tail.
    pub(crate) fn open(
        dir: &Path,
        node: u64,
        options: LogOptions,
        coverage: Coverage,
    ) -> Result<Self, LogError> {
        let replayed = replay::replay(&*options.disk, dir, node)?;
        settle_tail(dir, &replayed, &*options.disk)?;
        let found = Found {
            marks: replayed.marks.clone(),
            segments: replayed.segments.clone(),
            next_batch: replayed.next_batch,
            valid_bytes: replayed.valid_bytes,
        };
        let index = Arc::new(Mutex::new(replayed.into_index()?));
        let LogOptions { disk, fatal, writer: by, segment_bytes, cache_bytes } = options;
        let setting = Setting {
            dir: dir.to_owned(),
            node,
            disk: disk.clone(),
            fatal,
            coverage,
            segment_bytes,
            cache_bytes,
        };
        let writer = Writer::resume(setting, index.clone(), found)?;
        Ok(Self { dir: Arc::new(dir.to_owned()), disk, index, writer: Arc::new(spawn(dir, writer, by)?) })
    }

    /// The log in memory.
    pub(crate) fn index(&self) -> MutexGuard<'_, Index> {
        writer::lock(&self.index)
    }

    /// Queues entries; they are readable at once, and `done` is told when they are durable.
    pub(crate) fn append(&self, entries: Vec<Entry>, done: IOFlushed<TypeConfig>) -> Result<(), LogError> {
        let mut records = Vec::with_capacity(entries.len());
        let mut slots = Vec::with_capacity(entries.len());
        for entry in entries {
            let (slot, encoded) = prepare(entry)?;
            records.push((Effect::Entry(slot.log_id), encoded));
            slots.push(slot);
        }
        let mut index = self.index();
        for slot in slots {
            match index.next_index() {
                Some(next) if next != slot.log_id.index => {
                    return Err(LogError::MissingEntry { index: next });
                }
                _ => index.push(slot),
            }
        }
        self.submit(Job { records, done: Done::Raft(done) })
    }

    /// Makes every entry after `keep` void; returns when that is durable.
    pub(crate) async fn truncate(&self, keep: Option<u64>) -> Result<(), LogError> {
        let job = {
            let mut index = self.index();
            index.truncate(keep);
            self.submit_waiting(Effect::Truncate, &Record::Truncate(keep))?
        };
        job.await.map_err(|_| LogError::Closed)
    }

    /// Forgets entries up to a point; their files go once a durable snapshot covers them.
    pub(crate) fn purge(&self, upto: LogId) -> Result<(), LogError> {
        let mut index = self.index();
        index.purge(upto);
        let records = vec![(Effect::Purge(upto), record::encode(&Record::Purge(upto)))];
        self.submit(Job { records, done: Done::Nobody })
    }

    /// Stores the vote; visible and answered only once durable.
    pub(crate) async fn save_vote(&self, vote: Vote) -> Result<(), LogError> {
        if !seeded!(ForgetVote) {
            let durable = self.submit_waiting(Effect::Vote(vote), &Record::Vote(vote))?;
            durable.await.map_err(|_| LogError::Closed)?;
        }
        self.index().vote = Some(vote);
        Ok(())
    }

    /// Stores this node's start; returns once it is durable.
    pub(crate) async fn save_boot(&self, boot: Boot) -> Result<(), LogError> {
        let durable = self.submit_waiting(Effect::Boot(boot), &Record::Boot(boot))?;
        durable.await.map_err(|_| LogError::Closed)?;
        self.index().boot = Some(boot);
        Ok(())
    }

    /// Stores how far another node was seen; returns once it is durable. The order of two calls does not matter: the further
    /// one counts.
    pub(crate) async fn save_seen(&self, node: u64, seen: Seen) -> Result<(), LogError> {
        let durable = self.submit_waiting(Effect::Seen(node, seen), &Record::Seen(node, seen))?;
        durable.await.map_err(|_| LogError::Closed)?;
        self.index().seen.entry(node).or_insert(seen).learn(&seen);
        Ok(())
    }

    /// Notes how far the log is committed; written along with the next batch.
    pub(crate) fn save_committed(&self, committed: Option<LogId>) {
        self.index().committed = committed;
    }

    /// Reads entries that may no longer be in memory. Blocks on the disk.
    pub(crate) fn load(&self, slots: Vec<Slot>) -> Result<Vec<Entry>, LogError> {
        let mut open = None;
        let mut entries = Vec::with_capacity(slots.len());
        for slot in slots {
            match self.load_one(&slot, &mut open) {
                Ok(entry) => entries.push(entry),
                // Purged while we read: the log no longer contains it, which callers expect at the start.
                Err(_) if self.index().purged.is_some_and(|p| p.index >= slot.log_id.index) => {
                    entries.clear()
                }
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    }

    fn load_one(&self, slot: &Slot, open: &mut Option<(u64, Box<dyn DiskRead>)>) -> Result<Entry, LogError> {
        if let Some(entry) = &slot.cached {
            return Ok((**entry).clone());
        }
        let place = slot.place.ok_or(LogError::MissingEntry { index: slot.log_id.index })?;
        let path = segment::path(&self.dir, place.segment);
        let file = match open.take().filter(|(segment, _)| *segment == place.segment) {
            Some((_, file)) => file,
            None => self.disk.read(&path).map_err(LogError::io("open", &path))?,
        };
        let entry = read_entry(&path, &*file, place);
        *open = Some((place.segment, file));
        entry.and_then(|entry| match entry.log_id == slot.log_id {
            true => Ok(entry),
            false => {
                Err(LogError::damaged(&path, place.sector * SECTOR_BYTES as u64, "another entry lies here"))
            }
        })
    }

    fn submit_waiting(
        &self,
        effect: Effect,
        record: &Record,
    ) -> Result<tokio::sync::oneshot::Receiver<()>, LogError> {
        let (waiter, durable) = tokio::sync::oneshot::channel();
        self.submit(Job { records: vec![(effect, record::encode(record))], done: Done::Waiter(waiter) })?;
        Ok(durable)
    }

    fn submit(&self, job: Job) -> Result<(), LogError> {
        let jobs = self.writer.jobs.as_ref().ok_or(LogError::Closed)?;
        jobs.send(job).map_err(|_| LogError::Closed)
    }
}

fn spawn(dir: &Path, writer: Writer, by: LogWriter) -> Result<WriterHandle, LogError> {
    let (jobs, queue) = unbounded_channel();
    let thread = match by {
        LogWriter::Thread => {
            let thread = std::thread::Builder::new().name("raft-log".to_owned());
            let thread = thread.spawn(move || writer.run(queue));
            Some(thread.map_err(LogError::io("start the writer of", dir))?)
        }
        LogWriter::Task { delay } => {
            tokio::spawn(writer.run_slowly(queue, delay));
            None
        }
    };
    Ok(WriterHandle { jobs: Some(jobs), thread })
}

/// Cuts a torn tail off the last file; makes durable what is left, which may have been written and not synced.
fn settle_tail(dir: &Path, replayed: &replay::Replayed, disk: &dyn Disk) -> Result<(), LogError> {
    let Some(path) = replayed.last_path(dir) else { return Ok(()) };
    let mut file = disk.open(&path).map_err(LogError::io("open", &path))?;
    if replayed.valid_bytes < replayed.found_bytes && !seeded!(KeepTornTail) {
        let cut_bytes = replayed.found_bytes - replayed.valid_bytes;
        tracing::warn!(path = %path.display(), cut_bytes, "cut off a batch that was never acknowledged");
        file.cut(replayed.valid_bytes).map_err(LogError::io("cut", &path))?;
    }
    file.sync().map_err(LogError::io("sync", &path))
}

fn prepare(entry: Entry) -> Result<(Slot, Vec<u8>), LogError> {
    let log_id = entry.log_id;
    let entry = Arc::new(entry);
    let encoded = record::encode(&Record::Entry(entry.clone()));
    if encoded.len() > MAX_ENTRY_BYTES {
        return Err(LogError::TooLarge { size_bytes: encoded.len(), limit_bytes: MAX_ENTRY_BYTES });
    }
    let slot = Slot { log_id, size_bytes: encoded.len(), place: None, cached: Some(entry) };
    Ok((slot, encoded))
}

/// Reads the sectors that hold an entry and checks each.
fn read_entry(path: &Path, file: &dyn DiskRead, place: Place) -> Result<Entry, LogError> {
    let first = place.offset / DATA_BYTES;
    let last = (place.offset + place.len).div_ceil(DATA_BYTES);
    let start = (place.sector + first as u64) * SECTOR_BYTES as u64;
    let damaged = || LogError::damaged(path, start, "an entry that was intact at open is not");
    let mut bytes = vec![0; (last - first) * SECTOR_BYTES];
    disk::read_exact_at(file, &mut bytes, start).map_err(LogError::io("read", path))?;
    let mut data = Vec::with_capacity(bytes.len());
    for chunk in bytes.chunks(SECTOR_BYTES) {
        let Sector::Valid(part) = sector::parse(chunk) else { return Err(damaged()) };
        data.extend_from_slice(part.data);
    }
    let from = place.offset - first * DATA_BYTES;
    let encoded = data.get(from..from + place.len).ok_or_else(damaged)?;
    match record::decode(encoded) {
        Ok(Record::Entry(entry)) => Ok(Arc::unwrap_or_clone(entry)),
        _ => Err(damaged()),
    }
}
