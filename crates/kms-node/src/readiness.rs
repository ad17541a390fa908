//! Whether a node may be sent calls.
//!
//! A node serves once Region time has moved since it started: before that it could neither date a signature nor know
//! that a leader reaches it. It stops when it shuts down, its audit log fails (failure case 28), it leads without a quorum, or
//! it follows a leader that it does not hear: cut off from the others, it could neither read nor write, and would not know that
//! another leads. It stops for good when it, or its Region, was removed or went back to an earlier state (invariant A5).

use kms_types::Timestamp;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::group::Group;

/// The answer of `GET /ready`.
pub(crate) struct Readiness {
    group: Group,
    started_at: Timestamp,
    refusing: AtomicBool,
}

impl Readiness {
    /// Not ready until Region time passes its present value.
    pub(crate) fn new(group: Group) -> Self {
        let started_at = group.applied().state.region_time();
        Self { group, started_at, refusing: AtomicBool::new(false) }
    }

    /// From now on this node is not to be sent calls.
    pub(crate) fn refuse(&self) {
        self.refusing.store(true, Ordering::Relaxed);
    }

    /// True when calls can be served.
    pub(crate) fn is_ready(&self) -> bool {
        !self.refusing.load(Ordering::Relaxed)
            && self.group.is_admitted()
            && self.group.leader().is_some()
            && !self.group.has_lost_its_quorum()
            && !self.group.has_lost_its_leader()
            && self.group.applied().state.counts()
            && self.group.applied().state.region_time() > self.started_at
    }
}
