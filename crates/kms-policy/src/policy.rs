//! A parsed key policy.

use kms_types::{AccountId, Principal};

use crate::{
    Context,
    condition::Condition,
    template::{Template, matches},
};

/// A key policy document that follows the grammar.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    pub(crate) statements: Vec<Statement>,
}

/// Allow or Deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Allow.
    Allow,
    /// Deny.
    Deny,
}

/// One statement. One without Action or Resource is accepted and matches nothing (section 9.4).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statement {
    pub(crate) sid: Option<String>,
    pub(crate) effect: Effect,
    pub(crate) principals: Clause<PrincipalPattern>,
    pub(crate) actions: Option<Clause<Template>>,
    pub(crate) resources: Option<Clause<Template>>,
    pub(crate) conditions: Vec<Condition>,
}

/// An element, or its `Not` form.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Clause<T> {
    In(Vec<T>),
    NotIn(Vec<T>),
}

impl<T> Clause<T> {
    pub(crate) fn members(&self) -> &[T] {
        match self {
            Self::In(members) | Self::NotIn(members) => members,
        }
    }

    fn covers(&self, matched: impl Fn(&T) -> bool) -> bool {
        match self {
            Self::In(members) => members.iter().any(matched),
            Self::NotIn(members) => !members.iter().any(matched),
        }
    }
}

/// A principal of a key policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrincipalPattern {
    /// `*`.
    Everyone,
    /// `arn:aws:iam::<account>:root` or the bare account id: the account as delegate.
    Account(AccountId),
    /// The ARN of a user, role, role session or federated user.
    Identity(String),
    /// A service, by its name.
    Service(String),
    /// A federated identity provider; no caller of this service is one.
    Federated(String),
    /// A canonical user id; has no meaning for keys.
    CanonicalUser(String),
}

impl PrincipalPattern {
    fn matches(&self, caller: &Principal) -> bool {
        match self {
            Self::Everyone => true,
            Self::Account(account) => matches!(caller, Principal::Root { account: own } if own == account),
            Self::Identity(arn) => {
                caller.service().is_none() && (*arn == caller.arn() || *arn == caller.principal_arn())
            }
            Self::Service(name) => caller.service().is_some_and(|service| service.name == *name),
            Self::Federated(_) | Self::CanonicalUser(_) => false,
        }
    }
}

impl Statement {
    pub(crate) fn matches(&self, request: &crate::Request<'_>) -> bool {
        self.principals.covers(|p| p.matches(request.caller))
            && self.covers_action(request.action, request.context)
            && self.covers_resource(request.resource, request.context)
            && self.conditions.iter().all(|c| c.holds(request.context, self.effect))
    }

    /// Actions are compared without case; their patterns were lowered when they were parsed.
    fn covers_action(&self, action: &str, context: &Context) -> bool {
        let action = action.to_ascii_lowercase();
        self.actions.as_ref().is_some_and(|c| c.covers(|t| expanded_matches(t, &action, context)))
    }

    fn covers_resource(&self, resource: &str, context: &Context) -> bool {
        self.resources.as_ref().is_some_and(|c| c.covers(|t| expanded_matches(t, resource, context)))
    }
}

fn expanded_matches(template: &Template, text: &str, context: &Context) -> bool {
    template.expand(context).is_some_and(|tokens| matches(&tokens, text))
}

impl Policy {
    /// Every principal that the document names, so that a caller can check that they exist.
    pub fn principals(&self) -> impl Iterator<Item = &PrincipalPattern> {
        self.statements.iter().flat_map(|s| s.principals.members())
    }
}
