//! The decision of one key policy.

use kms_types::Principal;

use crate::{Context, Effect, Policy, policy::Statement};

/// Who wants to do what to which key, under which circumstances.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The verified caller.
    pub caller: &'a Principal,
    /// The action, for example `kms:Decrypt`.
    pub action: &'a str,
    /// The key's ARN.
    pub resource: &'a str,
    /// The condition keys.
    pub context: &'a Context,
}

/// What a policy says, with the statement that decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// A statement allows, none denies.
    Allow(StatementRef),
    /// A statement denies, whatever others say.
    ExplicitDeny(StatementRef),
    /// No statement matches.
    ImplicitDeny,
}

/// Names a statement in an explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementRef {
    /// Its position, from 0.
    pub index: usize,
    /// Its Sid.
    pub sid: Option<String>,
}

/// Evaluates the policy: deny wins, absence denies (B3).
pub fn evaluate(request: &Request<'_>, policy: &Policy) -> Decision {
    match find(request, policy, Effect::Deny) {
        Some(deny) => Decision::ExplicitDeny(deny),
        None => find(request, policy, Effect::Allow).map_or(Decision::ImplicitDeny, Decision::Allow),
    }
}

fn find(request: &Request<'_>, policy: &Policy, effect: Effect) -> Option<StatementRef> {
    let mut of_effect = policy.statements.iter().enumerate().filter(|(_, s)| s.effect == effect);
    of_effect.find(|(_, s)| s.matches(request)).map(|(index, s)| reference(index, s))
}

fn reference(index: usize, statement: &Statement) -> StatementRef {
    StatementRef { index, sid: statement.sid.clone() }
}
