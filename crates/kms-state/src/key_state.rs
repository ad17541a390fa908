//! The key states as one table: what a lifecycle event does, and what DescribeKey shows.

use kms_types::{KeyState, Region, Timestamp};

use crate::{Enablement, Key, Lifecycle, Membership, Phase};

/// What can happen to a key's lifecycle by a call in its own Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LifecycleEvent {
    /// EnableKey or DisableKey.
    Set(Enablement),
    /// ScheduleKeyDeletion of a key without other members.
    ScheduleDeletion {
        /// Region time.
        now: Timestamp,
        /// Waiting period, in days.
        window_days: u32,
    },
    /// ScheduleKeyDeletion of a primary that still has replicas.
    ScheduleAfterReplicas {
        /// Waiting period that starts when the last replica is gone, in days.
        window_days: u32,
    },
    /// The last replica of a primary in PendingReplicaDeletion is gone.
    LastReplicaGone {
        /// Region time.
        now: Timestamp,
    },
    /// CancelKeyDeletion.
    CancelDeletion,
}

/// An event that the key's state does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key is {state}")]
pub struct InvalidTransition {
    /// The state as DescribeKey shows it.
    pub state: KeyState,
}

impl Lifecycle {
    /// The next lifecycle, or the state that forbids the event [KMS:key-state].
    pub fn after(self, event: LifecycleEvent) -> Result<Self, InvalidTransition> {
        use Lifecycle::{Disabled, Enabled, PendingDeletion, PendingReplicaDeletion};
        use LifecycleEvent::{CancelDeletion, LastReplicaGone, ScheduleAfterReplicas, ScheduleDeletion, Set};
        match (self, event) {
            (Enabled | Disabled, Set(Enablement::Enabled)) => Ok(Enabled),
            (Enabled | Disabled, Set(Enablement::Disabled)) => Ok(Disabled),
            (Enabled | Disabled, ScheduleDeletion { now, window_days }) => {
                Ok(PendingDeletion { delete_at: now.plus_days(window_days.into()), window_days })
            }
            (Enabled | Disabled, ScheduleAfterReplicas { window_days }) => {
                Ok(PendingReplicaDeletion { window_days })
            }
            (PendingReplicaDeletion { window_days }, LastReplicaGone { now }) => {
                Ok(PendingDeletion { delete_at: now.plus_days(window_days.into()), window_days })
            }
            // Always Disabled, whatever the key was before [KMS:CancelKeyDeletion].
            (PendingDeletion { .. } | PendingReplicaDeletion { .. }, CancelDeletion) => Ok(Disabled),
            (state, _) => Err(InvalidTransition { state: state.shown() }),
        }
    }

    fn shown(self) -> KeyState {
        match self {
            Self::Enabled => KeyState::Enabled,
            Self::Disabled => KeyState::Disabled,
            Self::PendingDeletion { .. } => KeyState::PendingDeletion,
            Self::PendingReplicaDeletion { .. } => KeyState::PendingReplicaDeletion,
        }
    }
}

impl Key {
    /// The state that DescribeKey shows in `region`, from lifecycle, membership and materials together.
    pub fn state(&self, region: &Region) -> KeyState {
        if matches!(
            self.lifecycle,
            Lifecycle::PendingDeletion { .. } | Lifecycle::PendingReplicaDeletion { .. }
        ) {
            return self.lifecycle.shown();
        }
        if let Some(multi) = &self.multi_region {
            match multi.members.get(region) {
                None => return KeyState::Unavailable,
                Some(Membership::Joining(_)) => return KeyState::Creating,
                Some(Membership::Active) => {}
            }
            if self.awaits_import() {
                return KeyState::PendingImport;
            }
            if let Phase::Updating { successor, .. } = &multi.phase
                && (multi.primary == *region || successor == region)
                && self.lifecycle == Lifecycle::Enabled
            {
                return KeyState::Updating;
            }
        }
        if self.awaits_import() {
            return KeyState::PendingImport;
        }
        self.lifecycle.shown()
    }
}
