//! Identity records: changed in their home, followed everywhere else. What a change may be is decided before it is
//! proposed; here only its place in history is checked.

use kms_types::AccountId;

use super::keys;
use crate::{
    CreateKey, IdentityChange, IdentityCopy, IdentityEntry, Outcome, Refusal, State,
    identity::identity_key_id,
};

/// The identity key comes with the first entry of the Region where the deployment begins, and never later: a Region that
/// is rebuilt gets it from the others.
pub(super) fn create_key(state: &mut State, index: u64, create: &CreateKey) -> Result<Outcome, Refusal> {
    let expected = state.deployment().map(identity_key_id);
    if expected != Some(create.key) || create.account != AccountId::SYSTEM {
        return Err(Refusal::KeyNotFound(create.key));
    }
    keys::create(state, index, create)
}

pub(super) fn change(state: &mut State, change: &IdentityChange) -> Result<Outcome, Refusal> {
    let home = state.identity_home().map(|(home, epoch)| (home.clone(), epoch.clone()));
    match home {
        Some((home, epoch)) if Some(&home) == state.region() => {
            state.change_identity(change, &epoch)?;
            Ok(Outcome::Applied)
        }
        other => Err(Refusal::NotIdentityHome(other.map(|(home, _)| home))),
    }
}

pub(super) fn follow(state: &mut State, entries: &[IdentityEntry]) -> Result<Outcome, Refusal> {
    refuse_at_home(state)?;
    state.follow_identity(entries)?;
    Ok(Outcome::Applied)
}

pub(super) fn replace(state: &mut State, copy: &IdentityCopy) -> Result<Outcome, Refusal> {
    refuse_at_home(state)?;
    state.replace_identity(copy)?;
    Ok(Outcome::Applied)
}

/// A Region that became home goes on from what it had: a late answer of the old home changes nothing any more.
fn refuse_at_home(state: &State) -> Result<(), Refusal> {
    match state.identity_home() {
        Some((home, _)) if Some(home) == state.region() => Err(Refusal::IdentityGap),
        _ => Ok(()),
    }
}
