//! What a policy is attached to, and the rules of grammar that differ by it.

/// Where a policy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyKind {
    /// On a key: has principals; Action and Resource may be missing, and then it has no effect (section 9.4).
    Key,
    /// On a user, group or role: no principals.
    Identity,
    /// The most that a user or role may do; grammar of identity policies.
    Boundary,
    /// Passed when a session is made; grammar of identity policies.
    Session,
    /// On a role, about who may assume it: principals, actions of STS, no resources.
    Trust,
}

/// Whether a statement must, may or must not have an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Required,
    Optional,
    Prohibited,
}

impl PolicyKind {
    pub(crate) fn principals(self) -> Presence {
        match self {
            Self::Key | Self::Trust => Presence::Required,
            Self::Identity | Self::Boundary | Self::Session => Presence::Prohibited,
        }
    }

    pub(crate) fn actions(self) -> Presence {
        match self {
            Self::Key => Presence::Optional,
            Self::Identity | Self::Boundary | Self::Session | Self::Trust => Presence::Required,
        }
    }

    pub(crate) fn resources(self) -> Presence {
        match self {
            Self::Key => Presence::Optional,
            Self::Identity | Self::Boundary | Self::Session => Presence::Required,
            Self::Trust => Presence::Prohibited,
        }
    }

    /// Key policies take any Sid; the others only letters and digits, each once in a document.
    pub(crate) fn restricts_sids(self) -> bool {
        self != Self::Key
    }
}
