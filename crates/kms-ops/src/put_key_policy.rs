//! PutKeyPolicy [KMS:PutKeyPolicy].

use crate::{
    AuditFacts, Env, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    propose::propose_quietly,
    resolve::{Forms, resolve},
    state_table,
};
use crate::{
    conditions::{self, KeyFacts},
    policy_document::{self, DEFAULT_NAME, LockoutCheck},
};
use kms_state::Command;
use kms_types::Operation;

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
    /// Only `default` exists.
    pub policy_name: Option<String>,
    /// The new document.
    pub policy: String,
    /// Skip the lockout check; absent and false differ for the `Null` condition.
    pub bypass_policy_lockout_safety_check: Option<bool>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response;

/// Decides the call.
pub(crate) fn decide(
    case: &Case<'_>,
    request: &Request,
    env: &mut Env<'_>,
    facts: &mut AuditFacts,
) -> Result<Step, Error> {
    let key = resolve(case, &request.key_id, Forms::KeyOnly, facts)?;
    let key = authorize(case, key, |context| {
        context.add("kms:PolicyName", policy_name(request));
        conditions::add_bypass(context, request.bypass_policy_lockout_safety_check);
    })?;
    run(case, key, request, env)
}

fn run(
    case: &Case<'_>,
    key: Authorized<'_, authorize::PutKeyPolicy>,
    request: &Request,
    env: &mut Env<'_>,
) -> Result<Step, Error> {
    state_table::check(Operation::PutKeyPolicy, key.key().state(case.region), key.arn())?;
    check_name(request)?;
    let lockout = LockoutCheck::from(request.bypass_policy_lockout_safety_check);
    let key_facts = KeyFacts::of(key.key(), case.region);
    let policy = policy_document::check(case, &request.policy, &key_facts, key.arn(), lockout)?;
    let command = Command::PutPolicy { key: key.key().id, policy };
    Ok(propose_quietly(case, env, key.expectation(), command, Response))
}

fn policy_name(request: &Request) -> &str {
    request.policy_name.as_deref().unwrap_or(DEFAULT_NAME)
}

fn check_name(request: &Request) -> Result<(), Error> {
    match policy_name(request) {
        DEFAULT_NAME => Ok(()),
        "AWS_RAM" => {
            Err(Error::Validation("The AWS_RAM policy can only be managed by the RAM service".into()))
        }
        name => Err(Error::PolicyNotFound { name: name.into() }),
    }
}
