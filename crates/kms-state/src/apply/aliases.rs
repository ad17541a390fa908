use crate::{Outcome, Refusal, State};
use kms_types::{AccountId, AliasName, KeyId};
pub(super) fn create(s: &mut State, a: AccountId, n: &AliasName, t: &KeyId) -> Result<Outcome, Refusal> {
    let _ = (s, a, n, t);
    Err(Refusal::NotBootstrapped)
}
pub(super) fn update(s: &mut State, a: AccountId, n: &AliasName, t: &KeyId) -> Result<Outcome, Refusal> {
    let _ = (s, a, n, t);
    Err(Refusal::NotBootstrapped)
}
pub(super) fn delete(s: &mut State, a: AccountId, n: &AliasName) -> Result<Outcome, Refusal> {
    let _ = (s, a, n);
    Err(Refusal::NotBootstrapped)
}
