//! What a key policy must satisfy before it is written (sections 9.4 to 9.6).

use kms_policy::{Guarded, MalformedPolicy, NoGrants, Policy, PolicyKind, Target, evaluate};
use kms_state::KeyPolicy;
use kms_types::{AccountId, KeyArn};

use crate::{
    Error, Quota,
    authorize::{Action, PutKeyPolicy},
    case::Case,
    conditions::{self, KeyFacts},
    identity,
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

/// Checks a document that is to become the policy of `key`, whose ARN will be `arn`, and takes down whom it names.
pub(crate) fn check(
    case: &Case<'_>,
    document: &str,
    key: &KeyFacts,
    arn: &KeyArn,
    lockout: LockoutCheck,
) -> Result<KeyPolicy, Error> {
    check_length(case, document)?;
    let policy = Policy::parse(PolicyKind::Key, document).map_err(malformed)?;
    let bindings = policy.bindings(&identity::directory(case.view)).map_err(malformed)?;
    if lockout == LockoutCheck::Apply {
        check_lockout(case, &policy.bound(&bindings), key, arn)?;
    }
    Ok(KeyPolicy::new(document, bindings))
}

/// The configured quota; the parser has a limit of its own that no quota exceeds.
fn check_length(case: &Case<'_>, document: &str) -> Result<(), Error> {
    let (length_bytes, most_bytes) = (document.len(), case.settings.quotas.policy_bytes);
    match length_bytes <= most_bytes {
        true => Ok(()),
        false => Err(Error::LimitExceeded(Quota::Policy { length_bytes, most_bytes })),
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

/// Section 9.5: the author must be able to change the policy again, by it alone or together with identity policies.
fn check_lockout(case: &Case<'_>, policy: &Policy, key: &KeyFacts, arn: &KeyArn) -> Result<(), Error> {
    let mut context = conditions::of_key(case, key);
    context.add("kms:PolicyName", DEFAULT_NAME);
    let target = Target::Guarded(Guarded {
        arn: &arn.to_string(),
        owner: arn.account,
        policy_name: DEFAULT_NAME,
        policy: Some(policy),
        grants: &NoGrants,
    });
    let request =
        kms_policy::Request { caller: case.identity, action: PutKeyPolicy::NAME, target, context: &context };
    match evaluate(&request).is_allowed() {
        true => Ok(()),
        false => Err(Error::PolicyLockout),
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
