//! What the log holds, in memory: where each entry lies, the newest entries themselves, vote and marks.
//!
//! Does no IO. Entries are readable from the moment they are appended; where they lie is filled in once written.

use crate::{Boot, Entry, LogId, Seen, Vote};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Where an entry's bytes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file.
    pub(super) segment: u64,
    /// The first sector of the entry's batch.
    pub(super) sector: u64,
    /// Offset in the batch's body.
    pub(super) offset: usize,
    /// Length there.
    pub(super) len: usize,
}

/// One entry: in memory, on disk, or both.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub(crate) log_id: LogId,
    pub(super) size_bytes: usize,
    pub(super) place: Option<Place>,
    pub(crate) cached: Option<Arc<Entry>>,
}

impl Slot {
    /// Encoded size.
    pub(crate) fn size_bytes(&self) -> usize {
        self.size_bytes
    }
}

/// The log as readers see it.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) vote: Option<Vote>,
    pub(crate) committed: Option<LogId>,
    pub(crate) purged: Option<LogId>,
    /// The last start that was admitted.
    pub(crate) boot: Option<Boot>,
    /// How far other nodes were seen.
    pub(crate) seen: BTreeMap<u64, Seen>,
    slots: VecDeque<Slot>,
    cached_bytes: usize,
    /// Slots before this position are not cached.
    first_cached: usize,
}

impl Index {
    /// The last entry, or the purge point.
    pub(crate) fn last(&self) -> Option<LogId> {
        self.slots.back().map(|s| s.log_id).or(self.purged)
    }

    /// The last entry that is written and covered by an fsync, or the purge point.
    pub(crate) fn last_durable(&self) -> Option<LogId> {
        let written = self.slots.iter().rev().find(|slot| slot.place.is_some());
        written.map(|slot| slot.log_id).or(self.purged)
    }

    /// The index that the next entry must have; any, when the log was never used.
    pub(crate) fn next_index(&self) -> Option<u64> {
        self.last().map(|id| id.index + 1)
    }

    /// The committed mark, cut to what the log holds: the mark of a torn batch may point past its end.
    pub(crate) fn committed(&self) -> Option<LogId> {
        self.committed.min(self.last())
    }

    /// The entry at an index, if it is there.
    pub(crate) fn slot(&self, index: u64) -> Option<&Slot> {
        self.slots.get(usize::try_from(index.checked_sub(self.first()?)?).ok()?)
    }

    /// The entries in `start..end`.
    pub(crate) fn range(&self, start: u64, end: u64) -> Vec<Slot> {
        let Some(first) = self.first() else { return Vec::new() };
        let skip = usize::try_from(start.saturating_sub(first)).unwrap_or(usize::MAX);
        self.slots.iter().skip(skip).take_while(|s| s.log_id.index < end).cloned().collect()
    }

    pub(super) fn push(&mut self, slot: Slot) {
        if slot.cached.is_some() {
            self.cached_bytes += slot.size_bytes;
        }
        self.slots.push_back(slot);
    }

    /// Drops entries after an index; all without one.
    pub(super) fn truncate(&mut self, keep: Option<u64>) {
        while self.slots.back().is_some_and(|s| keep.is_none_or(|k| s.log_id.index > k)) {
            let dropped = self.slots.pop_back();
            self.uncount(dropped.as_ref());
        }
        self.first_cached = self.first_cached.min(self.slots.len());
    }

    /// Drops entries up to a point and remembers it.
    pub(super) fn purge(&mut self, upto: LogId) {
        if self.purged.is_some_and(|p| p >= upto) {
            return;
        }
        while self.slots.front().is_some_and(|s| s.log_id.index <= upto.index) {
            let dropped = self.slots.pop_front();
            self.uncount(dropped.as_ref());
            self.first_cached = self.first_cached.saturating_sub(1);
        }
        self.purged = Some(upto);
    }

    /// Records where an entry was written, unless it was truncated meanwhile.
    pub(super) fn written(&mut self, log_id: LogId, place: Place) {
        let Some(first) = self.first() else { return };
        let at = log_id.index.checked_sub(first).and_then(|at| usize::try_from(at).ok());
        if let Some(slot) = at.and_then(|at| self.slots.get_mut(at)).filter(|s| s.log_id == log_id) {
            slot.place = Some(place);
        }
    }

    /// Forgets the oldest written entries until the cache is within its limit.
    pub(super) fn shrink_cache(&mut self, limit_bytes: usize) {
        while self.cached_bytes > limit_bytes {
            let Some(slot) = self.slots.get_mut(self.first_cached).filter(|s| s.place.is_some()) else {
                return;
            };
            if slot.cached.take().is_some() {
                self.cached_bytes -= slot.size_bytes;
            }
            self.first_cached += 1;
        }
    }

    fn first(&self) -> Option<u64> {
        self.slots.front().map(|s| s.log_id.index)
    }

    fn uncount(&mut self, slot: Option<&Slot>) {
        if let Some(slot) = slot.filter(|s| s.cached.is_some()) {
            self.cached_bytes -= slot.size_bytes;
        }
    }
}
