//! What one key in one Region is, as a client can tell: the sequential specification that histories are judged by.

use crate::history::{Asked, Told};
use kms_types::{GrantId, KeyState};

/// A key as its callers see it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeyModel {
    life: Life,
    description: u32,
    grant: Grant,
    course: Course,
}

/// What may become of a copy of a multi-Region key without a call in its Region, as far as the Region's states show that
/// it did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Course {
    /// How often a copy came back by ReplicateKey after an earlier one was destroyed.
    pub(crate) rebirths: u8,
    /// The key was destroyed in its primary's Region, so that this copy goes too (failure cases 19 and 20).
    pub(crate) buried: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Life {
    Enabled,
    Disabled,
    Pending,
    Destroyed,
}

/// The one grant that the workload creates, under one name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Grant {
    None,
    /// Created by a call whose answer was lost.
    Unseen,
    Known(GrantId),
}

impl KeyModel {
    /// After CreateKey, or when a replica is ready.
    pub(crate) fn fresh(course: Course) -> Self {
        Self { life: Life::Enabled, description: 0, grant: Grant::None, course }
    }

    /// The states after a call that was answered so; none when the answer is impossible.
    pub(crate) fn after(&self, asked: &Asked, told: &Told) -> Vec<Self> {
        self.meanwhile().iter().filter_map(|state| state.step(asked, told)).collect()
    }

    /// The states after a change that nobody answered; none when it cannot have had an effect.
    pub(crate) fn after_unanswered(&self, asked: &Asked) -> Vec<Self> {
        self.meanwhile().iter().filter_map(|state| state.step_unanswered(asked)).collect()
    }

    /// This state, and what it may have become by itself. Time destroys a pending key at any moment.
    fn meanwhile(&self) -> Vec<Self> {
        let mut states = vec![self.clone()];
        let mut next = 0;
        while let Some(state) = states.get(next).cloned() {
            next += 1;
            states.extend(state.by_itself());
        }
        states
    }

    fn by_itself(&self) -> Option<Self> {
        match self.life {
            Life::Enabled | Life::Disabled if self.course.buried => self.live(Life::Pending),
            Life::Enabled | Life::Disabled => None,
            Life::Pending => self.live(Life::Destroyed),
            Life::Destroyed => {
                let rebirths = self.course.rebirths.checked_sub(1)?;
                Some(Self::fresh(Course { rebirths, ..self.course }))
            }
        }
    }

    fn step_unanswered(&self, asked: &Asked) -> Option<Self> {
        match asked {
            Asked::Grant if self.usable() => {
                let grant = match &self.grant {
                    Grant::None => Grant::Unseen,
                    other => other.clone(),
                };
                Some(Self { grant, ..self.clone() })
            }
            Asked::Grant => None,
            Asked::Revoke(id) => match &self.grant {
                Grant::Known(known) if known == id => Some(Self { grant: Grant::None, ..self.clone() }),
                Grant::Unseen => Some(Self { grant: Grant::None, ..self.clone() }),
                Grant::Known(_) | Grant::None => None,
            },
            asked => self.step(asked, &Told::Done),
        }
    }

    fn usable(&self) -> bool {
        matches!(self.life, Life::Enabled | Life::Disabled)
    }

    fn when(&self, holds: bool) -> Option<Self> {
        holds.then(|| self.clone())
    }

    fn live(&self, life: Life) -> Option<Self> {
        Some(Self { life, ..self.clone() })
    }

