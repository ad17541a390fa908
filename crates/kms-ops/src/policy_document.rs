//! What a key policy must satisfy before it is written (sections 9.4 to 9.6).

use kms_policy::{Decision, MalformedPolicy, Policy, PrincipalPattern, evaluate};
use kms_types::{AccountId, KeyArn};

use crate::{
    Error, Quota,
    authorize::{Action, PutKeyPolicy},
    case::Case,
    conditions::{self, KeyFacts},
};

/// The only policy that a caller can write.
pub(crate) const DEFAULT_NAME: &str = "default";

/// The policy of a key that is created without one, to the letter of section 9.6.
pub(crate) fn default_policy(account: AccountId) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Id":"key-default-1","Statement":[{{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"kms:*","Resource":"*"}}]}}"#,
        account.root_arn()
    )
}

/// Whether the caller asked to leave out the lockout check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LockoutCheck {
    Apply,
    Bypass,
}

impl From<Option<bool>> for LockoutCheck {
    fn from(bypass: Option<bool>) -> Self {
        if bypass == Some(true) { Self::Bypass } else { Self::Apply }
    }
}

/// Checks a document that is to become the policy of `key`, whose ARN will be `arn`.
pub(crate) fn check(
    case: &Case<'_>,
    document: &str,
    key: &KeyFacts,
    arn: &KeyArn,
    lockout: LockoutCheck,
) -> Result<(), Error> {
    let policy = Policy::parse(document).map_err(malformed)?;
    if let Some(stranger) = policy.principals().find_map(nonexistent) {
        return Err(malformed(MalformedPolicy::InvalidPrincipal { principal: stranger.into() }));
    }
    match lockout {
        LockoutCheck::Apply => check_lockout(case, &policy, key, arn),
        LockoutCheck::Bypass => Ok(()),
    }
}

fn malformed(error: MalformedPolicy) -> Error {
    match error {
        MalformedPolicy::TooLong { length_bytes, most_bytes } => {
            Error::LimitExceeded(Quota::Policy { length_bytes, most_bytes })
        }
        MalformedPolicy::InvalidArn { arn } => Error::InvalidPolicyArn { arn },
        other => Error::MalformedPolicyDocument(other),
    }
}

/// No users, roles or federations exist in this milestone, so a policy that names one is refused, as AWS refuses it.
/// Services are names, not things that exist or not.
fn nonexistent(principal: &PrincipalPattern) -> Option<&str> {
    match principal {
        PrincipalPattern::Everyone | PrincipalPattern::Account(_) | PrincipalPattern::Service(_) => None,
        PrincipalPattern::Identity(name)
        | PrincipalPattern::Federated(name)
        | PrincipalPattern::CanonicalUser(name) => Some(name),
    }
}

/// Section 9.5: the author must be able to change the policy again.
fn check_lockout(case: &Case<'_>, policy: &Policy, key: &KeyFacts, arn: &KeyArn) -> Result<(), Error> {
    let mut context = conditions::of_key(case, key);
    context.add("kms:PolicyName", DEFAULT_NAME);
    let resource = arn.to_string();
    let request = kms_policy::Request {
        caller: case.caller(),
        action: PutKeyPolicy::NAME,
        resource: &resource,
        context: &context,
    };
    match evaluate(&request, policy) {
        Decision::Allow(_) => Ok(()),
        Decision::ExplicitDeny(_) | Decision::ImplicitDeny => Err(Error::PolicyLockout),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_policy_is_the_recorded_one() {
        insta::assert_snapshot!(default_policy("111122223333".parse().unwrap()));
    }
}
