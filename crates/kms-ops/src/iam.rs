//! IAM and STS: users, groups, roles, policies, access keys and sessions. One file per kind of thing.
//!
//! As for keys, everything is a function of the call, a linearizable view and randomness; a write is one change with
//! guards on what it read. Deliberately absent: the Query protocol, XML, and how the Regions share the records.

mod access_keys;
mod account;
mod action;
mod attachments;
mod authorize;
mod boundaries;
mod call;
mod credentials;
mod error;
mod groups;
mod ids;
mod inline_policies;
mod managed_policies;
mod owner;
mod page;
mod params;
mod policy_versions;
mod roles;
mod sessions;
mod tags;
mod trust;
mod users;
mod write;

pub use action::Action;
pub use call::{Answer, IamCall, IamPending, IamStep, prepare};
pub use credentials::{LongTermSecret, OpenedToken, access_key_secret, open_session_token};
pub use error::IamError;
pub use params::Params;

/// A result as a tree; the Query protocol writes it as XML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// Text between tags.
    Text(String),
    /// Members by name, in the order of the model.
    Struct(Vec<(&'static str, Tree)>),
    /// Elements, each written as `member`.
    List(Vec<Tree>),
    /// Structures of `key` and `value`, each written as `entry`.
    Map(Vec<Tree>),
}

impl Tree {
    /// Text of anything that prints.
    pub(crate) fn text(value: impl ToString) -> Self {
        Self::Text(value.to_string())
    }
}

impl From<&str> for Tree {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Tree {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<kms_types::Timestamp> for Tree {
    fn from(at: kms_types::Timestamp) -> Self {
        Self::Text(at.to_rfc3339())
    }
}
