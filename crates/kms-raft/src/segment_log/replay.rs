//! Rebuilds the index from the files.
//!
//! Does not write: cutting a torn tail is left to the opener, which is told where.

use super::error::LogError;
use super::index::{Index, Place, Slot};
use super::record::{self, Record};
use super::segment::{self, Header, Scanned};
use crate::disk::{Disk, Reader};
use crate::{Boot, LogId, Seen, Vote};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// One file, as far as the writer needs to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) sequence: u64,
    /// The highest index of any entry in it, void ones included.
    pub(super) max_index: Option<u64>,
}

/// The marks that every file repeats at its start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) vote: Option<Vote>,
    pub(super) purged: Option<LogId>,
    pub(super) committed: Option<LogId>,
    pub(super) boot: Option<Boot>,
    pub(super) seen: BTreeMap<u64, Seen>,
}

/// The log as found.
#[derive(Debug, Default)]
pub(super) struct Replayed {
    pub(super) marks: Marks,
    pub(super) segments: Vec<Known>,
    /// Length of the last file up to its last whole batch.
    pub(super) valid_bytes: u64,
    /// Length of the last file as found.
    pub(super) found_bytes: u64,
    pub(super) next_batch: u64,
    entries: BTreeMap<u64, (LogId, Place)>,
}

/// Reads all files of the directory.
pub(super) fn replay(disk: &dyn Disk, dir: &Path, node: u64) -> Result<Replayed, LogError> {
    let sequences = list(disk, dir)?;
    let mut replayed = Replayed { next_batch: 1, ..Replayed::default() };
    for (i, sequence) in sequences.iter().enumerate() {
        let place = if i + 1 == sequences.len() { segment::Place::Last } else { segment::Place::Inner };
        let path = segment::path(dir, *sequence);
        let bytes = read(disk, &path).map_err(LogError::io("read", &path))?;
        replayed.read_file(&path, &bytes, *sequence, node, place)?;
    }
    Ok(replayed)
}

/// The numbers of all files, ascending and without a gap.
fn list(disk: &dyn Disk, dir: &Path) -> Result<Vec<u64>, LogError> {
    let names = disk.list(dir).map_err(LogError::io("list", dir))?;
    let mut sequences: Vec<u64> = names.iter().filter_map(|name| segment::sequence_of(name)).collect();
    sequences.sort_unstable();
    match sequences.windows(2).find_map(|w| w.first().zip(w.last()).filter(|(a, b)| **a + 1 != **b)) {
        Some((before, _)) => Err(LogError::MissingSegment { sequence: before + 1 }),
        None => Ok(sequences),
    }
}

fn read(disk: &dyn Disk, path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Reader::open(disk, path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl Replayed {
    fn read_file(
        &mut self,
        path: &Path,
        bytes: &[u8],
        sequence: u64,
        node: u64,
        place: segment::Place,
    ) -> Result<(), LogError> {
        let header = Header::parse(path, bytes)?;
        self.check_header(path, header, sequence, node)?;
        let scanned = segment::scan(path, bytes, header.first_batch, place)?;
        if scanned.batches.is_empty() {
            // The first batch is durable before the file has its name, so it cannot be torn.
            return Err(LogError::damaged(path, 0, "the first batch is missing"));
        }
        self.segments.push(Known { sequence, max_index: None });
        self.next_batch = header.first_batch + scanned.batches.len() as u64;
        (self.valid_bytes, self.found_bytes) = (scanned.valid_bytes, bytes.len() as u64);
        self.take_batches(path, sequence, scanned)
    }

    fn check_header(&self, path: &Path, header: Header, sequence: u64, node: u64) -> Result<(), LogError> {
        if header.node != node {
            return Err(LogError::WrongNode { path: path.to_owned(), expected: node, found: header.node });
        }
        let follows = self.segments.is_empty() || header.first_batch == self.next_batch;
        match header.sequence == sequence && follows {
            true => Ok(()),
            false => Err(LogError::damaged(path, 0, "the file is out of place")),
        }
    }

    fn take_batches(&mut self, path: &Path, segment: u64, scanned: Scanned) -> Result<(), LogError> {
        for batch in scanned.batches {
            let damaged = || {
                LogError::damaged(
                    path,
                    batch.sector * super::sector::SECTOR_BYTES as u64,
                    "a record does not decode",
                )
            };
            for found in record::split(&batch.body) {
                let (offset, encoded) = found.ok_or_else(damaged)?;
                let record = record::decode(encoded).map_err(|_| damaged())?;
                let place = Place { segment, sector: batch.sector, offset, len: encoded.len() };
                self.take(record, place);
            }
        }
        Ok(())
    }

    fn take(&mut self, record: Record, place: Place) {
        match record {
            Record::Entry(entry)
                if seeded!(IgnoreTruncation) && self.entries.contains_key(&entry.log_id.index) => {}
            Record::Entry(entry) => {
                let index = entry.log_id.index;
                self.entries.insert(index, (entry.log_id, place));
                if let Some(segment) = self.segments.last_mut() {
                    segment.max_index = segment.max_index.max(Some(index));
                }
            }
            Record::Truncate(_) if seeded!(IgnoreTruncation) => {}
            Record::Truncate(None) => self.entries.clear(),
            Record::Truncate(Some(keep)) => self.entries.retain(|index, _| *index <= keep),
            Record::Purge(upto) => self.marks.purged = self.marks.purged.max(Some(upto)),
            Record::Vote(vote) => self.marks.vote = Some(vote),
            Record::Committed(upto) => self.marks.committed = self.marks.committed.max(Some(upto)),
            Record::Boot(boot) => self.marks.boot = Some(boot),
            Record::Seen(node, seen) => self.marks.seen.entry(node).or_insert(seen).learn(&seen),
        }
    }

    /// The index, once it is certain that no entry is missing between the purge point and the end.
    pub(super) fn into_index(self) -> Result<Index, LogError> {
        // Files go only after a purge, or when they hold no entry; so without one the log begins with its first.
        let files_gone = self.segments.first().is_some_and(|s| s.sequence > 1);
        if self.marks.purged.is_none() && files_gone && self.entries.keys().next().is_some_and(|i| *i > 0) {
            return Err(LogError::MissingEntry { index: 0 });
        }
        let mut index = Index::default();
        (index.vote, index.committed) = (self.marks.vote, self.marks.committed);
        (index.boot, index.seen) = (self.marks.boot, self.marks.seen);
        if let Some(purged) = self.marks.purged {
            index.purge(purged);
        }
        for (at, (log_id, place)) in self.entries {
            if index.purged.is_some_and(|p| at <= p.index) {
                continue;
            }
            match index.next_index() {
                Some(next) if next != at => return Err(LogError::MissingEntry { index: next }),
                _ => index.push(Slot { log_id, size_bytes: place.len, place: Some(place), cached: None }),
            }
        }
        Ok(index)
    }

    /// The last file, if there is one.
    pub(super) fn last_path(&self, dir: &Path) -> Option<PathBuf> {
        self.segments.last().map(|s| segment::path(dir, s.sequence))
    }
}
