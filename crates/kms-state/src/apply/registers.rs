use crate::{ControlRecord, InstallMaterial, NewMaterial, Outcome, Refusal, State};
use kms_types::{Epoch, KeyId, RecordVersion};
pub(super) fn propose(
    s: &mut State,
    r: &ControlRecord,
    b: &RecordVersion,
    m: Option<&NewMaterial>,
) -> Result<Outcome, Refusal> {
    let _ = (s, r, b, m);
    Err(Refusal::NotBootstrapped)
}
pub(super) fn propose_promotion(s: &mut State, r: &ControlRecord) -> Result<Outcome, Refusal> {
    let _ = (s, r);
    Err(Refusal::NotBootstrapped)
}
pub(super) fn accept(s: &mut State, r: &[ControlRecord]) -> Outcome {
    let _ = (s, r);
    Outcome::Refused(Refusal::NotBootstrapped)
}
pub(super) fn promise(s: &mut State, e: &[(KeyId, Epoch)]) -> Outcome {
    let _ = (s, e);
    Outcome::Refused(Refusal::NotBootstrapped)
}
pub(super) fn commit(s: &mut State, i: u64, r: &[ControlRecord]) -> Result<Outcome, Refusal> {
    let _ = (s, i, r);
    Err(Refusal::NotBootstrapped)
}
pub(super) fn install(s: &mut State, m: &[InstallMaterial]) -> Result<Outcome, Refusal> {
    let _ = (s, m);
    Err(Refusal::NotBootstrapped)
}
