//! Aliases: resources of their own that point at one key each. Reserved names are refused before they are proposed.

use kms_types::{AccountId, AliasName, KeyId};

use super::keys::{found, refuse_pending_deletion};
use crate::{Alias, Key, Outcome, Refusal, State};

pub(super) fn create(
    state: &mut State,
    account: AccountId,
    name: &AliasName,
    target: &KeyId,
    most: usize,
) -> Result<Outcome, Refusal> {
    if state.alias(account, name).is_some() {
        return Err(Refusal::AliasExists(name.clone()));
    }
    usable_target(state, account, target, most)?;
    put(state, account, name.clone(), *target);
    Ok(Outcome::Applied)
}

pub(super) fn put(state: &mut State, account: AccountId, name: AliasName, target: KeyId) {
    let now = state.region_time();
    state.put_alias(Alias { name, account, target, created_at: now, updated_at: now });
}

pub(super) fn update(
    state: &mut State,
    account: AccountId,
    name: &AliasName,
    target: &KeyId,
    most: usize,
) -> Result<Outcome, Refusal> {
    let alias = existing(state, account, name)?;
    if alias.target == *target {
        refuse_pending_deletion(state, &found(state, target)?)?;
    } else {
        let new = usable_target(state, account, target, most)?;
        let old = state.key(&alias.target);
        // [KMS:UpdateAlias]: both symmetric, both asymmetric or both HMAC, and of one usage. Spec class follows usage
        // except that symmetric and RSA keys both encrypt.
        if old.is_some_and(|old| old.usage != new.usage || is_symmetric(old) != is_symmetric(&new)) {
            return Err(Refusal::AliasKindMismatch(name.clone()));
        }
    }
    state.put_alias(Alias { target: *target, updated_at: state.region_time(), ..alias });
    Ok(Outcome::Applied)
}

pub(super) fn delete(state: &mut State, account: AccountId, name: &AliasName) -> Result<Outcome, Refusal> {
    existing(state, account, name)?;
    state.remove_alias(account, name);
    Ok(Outcome::Applied)
}

fn existing(state: &State, account: AccountId, name: &AliasName) -> Result<Alias, Refusal> {
    let alias = state.alias(account, name).ok_or_else(|| Refusal::AliasNotFound(name.clone()))?;
    Ok((**alias).clone())
}

/// The key of this account that may get one more alias.
fn usable_target(state: &State, account: AccountId, target: &KeyId, most: usize) -> Result<Key, Refusal> {
    let key = found(state, target)?;
    if key.account != account {
        return Err(Refusal::KeyNotFound(*target));
    }
    refuse_pending_deletion(state, &key)?;
    if state.aliases_of_key(*target).count() >= most {
        return Err(Refusal::AliasLimit(*target));
    }
    Ok(key)
}

fn is_symmetric(key: &Key) -> bool {
    key.spec == kms_types::KeySpec::SymmetricDefault
}
