//! Section 3 as one table: which key states let an operation through, and in which words the others refuse it.

use kms_types::KeyState;
use std::fmt;

/// A key state in the words of AWS's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateName {
    /// The state itself, for example `pending deletion`.
    Is(KeyState),
    /// Message 4: `not pending deletion`.
    NotPendingDeletion,
}

impl fmt::Display for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPendingDeletion => "not pending deletion",
            Self::Is(KeyState::Creating) => "creating",
            Self::Is(KeyState::Enabled) => "enabled",
            Self::Is(KeyState::Disabled) => "disabled",
            Self::Is(KeyState::PendingDeletion) => "pending deletion",
            Self::Is(KeyState::PendingImport) => "pending import",
            Self::Is(KeyState::PendingReplicaDeletion) => "pending replica deletion",
            Self::Is(KeyState::Unavailable) => "unavailable",
            Self::Is(KeyState::Updating) => "updating",
        })
    }
}
