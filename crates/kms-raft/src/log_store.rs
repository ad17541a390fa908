//! openraft's view of the log.
//!
//! Adapts only: durability and order are the business of [`crate::segment_log`].

use crate::disk::DirLock;
use crate::runtime::blocking;
use crate::segment_log::{LogError, SegmentLog, Slot};
use crate::{Entry, LogId, Standings, TypeConfig, Vote};
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::{OptionalSend, RaftLogReader};
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

/// Most bytes that one replication read returns, if no single entry is larger.
const READ_LIMIT_BYTES: usize = 2 << 20;

/// The log, for `openraft::Raft::new`.
#[derive(Clone)]
pub struct LogStore {
    log: SegmentLog,
    /// Keeps the directory locked while anybody may write to it.
    _lock: DirLock,
}

impl LogStore {
    pub(crate) fn new(log: SegmentLog, lock: DirLock) -> Self {
        Self { log, _lock: lock }
    }

    /// Begins a start of this node: `covered` is where its stored state ends, `nonce` is drawn for it.
    pub fn standings(&self, covered: Option<LogId>, nonce: [u8; 16]) -> Arc<Standings> {
        Arc::new(Standings::new(self.log.clone(), covered, nonce))
    }

    /// Entries in `start..end` as far as the log contains them.
    async fn read(&self, start: u64, end: u64, limit_bytes: usize) -> Result<Vec<Entry>, LogError> {
        let slots = within(self.log.index().range(start, end), limit_bytes);
        if slots.iter().all(|s| s.cached.is_some()) {
            return self.log.load(slots);
        }
        let log = self.log.clone();
        blocking(move || log.load(slots)).await.map_err(|_| LogError::Closed)?
    }
}

/// The first slots up to a total size, at least one.
fn within(slots: Vec<Slot>, limit_bytes: usize) -> Vec<Slot> {
    let mut total_bytes = 0usize;
    let first = slots.first().map(|s| s.log_id);
    slots
        .into_iter()
        .take_while(|slot| {
            total_bytes = total_bytes.saturating_add(slot.size_bytes());
            total_bytes <= limit_bytes || first == Some(slot.log_id)
        })
        .collect()
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, io::Error> {
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(start) => start.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(end) => end.saturating_add(1),
            Bound::Excluded(end) => *end,
            Bound::Unbounded => u64::MAX,
        };
        Ok(self.read(start, end, usize::MAX).await?)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry>, io::Error> {
        Ok(self.read(start, end, READ_LIMIT_BYTES).await?)
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.log.index().vote)
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, io::Error> {
        let index = self.log.index();
        Ok(LogState { last_purged_log_id: index.purged, last_log_id: index.last() })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        Ok(self.log.save_vote(*vote).await?)
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        self.log.save_committed(committed);
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        Ok(self.log.index().committed())
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<TypeConfig>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        Ok(self.log.append(entries.into_iter().collect(), callback)?)
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> Result<(), io::Error> {
        Ok(self.log.truncate(last_log_id.map(|id| id.index)).await?)
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), io::Error> {
        Ok(self.log.purge(log_id)?)
    }
}
