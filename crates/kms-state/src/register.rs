use kms_types::Epoch;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::{ControlRecord, MaterialInfo};

/// One voter's acceptor state for one key; replicated inside the Region before any answer leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// The highest epoch promised; nothing lower is accepted any more (invariant C6).
    pub promised: Option<Epoch>,
    /// The highest record accepted.
    pub accepted: Option<Arc<ControlRecord>>,
    /// The highest record known to be committed by a majority. Only this one has effect (rule 1).
    pub committed: Option<Arc<ControlRecord>>,
    /// Log index of the last change of `committed` or `displaced`: the cursor that peers pull with.
    pub sequence: u64,
    /// Materials that were active in a record which lost to `committed` after an unsafe promotion, and are not active
    /// in it. Kept until the primary has adopted them (rule 9); always empty otherwise.
    pub displaced: Vec<MaterialInfo>,
}

impl Register {
    /// What this voter knows of the key: the committed record, or, if none was ever heard of, the accepted one.
    pub fn known(&self) -> Option<&Arc<ControlRecord>> {
        self.committed.as_ref().or(self.accepted.as_ref())
    }

    /// True when a record was accepted that is not yet known to be committed.
    pub fn has_outstanding(&self) -> bool {
        match (&self.accepted, &self.committed) {
            (Some(accepted), Some(committed)) => accepted.version > committed.version,
            (accepted, _) => accepted.is_some(),
        }
    }

    /// True when the Region protocol has something to finish: an outstanding record, or a promise to a candidate that
    /// has not become primary.
    pub fn is_unsettled(&self) -> bool {
        let epoch = self.committed.as_ref().map(|r| &r.version.epoch);
        !self.is_destroyed() && (self.has_outstanding() || self.promised.as_ref() > epoch)
    }

    /// True for ever once the tombstone is committed (invariant D3).
    pub fn is_destroyed(&self) -> bool {
        self.committed.as_ref().is_some_and(|r| r.is_destroyed())
    }
}
