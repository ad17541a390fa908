//! openraft's type parameters, named once for every crate that touches the group.

use kms_state::{Outcome, Proposal};
use openraft::type_config::alias;
use serde::{Deserialize, Serialize};
use std::fmt;

openraft::declare_raft_types!(
    /// The types of one Region's group.
    pub TypeConfig:
        D = Proposal,
        R = Outcome,
        NodeId = u64,
        Node = Peer,
        AsyncRuntime = crate::runtime::Runtime,
);

/// How to reach a node of the Region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// `host:port` of the gRPC listener: Raft, forwarding, Region link, administration.
    pub cluster: String,
    /// `host:port` of the API listener.
    pub api: String,
    /// This life of the node as a member.
    pub incarnation: crate::NodeIncarnation,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cluster)
    }
}

/// A leader of one term.
pub type LeaderId = alias::LeaderIdOf<TypeConfig>;
/// Term, leader and index of an entry.
pub type LogId = alias::LogIdOf<TypeConfig>;
/// A vote, granted or confirmed.
pub type Vote = alias::VoteOf<TypeConfig>;
/// An entry of the log.
pub type Entry = alias::EntryOf<TypeConfig>;
/// A membership with the id of the entry that set it.
pub type StoredMembership = alias::StoredMembershipOf<TypeConfig>;
/// What a snapshot covers.
pub type SnapshotMeta = alias::SnapshotMetaOf<TypeConfig>;
/// AppendEntries.
pub type AppendRequest = openraft::raft::AppendEntriesRequest<TypeConfig>;
/// The answer to AppendEntries.
pub type AppendResponse = openraft::raft::AppendEntriesResponse<TypeConfig>;
/// RequestVote.
pub type VoteRequest = openraft::raft::VoteRequest<TypeConfig>;
/// The answer to RequestVote.
pub type VoteResponse = openraft::raft::VoteResponse<TypeConfig>;
/// One node of the group.
pub type Raft = openraft::Raft<TypeConfig, crate::StateMachine>;
