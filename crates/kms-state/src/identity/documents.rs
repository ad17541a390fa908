//! Policy documents inside identity records and sessions, each with its compiled form.

use kms_policy::{Policy, PolicyKind};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

use super::{Group, IdentityRecord, ManagedPolicy, Role, User};
use crate::compiled::Compiled;

/// A policy without principals: of a user, group or role, a version of a managed policy, or passed with a session. As a
/// boundary and as a session policy it has the same grammar, so that one compiled form serves for all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyDocument {
    text: String,
    #[serde(skip)]
    compiled: Compiled,
}

impl PolicyDocument {
    /// The text as it was put.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The compiled form; none when the text does not parse, for which the caller must deny everything (B3).
    pub fn compiled(&self) -> Option<&Arc<Policy>> {
        self.compiled.get(|| Policy::parse(PolicyKind::Identity, &self.text).ok())
    }

    fn adopt(&self, old: &Self) {
        if self.text == old.text {
            self.compiled.adopt(&old.compiled);
        }
    }
}

impl From<&str> for PolicyDocument {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<String> for PolicyDocument {
    fn from(text: String) -> Self {
        Self { text, compiled: Compiled::default() }
    }
}

impl IdentityRecord {
    /// Takes the compiled policies of the record that this one replaces, as far as their texts stay: attaching a policy or
    /// making an access key writes whole records anew.
    pub(crate) fn adopt_compiled(&self, old: &Self) {
        match (self, old) {
            (
                Self::User(User { inline_policies: new, .. }),
                Self::User(User { inline_policies: old, .. }),
            )
            | (
                Self::Group(Group { inline_policies: new, .. }),
                Self::Group(Group { inline_policies: old, .. }),
            ) => adopt_all(new, old),
            (Self::Role(new), Self::Role(old)) => adopt_role(new, old),
            (
                Self::Policy(ManagedPolicy { versions: new, .. }),
                Self::Policy(ManagedPolicy { versions: old, .. }),
            ) => {
                for (number, version) in new {
                    old.get(number).into_iter().for_each(|old| version.document.adopt(&old.document));
                }
            }
            _ => {}
        }
    }
}

fn adopt_role(new: &Role, old: &Role) {
    adopt_all(&new.inline_policies, &old.inline_policies);
    new.trust_policy.adopt(&old.trust_policy);
}

fn adopt_all(new: &BTreeMap<String, PolicyDocument>, old: &BTreeMap<String, PolicyDocument>) {
    for (name, document) in new {
        old.get(name).into_iter().for_each(|old| document.adopt(old));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"Statement":{"Effect":"Allow","Action":"kms:Encrypt","Resource":"*"}}"#;
    const OTHER: &str = r#"{"Statement":{"Effect":"Deny","Action":"kms:Encrypt","Resource":"*"}}"#;

    fn group(document: &str) -> IdentityRecord {
        IdentityRecord::Group(Group {
            account: "111122223333".parse().unwrap(),
            path: "/".into(),
            name: "g".into(),
            id: "AGPA".into(),
            created_at: kms_types::Timestamp::default(),
            inline_policies: BTreeMap::from([("p".to_owned(), document.into())]),
            attached_policies: Default::default(),
            members: Default::default(),
        })
    }

    fn compiled(record: &IdentityRecord) -> &Arc<Policy> {
        match record {
            IdentityRecord::Group(group) => group.inline_policies["p"].compiled().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_record_that_keeps_its_text_keeps_its_compiled_form() {
        let (old, same, other) = (group(DOCUMENT), group(DOCUMENT), group(OTHER));
        let before = compiled(&old).clone();
        same.adopt_compiled(&old);
        other.adopt_compiled(&old);
        assert!(Arc::ptr_eq(compiled(&same), &before));
        assert_ne!(**compiled(&other), *before);
    }

    #[test]
    fn what_was_never_compiled_is_compiled_when_it_is_asked_for() {
        let (old, new) = (group(DOCUMENT), group(DOCUMENT));
        new.adopt_compiled(&old);
        assert_eq!(compiled(&new), compiled(&old));
    }

    #[test]
    fn the_stored_form_is_the_text_and_the_names() {
        let document = PolicyDocument::from(DOCUMENT);
        assert!(document.compiled().is_some());
        assert_eq!(crate::encode(&document), crate::encode(&DOCUMENT.to_owned()));
        let ids = BTreeMap::from([("arn:aws:iam::111122223333:user/a".to_owned(), "AIDA".to_owned())]);
        let trust = crate::TrustPolicy::new("{", kms_policy::Bindings::new(ids.clone()));
        assert!(trust.compiled().is_none(), "what does not parse allows nothing");
        assert_eq!(crate::encode(&trust), crate::encode(&("{".to_owned(), ids)));
    }
}
