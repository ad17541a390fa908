//! The one entrance: a verified call and a view lead to a step.

use kms_state::State;

use crate::{AuditFacts, Call, Env, Error, Step};

/// Decides a call on a linearizable view: an answer, or a proposal. `facts` is filled as far as the decision gets, so
/// that a refusal is recorded with the keys it concerns.
pub fn prepare(call: &Call, view: &State, env: &mut Env<'_>, facts: &mut AuditFacts) -> Result<Step, Error> {
    let _ = (view, env, facts);
    Err(Error::Unsupported(format!("{} is not supported", call.request.operation())))
}
