//! Why each statement of each policy does or does not apply to a request. Slower than deciding, and told in full.

use crate::{
    Effect, Policy, PolicySource, Request, Target,
    condition::Condition,
    evaluate::policies_of,
    policy::{Statement, Subject},
};

/// One policy, statement by statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyTrace {
    /// Whose policy.
    pub source: PolicySource,
    /// Its name.
    pub name: String,
    /// Its statements, in order.
    pub statements: Vec<StatementTrace>,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementTrace {
    /// The Sid.
    pub sid: Option<String>,
    /// Allow or Deny.
    pub effect: Effect,
    /// What keeps it from applying, first things first; none when it applies.
    pub miss: Option<Miss>,
}

/// The element of a statement that does not fit the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Miss {
    /// It is about other actions.
    Action,
    /// It is about other principals.
    Principal,
    /// It is about other resources.
    Resource,
    /// This condition does not hold.
    Condition {
        /// The operator, for example `StringEquals`.
        operator: String,
        /// The condition key as the policy writes it.
        key: String,
        /// The values of the request; empty when it has none.
        values: Vec<String>,
    },
}

/// Every policy that has a say in the request, those of the caller first.
pub fn trace(request: &Request<'_>) -> Vec<PolicyTrace> {
    let action = request.action.to_ascii_lowercase();
    let subject = Subject {
        caller: &request.caller.principal,
        action: &action,
        resource: request.target.resource(),
        context: request.context,
    };
    let mut traces: Vec<PolicyTrace> = policies_of(request.caller)
        .map(|(source, named)| policy_trace(source, &named.name, &named.policy, &subject))
        .collect();
    if let Target::Guarded(guarded) = &request.target {
        let of_resource =
            |policy| policy_trace(PolicySource::Resource, guarded.policy_name, policy, &subject);
        traces.extend(guarded.policy.map(of_resource));
    }
    traces
}

fn policy_trace(source: PolicySource, name: &str, policy: &Policy, subject: &Subject<'_>) -> PolicyTrace {
    let statements = policy.statements.iter().map(|statement| StatementTrace {
        sid: statement.sid.as_deref().map(Into::into),
        effect: statement.effect,
        miss: miss(statement, subject),
    });
    PolicyTrace { source, name: name.into(), statements: statements.collect() }
}

fn miss(statement: &Statement, subject: &Subject<'_>) -> Option<Miss> {
    if !statement.covers_action(subject) {
        return Some(Miss::Action);
    }
    if !statement.covers_principal(subject.caller).any() {
        return Some(Miss::Principal);
    }
    if !statement.covers_resource(subject) {
        return Some(Miss::Resource);
    }
    statement.unmet(subject).map(|condition| unmet(condition, subject))
}

fn unmet(condition: &Condition, subject: &Subject<'_>) -> Miss {
    Miss::Condition {
        operator: condition.operator.name.to_string(),
        key: condition.name.to_string(),
        values: condition.values(subject.context).iter().map(ToString::to_string).collect(),
    }
}
