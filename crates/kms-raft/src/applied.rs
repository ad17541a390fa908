use crate::{LogId, StoredMembership};
use kms_state::State;
use serde::{Deserialize, Serialize};

/// The state after a group of entries: what reads are served from.
#[derive(Debug, Clone, Default)]
pub struct Applied {
    /// Index of the last applied entry; zero before the first.
    pub index: u64,
    /// Its full id.
    pub log_id: Option<LogId>,
    /// The newest applied membership.
    pub membership: StoredMembership,
    /// The state; cloning it is O(1).
    pub state: State,
}

impl Applied {
    pub(crate) fn new(mark: AppliedMark, state: State) -> Self {
        let index = mark.log_id.map_or(0, |id| id.index);
        Self { index, log_id: mark.log_id, membership: mark.membership, state }
    }

    pub(crate) fn mark(&self) -> AppliedMark {
        AppliedMark { log_id: self.log_id, membership: self.membership.clone() }
    }
}

/// How far a stored state goes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct AppliedMark {
    pub(crate) log_id: Option<LogId>,
    pub(crate) membership: StoredMembership,
}
