//! Grants: each its own record, made and removed as a whole. A key's revision does not count them; see [`Expectation`].
//!
//! [`Expectation`]: crate::Expectation

use kms_types::{GrantId, KeyId, KeyState};

use super::keys::{found, refuse_in};
use crate::{CreateGrant, Grant, Outcome, Refusal, State};

/// The states in which a key takes no new grant (section 3). Its grants stay and may go.
const CLOSED: [KeyState; 5] = [
    KeyState::Disabled,
    KeyState::PendingDeletion,
    KeyState::PendingReplicaDeletion,
    KeyState::PendingImport,
    KeyState::Creating,
];

/// A named grant of equal terms is the same grant, so that a retried CreateGrant makes one [KMS:CreateGrant].
pub(super) fn create(state: &mut State, create: &CreateGrant) -> Result<Outcome, Refusal> {
    let CreateGrant { key, grant, terms, most_grants } = create;
    refuse_in(state, &found(state, key)?, &CLOSED)?;
    if let Some(existing) = state.named_grant(*key, terms) {
        return Ok(Outcome::GrantCreated { grant: existing.id });
    }
    if state.grant(key, grant).is_some() {
        return Err(Refusal::GrantIdTaken(*grant));
    }
    if state.grant_count(key) >= *most_grants {
        return Err(Refusal::GrantLimit(*key));
    }
    let created_at = state.region_time();
    state.put_grant(Grant { id: *grant, key: *key, created_at, terms: terms.clone() });
    Ok(Outcome::GrantCreated { grant: *grant })
}

/// RetireGrant and RevokeGrant, in every state of the key.
pub(super) fn remove(state: &mut State, key: &KeyId, grant: &GrantId) -> Result<Outcome, Refusal> {
    found(state, key)?;
    if state.grant(key, grant).is_none() {
        return Err(Refusal::GrantNotFound { key: *key, grant: *grant });
    }
    state.remove_grant(key, grant);
    Ok(Outcome::Applied)
}
