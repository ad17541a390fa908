use crate::{Automatic, NewMaterial, Outcome, Refusal, State};
use kms_types::{KeyId, RotationType};
pub(super) fn set_automatic(s: &mut State, k: &KeyId, a: Option<Automatic>) -> Result<Outcome, Refusal> {
    let _ = (s, k, a);
    Err(Refusal::NotBootstrapped)
}
pub(super) fn rotate(s: &mut State, k: &KeyId, m: &NewMaterial, t: RotationType) -> Result<Outcome, Refusal> {
    let _ = (s, k, m, t);
    Err(Refusal::NotBootstrapped)
}
