use crate::{CreateKey, Enablement, Outcome, Refusal, State};
use kms_types::KeyId;
use std::collections::BTreeMap;
pub(super) fn create(s: &mut State, _index: u64, c: &CreateKey) -> Result<Outcome, Refusal> {
    let _ = (s, _index, c);
    Err(Refusal::NotBootstrapped)
}
pub(super) fn set_enablement(s: &mut State, k: &KeyId, e: Enablement) -> Result<Outcome, Refusal> {
    let _ = (s, k, e);
    Err(Refusal::NotBootstrapped)
}
pub(super) fn set_description(s: &mut State, k: &KeyId, d: &str) -> Result<Outcome, Refusal> {
    let _ = (s, k, d);
    Err(Refusal::NotBootstrapped)
}
pub(super) fn schedule_deletion(s: &mut State, k: &KeyId, w: u32) -> Result<Outcome, Refusal> {
    let _ = (s, k, w);
    Err(Refusal::NotBootstrapped)
}
pub(super) fn cancel_deletion(s: &mut State, k: &KeyId) -> Result<Outcome, Refusal> {
    let _ = (s, k);
    Err(Refusal::NotBootstrapped)
}
pub(super) fn destroy(s: &mut State, k: &KeyId) -> Result<Outcome, Refusal> {
    let _ = (s, k);
    Err(Refusal::NotBootstrapped)
}
pub(super) fn put_policy(s: &mut State, k: &KeyId, p: &str) -> Result<Outcome, Refusal> {
    let _ = (s, k, p);
    Err(Refusal::NotBootstrapped)
}
pub(super) fn tag(s: &mut State, k: &KeyId, t: &BTreeMap<String, String>) -> Result<Outcome, Refusal> {
    let _ = (s, k, t);
    Err(Refusal::NotBootstrapped)
}
pub(super) fn untag(s: &mut State, k: &KeyId, t: &[String]) -> Result<Outcome, Refusal> {
    let _ = (s, k, t);
    Err(Refusal::NotBootstrapped)
}
