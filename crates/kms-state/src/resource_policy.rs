//! A policy that stands on what it protects, a key or a role: the text as written, whom it names, and its compiled form.

use kms_policy::{Bindings, Policy, PolicyKind};
use serde::{Deserialize, Serialize};
use std::{fmt::Debug, marker::PhantomData};

use crate::compiled::Compiled;

/// On a key: who may use and manage it.
pub type KeyPolicy = ResourcePolicy<OnKey>;

/// On a role: who may assume it.
pub type TrustPolicy = ResourcePolicy<OnRole>;

/// What a policy stands on, which decides its grammar.
pub trait PolicyHolder: Debug + Clone + PartialEq + Eq {
    /// The grammar.
    const KIND: PolicyKind;
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnKey;

/// A role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnRole;

impl PolicyHolder for OnKey {
    const KIND: PolicyKind = PolicyKind::Key;
}

impl PolicyHolder for OnRole {
    const KIND: PolicyKind = PolicyKind::Trust;
}

/// A policy that was checked before it was proposed. The compiled form is shared by every version of the record that holds
/// this policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct ResourcePolicy<On: PolicyHolder> {
    document: String,
    bindings: Bindings,
    #[serde(skip)]
    compiled: Compiled,
    #[serde(skip)]
    on: PhantomData<On>,
}

impl<On: PolicyHolder> ResourcePolicy<On> {
    /// A document with the unique ids of the users and roles that it names, taken when it was put (section 9.4).
    pub fn new(document: impl Into<String>, bindings: Bindings) -> Self {
        Self { document: document.into(), bindings, compiled: Compiled::default(), on: PhantomData }
    }

    /// The text as it was put.
    pub fn document(&self) -> &str {
        &self.document
    }

    /// The unique ids of the users and roles that the document names.
    pub fn bindings(&self) -> &Bindings {
        &self.bindings
    }

    /// The compiled form, bound to the unique ids. None when the document does not parse, which allows nothing (B3).
    pub fn compiled(&self) -> Option<&Policy> {
        let make = || Some(Policy::parse(On::KIND, &self.document).ok()?.bound(&self.bindings));
        self.compiled.get(make).map(|policy| &**policy)
    }

    /// Takes the compiled form of an equal policy, which this one replaces.
    pub(crate) fn adopt(&self, old: &Self) {
        if self == old {
            self.compiled.adopt(&old.compiled);
        }
    }
}

impl From<&str> for KeyPolicy {
    /// A document that names neither users nor roles.
    fn from(document: &str) -> Self {
        Self::new(document, Bindings::default())
    }
}

impl From<String> for KeyPolicy {
    /// A document that names neither users nor roles.
    fn from(document: String) -> Self {
        Self::new(document, Bindings::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str =
        r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"kms:Encrypt","Resource":"*"}}"#;

    #[test]
    fn copies_share_the_compiled_form_and_equality_ignores_it() {
        let policy = KeyPolicy::from(DOCUMENT);
        let (before, first) = (policy.clone(), policy.compiled().unwrap());
        let after = policy.clone();
        assert!(std::ptr::eq(first, after.compiled().unwrap()));
        assert_eq!((before, after), (policy.clone(), policy));
        assert!(KeyPolicy::from("{}").compiled().is_none());
    }

    #[test]
    fn the_compiled_form_is_not_stored() {
        let policy = KeyPolicy::from(DOCUMENT);
        let before = crate::encode(&policy);
        policy.compiled().unwrap();
        assert_eq!(crate::encode(&policy), before);
    }
}
