//! A key policy as a key holds it: the text as written, whom it names, and its parsed form.

use kms_policy::{Bindings, Policy, PolicyKind};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    sync::{Arc, OnceLock},
};

/// A key policy that was checked before it was proposed.
///
/// The parsed form is made when it is first asked for and shared by every version of the key with this policy, so that
/// a cryptographic call parses nothing. It is derived: neither stored nor compared.
#[derive(Clone, Serialize, Deserialize)]
pub struct KeyPolicy {
    document: String,
    bindings: Bindings,
    #[serde(skip)]
    parsed: OnceLock<Option<Arc<Policy>>>,
}

impl KeyPolicy {
    /// A document with the unique ids of the users and roles that it names.
    pub fn new(document: impl Into<String>, bindings: Bindings) -> Self {
        Self { document: document.into(), bindings, parsed: OnceLock::new() }
    }

    /// The text as it was put.
    pub fn document(&self) -> &str {
        &self.document
    }

    /// The unique ids of the users and roles that the document names.
    pub fn bindings(&self) -> &Bindings {
        &self.bindings
    }

    /// The parsed form, bound to the unique ids. None when the document does not parse, which allows nothing (B3).
    pub fn parsed(&self) -> Option<&Policy> {
        let parse = || {
            let policy = Policy::parse(PolicyKind::Key, &self.document).ok()?;
            Some(Arc::new(policy.bound(&self.bindings)))
        };
        self.parsed.get_or_init(parse).as_deref()
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

impl PartialEq for KeyPolicy {
    fn eq(&self, other: &Self) -> bool {
        self.document == other.document && self.bindings == other.bindings
    }
}

impl Eq for KeyPolicy {}

impl fmt::Debug for KeyPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPolicy")
            .field("document", &self.document)
            .field("bindings", &self.bindings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str =
        r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"kms:Encrypt","Resource":"*"}}"#;

    #[test]
    fn copies_share_the_parsed_form_and_equality_ignores_it() {
        let policy = KeyPolicy::from(DOCUMENT);
        let (before, first) = (policy.clone(), policy.parsed().unwrap());
        let after = policy.clone();
        assert!(std::ptr::eq(first, after.parsed().unwrap()));
        assert_eq!((before, after), (policy.clone(), policy));
        assert!(KeyPolicy::from("{}").parsed().is_none());
    }

    #[test]
    fn the_parsed_form_is_not_stored() {
        let policy = KeyPolicy::from(DOCUMENT);
        let before = crate::encode(&policy);
        policy.parsed().unwrap();
        assert_eq!(crate::encode(&policy), before);
    }
}
