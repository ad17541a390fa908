//! Known bugs, to see that the simulation finds them. Without the feature `seeded-bugs` there are none.

use std::fmt;

/// A known bug, of one of the crates that have some.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "seeded-bugs"), allow(missing_docs, reason = "there are none"))]
pub enum Bug {
    /// Of the Region protocol.
    #[cfg(feature = "seeded-bugs")]
    Region(kms_state::seeded::Bug),
    /// Of storage and consensus.
    #[cfg(feature = "seeded-bugs")]
    Storage(kms_raft::seeded::Bug),
    /// Of reads and proposals.
    #[cfg(feature = "seeded-bugs")]
    Node(kms_node::seeded::Bug),
}

impl fmt::Debug for Bug {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            #[cfg(feature = "seeded-bugs")]
            Self::Region(bug) => bug.fmt(_f),
            #[cfg(feature = "seeded-bugs")]
            Self::Storage(bug) => bug.fmt(_f),
            #[cfg(feature = "seeded-bugs")]
            Self::Node(bug) => bug.fmt(_f),
        }
    }
}

#[cfg(feature = "seeded-bugs")]
impl Bug {
    /// Every bug that can be built in.
    pub fn all() -> Vec<Self> {
        let storage = kms_raft::seeded::Bug::ALL.iter().copied().map(Self::Storage);
        let node = kms_node::seeded::Bug::ALL.iter().copied().map(Self::Node);
        storage.chain(node).chain(kms_state::seeded::Bug::ALL.iter().copied().map(Self::Region)).collect()
    }

    /// Runs `work` on this thread with a bug, or without any.
    pub(crate) fn with<T>(bug: Option<Self>, work: impl FnOnce() -> T) -> T {
        match bug {
            Some(Self::Region(bug)) => kms_state::seeded::with(Some(bug), work),
            Some(Self::Storage(bug)) => kms_raft::seeded::with(Some(bug), work),
            Some(Self::Node(bug)) => kms_node::seeded::with(Some(bug), work),
            None => work(),
        }
    }
}

#[cfg(not(feature = "seeded-bugs"))]
impl Bug {
    /// None.
    pub fn all() -> Vec<Self> {
        Vec::new()
    }

    /// Runs `work`.
    pub(crate) fn with<T>(_: Option<Self>, work: impl FnOnce() -> T) -> T {
        work()
    }
}
