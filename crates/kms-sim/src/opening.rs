//! What must come of a ciphertext that is decrypted when nothing is wrong, by the state of its key in the Region.

use crate::workload::Blob;
use kms_ops::{Error, Response, StateName};
use kms_state::State;
use kms_types::{KeyId, KeyState};

/// What Decrypt must say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    Opens,
    Disabled,
    PendingDeletion,
    /// The key is not here: never, or destroyed. Nobody is told which.
    Denied,
}

impl Opening {
    /// None while the key is changing, so that either answer is right.
    pub(crate) fn expected(state: &State, key: &KeyId) -> Option<Self> {
        let Some(copy) = state.key(key) else { return Some(Self::Denied) };
        match copy.state(state.region()?) {
            KeyState::Enabled | KeyState::Updating => Some(Self::Opens),
            KeyState::Disabled => Some(Self::Disabled),
            KeyState::PendingDeletion | KeyState::PendingReplicaDeletion => Some(Self::PendingDeletion),
            KeyState::Creating | KeyState::PendingImport | KeyState::Unavailable => None,
        }
    }

    pub(crate) fn judge(self, answer: Result<Response, Error>, blob: &Blob) -> Result<(), String> {
        let pending = [KeyState::PendingDeletion, KeyState::PendingReplicaDeletion].map(StateName::Is);
        match (self, answer) {
            (Self::Opens, Ok(Response::Decrypt(opened))) if opened.plaintext.bytes() == blob.plaintext => {
                Ok(())
            }
            (Self::Disabled, Err(Error::Disabled { .. }))
            | (Self::Denied, Err(Error::AccessDenied { .. })) => Ok(()),
            (Self::PendingDeletion, Err(Error::InvalidState { state, .. })) if pending.contains(&state) => {
                Ok(())
            }
            (Self::Opens, Ok(Response::Decrypt(_))) => Err("it opened to something else".to_owned()),
            (expected, Ok(_)) => Err(format!("it is answered, and should be {expected:?}")),
            (expected, Err(error)) => Err(format!("{error} ({error:?}), and should be {expected:?}")),
        }
    }
}
