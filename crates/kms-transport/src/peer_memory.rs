//! What a node has acknowledged on one connection, to notice when it has forgotten (invariant A5).

use kms_raft::{AppendResponse, LogId};

/// What a connection carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Entries, each message following on what the last one brought.
    Entries,
    /// Heartbeats, anchored at an entry that the node acknowledged on another connection.
    Heartbeats,
}

/// The last entry that a node acknowledged on one connection.
#[derive(Debug)]
pub struct PeerMemory {
    purpose: Purpose,
    acknowledged: Option<LogId>,
}

/// The node contradicts what it acknowledged: its disk was replaced or set back, and it may have forgotten a vote too.
/// It has to be removed and added again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the node lost entries it had acknowledged")]
pub struct Forgetful;

impl PeerMemory {
    /// Of a new connection.
    pub fn new(purpose: Purpose) -> Self {
        Self { purpose, acknowledged: None }
    }

    /// Judges the answer to a message that follows on `previous` and ends with `last`.
    pub fn check(
        &mut self,
        previous: Option<LogId>,
        last: Option<LogId>,
        answer: &AppendResponse,
    ) -> Result<(), Forgetful> {
        let held = match self.purpose {
            Purpose::Heartbeats => previous,
            Purpose::Entries => self.acknowledged,
        };
        match answer {
            AppendResponse::Conflict if previous.is_some() && previous <= held => return Err(Forgetful),
            AppendResponse::Success => self.acknowledged = self.acknowledged.max(last),
            AppendResponse::PartialSuccess(last) => self.acknowledged = self.acknowledged.max(*last),
            AppendResponse::Conflict | AppendResponse::HigherVote(_) => {}
        }
        Ok(())
    }
}
