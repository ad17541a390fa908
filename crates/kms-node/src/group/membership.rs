//! Changing who takes part: first members, learners, voters, leadership.
//!
//! Changes run on the leader. A node whose disk was lost is removed before it is added again: a voter that forgot its
//! vote would break the promise it gave (invariant A5).

use super::{Group, leader::Leader};
use crate::entropy::OsEntropy;
use kms_raft::{NodeIncarnation, Peer, TypeConfig};
use kms_types::{Entropy, NodeId};
use openraft::{
    ChangeMembers,
    async_runtime::watch::WatchReceiver,
    error::{ChangeMembershipError, ClientWriteError, InitializeError, RaftError},
    raft::ClientWriteResponse,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout_at};

/// Longest wait for a change of members to be committed, or for a new node to catch up.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause before a change is tried again on a leader that is taking office.
const OFFICE_PAUSE: Duration = Duration::from_millis(50);
/// Longest wait for another node to take over.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a change of members was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// This node does not lead.
    #[error("this node does not lead; ask {}", leader_text(leader.as_ref()))]
    NotLeader {
        /// The leader and its cluster address, if known.
        leader: Option<(NodeId, String)>,
    },
    /// The group refuses the change.
    #[error("{0}")]
    Refused(String),
    /// Not finished in time; it may still happen.
    #[error("the change was not finished within {0:?}; it may still happen")]
    TimedOut(Duration),
    /// No other voter can take over.
    #[error("no other voter can take over")]
    NoSuccessor,
}

fn leader_text(leader: Option<&(NodeId, String)>) -> String {
    leader.map_or("again when there is a leader".to_owned(), |(id, address)| {
        format!("node {id} at `{address}`")
    })
}

type Written = Result<ClientWriteResponse<TypeConfig>, RaftError<TypeConfig, ClientWriteError<TypeConfig>>>;

impl Group {
    /// Sets the first members. On a group that has a log already this changes nothing and succeeds.
    pub async fn initialize(&self, members: BTreeMap<NodeId, Peer>) -> Result<(), ChangeError> {
        match self.core.raft.initialize(members).await {
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
            Err(error) => Err(refused(error)),
        }
    }

    /// Adds a node that receives entries and does not vote; returns when it has nearly caught up. It begins a life of its
    /// own: what the others have seen of an earlier one does not count any more.
    pub async fn add_learner(&self, node: NodeId, cluster: String, api: String) -> Result<(), ChangeError> {
        let peer = match self.core.peer(node) {
            Some(known) if (&known.cluster, &known.api) == (&cluster, &api) => known,
            Some(_) => {
                return Err(refused(format!(
                    "node {node} is a member under another address; remove it first"
                )));
            }
            None => Peer { cluster, api, incarnation: NodeIncarnation(fresh_bytes()) },
        };
        self.written(|| self.core.raft.add_learner(node, peer.clone(), true)).await
    }

    /// Makes a learner a voter.
    pub async fn promote(&self, node: NodeId) -> Result<(), ChangeError> {
        let change = ChangeMembers::AddVoterIds(BTreeSet::from([node]));
        self.written(|| self.core.raft.change_membership(change.clone(), true)).await
    }

    /// Removes a node, voter or learner. The leader hands over first.
    pub async fn remove(&self, node: NodeId) -> Result<(), ChangeError> {
        if self.core.peer(node).is_none() {
            return Err(refused(format!("node {node} is no member")));
        }
        if node == self.core.node && self.is_leader() {
            self.transfer_leader(None).await?;
            return Err(self.not_leader());
        }
        let voter = self.core.raft.voter_ids().any(|voter| voter == node);
        let nodes = BTreeSet::from([node]);
        let change =
            if voter { ChangeMembers::RemoveVoters(nodes) } else { ChangeMembers::RemoveNodes(nodes) };
        self.written(|| self.core.raft.change_membership(change.clone(), false)).await
    }

    /// Hands leadership to a node, or to the most advanced voter; returns the new leader.
    pub async fn transfer_leader(&self, to: Option<NodeId>) -> Result<NodeId, ChangeError> {
        if !self.is_leader() {
            return Err(self.not_leader());
        }
        let to = to.or_else(|| self.most_advanced_voter()).ok_or(ChangeError::NoSuccessor)?;
        if !self.core.raft.voter_ids().any(|voter| voter == to) {
            return Err(refused(format!("node {to} is no voter")));
        }
        self.core.raft.trigger().transfer_leader(to).await.map_err(refused)?;
        let wait = self.core.raft.wait(Some(TRANSFER_TIMEOUT));
        let moved = wait.metrics(|metrics| metrics.current_leader == Some(to), "the successor leads").await;
        moved.map(|_| to).map_err(|_| ChangeError::TimedOut(TRANSFER_TIMEOUT))
    }

    /// Takes a snapshot now.
    pub async fn trigger_snapshot(&self) -> Result<(), ChangeError> {
        self.core.raft.trigger().snapshot().await.map_err(refused)
    }

    fn most_advanced_voter(&self) -> Option<NodeId> {
        let metrics = self.core.raft.metrics();
        let metrics = metrics.borrow_watched();
        let matched = metrics.replication.as_ref()?;
        let voters = metrics.membership_config.voter_ids().filter(|voter| *voter != self.core.node);
        voters.max_by_key(|voter| matched.get(voter).and_then(|log_id| log_id.map(|id| id.index)))
    }

    /// Repeats a change while this node takes office: a new leader refuses changes until a quorum has heard of it.
    async fn written<F>(&self, change: impl Fn() -> F) -> Result<(), ChangeError>
    where
        F: Future<Output = Written>,
    {
        let deadline = Instant::now() + CHANGE_TIMEOUT;
        loop {
            match timeout_at(deadline, change()).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) if taking_office(&error) && self.is_leader() => sleep(OFFICE_PAUSE).await,
                Ok(Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_)))) => {
                    return Err(self.not_leader());
                }
                Ok(Err(error)) => return Err(refused(error)),
                Err(_) => return Err(ChangeError::TimedOut(CHANGE_TIMEOUT)),
            }
        }
    }

    fn not_leader(&self) -> ChangeError {
        let leader = match self.core.find_leader(None) {
            Some(Leader::There(id, peer)) => Some((id, peer.cluster)),
            _ => None,
        };
        ChangeError::NotLeader { leader }
    }
}

fn fresh_bytes() -> [u8; 16] {
    (&mut OsEntropy as &mut dyn Entropy).array()
}

fn taking_office(error: &RaftError<TypeConfig, ClientWriteError<TypeConfig>>) -> bool {
    use ChangeMembershipError::UncommittedLeaderLog;
    matches!(
        error,
        RaftError::APIError(
            ClientWriteError::ForwardToLeader(_)
                | ClientWriteError::ChangeMembershipError(UncommittedLeaderLog(_))
        )
    )
}

fn refused(error: impl Display) -> ChangeError {
    ChangeError::Refused(error.to_string())
}
