//! Which principals a stored policy means: the unique ids of the users and roles that it names, taken when it was put.
//!
//! A user that is deleted and created again under the same name is another principal (section 9.4). So a stored policy
//! keeps the unique ids beside its text, and matches by them.

use kms_types::AccountId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::{MalformedPolicy, Policy, PrincipalPattern, error::clip};

/// Knows which users and roles exist.
pub trait PrincipalDirectory {
    /// The unique id (`AIDA...`) of the user with this path (`/` or `/division/`) and name.
    fn user_id(&self, account: AccountId, path: &str, name: &str) -> Option<String>;

    /// The unique id (`AROA...`) of the role with this name; `path` is absent where an ARN leaves it out, as those of
    /// sessions do.
    fn role_id(&self, account: AccountId, path: Option<&str>, name: &str) -> Option<String>;
}

/// Unique ids by the ARN that the document names: of the user, of the role, or of a session's role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bindings(BTreeMap<String, String>);

impl Bindings {
    /// The bindings of a document whose principals are known already.
    pub fn new(ids: BTreeMap<String, String>) -> Self {
        Self(ids)
    }

    /// The unique id behind an ARN of the document.
    pub fn id(&self, arn: &str) -> Option<&str> {
        self.0.get(arn).map(String::as_str)
    }

    /// Every ARN of the document with its unique id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(arn, id)| (arn.as_str(), id.as_str()))
    }

    /// True when the document names no user and no role.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Policy {
    /// Looks every principal of the document up. One that does not exist makes the document malformed (section 9.4);
    /// identity providers and canonical users never exist here, services are names.
    pub fn bindings(&self, directory: &dyn PrincipalDirectory) -> Result<Bindings, MalformedPolicy> {
        let mut ids = BTreeMap::new();
        for principal in self.principals() {
            let stranger = |name: &str| MalformedPolicy::InvalidPrincipal { principal: clip(name) };
            match principal {
                PrincipalPattern::Everyone
                | PrincipalPattern::Account(_)
                | PrincipalPattern::Service(_)
                | PrincipalPattern::FederatedUser { .. } => {}
                PrincipalPattern::Federated(name) | PrincipalPattern::CanonicalUser(name) => {
                    return Err(stranger(name));
                }
                PrincipalPattern::User(named)
                | PrincipalPattern::Role(named)
                | PrincipalPattern::RoleSession { role: named, .. } => {
                    let id = principal.look_up(directory).ok_or_else(|| stranger(&named.arn))?;
                    ids.insert(named.arn.clone(), id);
                }
            }
        }
        Ok(Bindings(ids))
    }

    /// The policy as it is stored: what it names is what `bindings` say and nothing else.
    pub fn bound(mut self, bindings: &Bindings) -> Self {
        for statement in &mut self.statements {
            if let Some(clause) = &mut statement.principals {
                clause.members_mut().iter_mut().for_each(|principal| principal.bind(bindings));
            }
        }
        self
    }
}
