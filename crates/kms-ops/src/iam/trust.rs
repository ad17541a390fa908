//! Trust policies: stored with the unique ids of the users and roles that they name (section 9.4).

use kms_policy::{Bindings, Context, Guarded, NoGrants, Policy, PolicyKind, Target};
use kms_state::{State, identity::Role};
use std::collections::BTreeMap;

use super::{IamError, call::Case, inline_policies::check};
use crate::identity;

/// A document that may become a trust policy, and the ids behind the ARNs in it.
pub(super) fn checked(case: &Case<'_>, document: &str) -> Result<BTreeMap<String, String>, IamError> {
    let policy = check(document, PolicyKind::Trust)?;
    let bindings = policy.bindings(&identity::directory(case.view)).map_err(|error| {
        IamError::MalformedPolicyDocument(format!("Invalid principal in policy: {error}"))
    })?;
    Ok(bindings.iter().map(|(arn, id)| (arn.to_owned(), id.to_owned())).collect())
}

/// The document as it is shown: an id in the place of an ARN whose user or role is gone, or is another by now.
pub(super) fn shown(view: &State, role: &Role) -> String {
    let ids = role.trust_ids.iter().map(|(arn, id)| (arn.as_str(), id.as_str()));
    identity::translated(&role.trust_policy, ids, view)
}

/// Whether the trust policy lets the caller do `action` with the role, together with the caller's own policies.
pub(super) fn authorize(
    case: &Case<'_>,
    role: &Role,
    action: &str,
    context: &Context,
) -> Result<(), IamError> {
    let policy = Policy::parse(PolicyKind::Trust, &role.trust_policy).ok();
    let policy = policy.map(|policy| policy.bound(&Bindings::new(role.trust_ids.clone())));
    let arn = role.arn();
    let guarded = Guarded {
        arn: &arn,
        owner: role.account,
        policy_name: "trust policy",
        policy: policy.as_ref(),
        grants: &NoGrants,
    };
    case.decide(action, &arn, Target::Guarded(guarded), context)
}
