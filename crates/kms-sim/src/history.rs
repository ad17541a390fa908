//! What clients asked and what they were told: one history per Region and key, to be judged at the end.

use crate::address::RegionNumber;
use kms_types::{GrantId, KeyId, KeyState};
use std::collections::BTreeMap;

/// What was asked of one key in one Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    Use,
    /// By the grantee, who may only while the grant exists.
    UseGrant,
    Describe,
    Disable,
    Enable,
    Describing(u32),
    Schedule,
    Cancel,
    Grant,
    Revoke(GrantId),
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Done,
    Description(KeyState, u32),
    Granted(GrantId),
    Disabled,
    PendingDeletion,
    NotPendingDeletion,
    NotFound,
    Denied,
    NoSuchGrant,
    /// The answer was lost, or says that nothing is known.
    Nothing,
}

impl Asked {
    /// True when it leaves no trace, so that without an answer there is nothing to judge.
    pub(crate) fn only_looks(&self) -> bool {
        matches!(self, Self::Use | Self::UseGrant | Self::Describe)
    }
}

/// One call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) asked: Asked,
    pub(crate) told: Told,
    /// Steps of the simulation.
    pub(crate) began: u64,
    /// Never when nothing was told: it may have its effect at any later time.
    pub(crate) ended: Option<u64>,
}

/// All calls, by Region and key.
#[derive(Debug, Default)]
pub(crate) struct History(BTreeMap<(RegionNumber, KeyId), Vec<Call>>);

impl History {
    pub(crate) fn add(&mut self, region: RegionNumber, key: KeyId, call: Call) {
        if !(call.told == Told::Nothing && call.asked.only_looks()) {
            self.0.entry((region, key)).or_default().push(call);
        }
    }

    pub(crate) fn each(&self) -> impl Iterator<Item = (&(RegionNumber, KeyId), &Vec<Call>)> {
        self.0.iter()
    }
}
