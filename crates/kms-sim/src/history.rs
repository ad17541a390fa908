//! What clients asked and what they were told: one history per Region and key, to be judged at the end.

use crate::address::RegionNumber;
use crate::key_model::Course;
use kms_state::State;
use kms_types::{GrantId, KeyId, KeyState};
use std::collections::{BTreeMap, BTreeSet};

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

/// A key in a Region.
pub(crate) type Place = (RegionNumber, KeyId);

/// All calls, by Region and key.
#[derive(Debug, Default)]
pub(crate) struct History {
    calls: BTreeMap<Place, Vec<Call>>,
    courses: BTreeMap<Place, Course>,
    /// Where a key was, and is no more.
    gone: BTreeSet<Place>,
    here: BTreeSet<Place>,
    /// Of Regions that begin again.
    ended: Vec<(Place, Vec<Call>, Course)>,
}

impl History {
    pub(crate) fn add(&mut self, region: RegionNumber, key: KeyId, call: Call) {
        if !(call.told == Told::Nothing && call.asked.only_looks()) {
            self.calls.entry((region, key)).or_default().push(call);
        }
    }

    /// What the newest state of a Region shows of its copies.
    pub(crate) fn see(&mut self, region: RegionNumber, state: &State) {
        let now: BTreeSet<Place> = state.keys().map(|key| (region, key.id)).collect();
        let left = self.here.iter().filter(|place| place.0 == region && !now.contains(place));
        self.gone.extend(left.copied().collect::<Vec<_>>());
        for place in &now {
            if self.gone.remove(place) {
                self.courses.entry(*place).or_default().rebirths += 1;
            }
        }
        self.here.retain(|place| place.0 != region);
        self.here.extend(now);
        for (key, _) in state.registers().filter(|(_, register)| register.is_destroyed()) {
            self.courses.entry((region, *key)).or_default().buried = true;
        }
    }

    /// The Region's history has ended; its calls are judged as they are.
    pub(crate) fn end(&mut self, region: RegionNumber) {
        let places: Vec<Place> = self.calls.keys().filter(|place| place.0 == region).copied().collect();
        for place in places {
            let course = self.courses.get(&place).copied().unwrap_or_default();
            self.ended.extend(self.calls.remove(&place).map(|calls| (place, calls, course)));
        }
        self.courses.retain(|place, _| place.0 != region);
        self.gone.retain(|place| place.0 != region);
        self.here.retain(|place| place.0 != region);
    }

    /// True where the key was and is no more.
    pub(crate) fn is_gone(&self, place: &Place) -> bool {
        self.gone.contains(place)
    }

    /// Every history, with what may have happened to the copy besides.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&Place, &Vec<Call>, Course)> {
        let present = self
            .calls
            .iter()
            .map(|(place, calls)| (place, calls, self.courses.get(place).copied().unwrap_or_default()));
        present.chain(self.ended.iter().map(|(place, calls, course)| (place, calls, *course)))
    }
}