    fn step(&self, asked: &Asked, told: &Told) -> Option<Self> {
        use Life::{Destroyed, Disabled, Enabled, Pending};
        match (asked, told) {
            (_, Told::NotFound) => self.when(self.life == Destroyed),
            // Strangers are not told whether a key exists.
            (Asked::UseGrant, Told::Denied) => self.when(self.life == Destroyed || self.grant == Grant::None),
            // A ciphertext whose key is gone names no key that anybody may use.
            (Asked::Use, Told::Denied) => self.when(self.life == Destroyed),
            _ if self.life == Destroyed => None,
            (Asked::Describe, Told::Description(state, description)) => {
                let shown = match state {
                    KeyState::Enabled => self.life == Enabled,
                    KeyState::Disabled => self.life == Disabled,
                    KeyState::PendingDeletion | KeyState::PendingReplicaDeletion => self.life == Pending,
                    _ => true,
                };
                self.when(shown && *description == self.description)
            }
            (Asked::UseGrant, Told::Done) => self.when(self.life == Enabled && self.grant != Grant::None),
            (Asked::Use, Told::Done) => self.when(self.life == Enabled),
            (Asked::Use | Asked::UseGrant, Told::Disabled) => self.when(self.life == Disabled),
            (Asked::Revoke(id), Told::NoSuchGrant) => self.when(self.grant != Grant::Known(*id)),
            (Asked::Revoke(id), Told::Done) => match &self.grant {
                Grant::Known(known) if known != id => None,
                Grant::None => None,
                Grant::Known(_) | Grant::Unseen => Some(Self { grant: Grant::None, ..self.clone() }),
            },
            (Asked::Grant, Told::Granted(id)) => match &self.grant {
                Grant::Known(known) if known != id => None,
                _ if !self.usable() => None,
                _ => Some(Self { grant: Grant::Known(*id), ..self.clone() }),
            },
            (Asked::Cancel, Told::NotPendingDeletion) => self.when(self.life != Pending),
            (Asked::Cancel, Told::Done) => self.when(self.life == Pending)?.live(Disabled),
            (_, Told::PendingDeletion) => self.when(self.life == Pending),
            (Asked::Grant, Told::Disabled) => self.when(self.life == Disabled),
            (Asked::Disable, Told::Done) => self.when(self.usable())?.live(Disabled),
            (Asked::Enable, Told::Done) => self.when(self.usable())?.live(Enabled),
            (Asked::Schedule, Told::Done) => self.when(self.usable())?.live(Pending),
            (Asked::Describing(description), Told::Done) => {
                let described = Self { description: *description, ..self.clone() };
                self.usable().then_some(described)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_after_a_restriction_is_impossible() {
        let disabled = KeyModel::fresh(Course::default()).after(&Asked::Disable, &Told::Done);
        assert_eq!(disabled.len(), 1);
        assert!(disabled[0].after(&Asked::Use, &Told::Done).is_empty());
        assert_eq!(disabled[0].after(&Asked::Use, &Told::Disabled).len(), 1);
    }

    #[test]
    fn a_copy_comes_back_only_as_often_as_was_seen() {
        let pending =
            &KeyModel::fresh(Course { rebirths: 1, buried: false }).after(&Asked::Schedule, &Told::Done)[0];
        let back = &pending.after(&Asked::Use, &Told::Done)[0];
        let pending = &back.after(&Asked::Schedule, &Told::Done)[0];
        assert!(pending.after(&Asked::Use, &Told::Done).is_empty());
    }

    #[test]
    fn a_copy_whose_key_was_destroyed_elsewhere_is_pending_and_then_gone() {
        let fresh = KeyModel::fresh(Course { rebirths: 0, buried: true });
        assert_eq!(fresh.after(&Asked::Use, &Told::PendingDeletion).len(), 1);
        assert_eq!(fresh.after(&Asked::Use, &Told::Denied).len(), 1);
        assert!(KeyModel::fresh(Course::default()).after(&Asked::Use, &Told::PendingDeletion).is_empty());
    }

    #[test]
    fn a_pending_key_may_be_gone_at_any_time_and_never_comes_back() {
        let pending = &KeyModel::fresh(Course::default()).after(&Asked::Schedule, &Told::Done)[0];
        let gone = &pending.after(&Asked::Describe, &Told::NotFound)[0];
        assert!(gone.after(&Asked::Cancel, &Told::Done).is_empty());
        assert!(pending.after(&Asked::Cancel, &Told::Done)[0].after(&Asked::Use, &Told::NotFound).is_empty());
    }
}
