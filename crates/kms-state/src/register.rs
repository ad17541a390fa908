use kms_types::Epoch;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::ControlRecord;

/// One voter's acceptor state for one key; replicated inside the Region before any answer leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// The highest epoch promised; nothing lower is accepted any more (invariant C6).
    pub promised: Option<Epoch>,
    /// The highest record accepted.
    pub accepted: Option<Arc<ControlRecord>>,
    /// The highest record known to be committed by a majority. Only this one has effect (rule 1).
    pub committed: Option<Arc<ControlRecord>>,
    /// Log index of the last change of `committed`: the cursor that peers pull with.
    pub sequence: u64,
}

impl Register {
    /// True when a record was accepted that is not yet known to be committed.
    pub fn has_outstanding(&self) -> bool {
        match (&self.accepted, &self.committed) {
            (Some(accepted), Some(committed)) => accepted.version > committed.version,
            (accepted, _) => accepted.is_some(),
        }
    }
}
