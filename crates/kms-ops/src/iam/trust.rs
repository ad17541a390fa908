//! Trust policies: stored with the unique ids of the users and roles that they name (section 9.4).

use kms_policy::{Context, Guarded, NoGrants, PolicyKind, Target};
use kms_state::{State, TrustPolicy, identity::Role};

use super::{IamError, call::Case, inline_policies::check};
use crate::identity;

/// A document that may become a trust policy, with the ids behind the ARNs in it.
pub(super) fn checked(case: &Case<'_>, document: &str) -> Result<TrustPolicy, IamError> {
    let policy = check(document, PolicyKind::Trust)?;
    let bindings = policy.bindings(&identity::directory(case.view)).map_err(|error| {
        IamError::MalformedPolicyDocument(format!("Invalid principal in policy: {error}"))
    })?;
    Ok(TrustPolicy::new(document, bindings))
}

/// The document as it is shown: an id in the place of an ARN whose user or role is gone, or is another by now.
pub(super) fn shown(view: &State, role: &Role) -> String {
    let policy = &role.trust_policy;
    identity::translated(policy.document(), policy.bindings().iter(), view)
}

/// Whether the trust policy lets the caller do `action` with the role, together with the caller's own policies.
pub(super) fn authorize(
    case: &Case<'_>,
    role: &Role,
    action: &str,
    context: &Context,
) -> Result<(), IamError> {
    let arn = role.arn();
    let guarded = Guarded {
        arn: &arn,
        owner: role.account,
        policy_name: "trust policy",
        policy: role.trust_policy.compiled(),
        grants: &NoGrants,
    };
    case.decide(action, &arn, Target::Guarded(guarded), context)
}
