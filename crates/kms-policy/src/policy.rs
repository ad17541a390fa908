//! A parsed policy, and what one statement of it covers.

use kms_types::Principal;

use crate::{
    Context, PolicyKind, PrincipalPattern,
    arn_pattern::ArnPattern,
    condition::Condition,
    principal::{Grasp, grasp, has_other_names},
    template::Template,
};

/// A policy document that follows the grammar of its kind. Parsed once; evaluating it parses nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    pub(crate) kind: PolicyKind,
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

/// One statement. One of a key policy without Action or Resource is accepted and matches nothing (section 9.4).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statement {
    pub(crate) sid: Option<Box<str>>,
    pub(crate) effect: Effect,
    /// Absent exactly in policies that are attached to a principal.
    pub(crate) principals: Option<Clause<PrincipalPattern>>,
    /// In lower case: actions are compared without case.
    pub(crate) actions: Option<Clause<Template>>,
    pub(crate) resources: Option<Clause<ArnPattern>>,
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

    pub(crate) fn members_mut(&mut self) -> &mut [T] {
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

/// What statements are asked about; the action in lower case.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) caller: &'a Principal,
    pub(crate) action: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) context: &'a Context,
}

impl Statement {
    /// How the statement applies to the subject; not at all when no way of it is set.
    pub(crate) fn applies(&self, subject: &Subject<'_>) -> Grasp {
        if !self.covers_action(subject) {
            return Grasp::default();
        }
        let grasp = self.covers_principal(subject.caller);
        match grasp.any() && self.covers_resource(subject) && self.unmet(subject).is_none() {
            true => grasp,
            false => Grasp::default(),
        }
    }

    /// NotPrincipal means everybody else. Of a caller with several names, some listed and some not, a Deny covers it
    /// and an Allow does not: doubt counts against the caller (B3).
    pub(crate) fn covers_principal(&self, caller: &Principal) -> Grasp {
        let everybody = |covered| if covered { Grasp::of_everyone(caller) } else { Grasp::default() };
        match &self.principals {
            None => everybody(true),
            Some(Clause::In(principals)) => grasp(principals, caller),
            Some(Clause::NotIn(principals)) => everybody(match self.effect {
                Effect::Allow => !grasp(principals, caller).any(),
                Effect::Deny => has_other_names(principals, caller),
            }),
        }
    }

    pub(crate) fn covers_action(&self, subject: &Subject<'_>) -> bool {
        let covers = |clause: &Clause<Template>| {
            clause.covers(|pattern| pattern.matches(subject.action, subject.context))
        };
        self.actions.as_ref().is_some_and(covers)
    }

    pub(crate) fn covers_resource(&self, subject: &Subject<'_>) -> bool {
        let covers = |clause: &Clause<ArnPattern>| {
            clause.covers(|pattern| pattern.matches(subject.resource, subject.context))
        };
        self.resources.as_ref().is_some_and(covers)
    }

    /// The first condition that does not hold.
    pub(crate) fn unmet(&self, subject: &Subject<'_>) -> Option<&Condition> {
        self.conditions.iter().find(|condition| !condition.holds(subject.context, self.effect))
    }
}

impl Policy {
    /// Every principal that the document names, so that a caller can check that they exist.
    pub fn principals(&self) -> impl Iterator<Item = &PrincipalPattern> {
        self.statements.iter().flat_map(|s| s.principals.as_ref().map_or(&[][..], Clause::members))
    }

    /// What the policy is attached to.
    pub fn kind(&self) -> PolicyKind {
        self.kind
    }
}
