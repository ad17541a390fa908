//! What this node knows about its group, for operators.

use super::Group;
use kms_raft::TypeConfig;
use kms_transport::admin_messages::{Member, NodeStatus, Role};
use kms_types::NodeId;
use openraft::{Instant, RaftMetrics, ServerState, async_runtime::watch::WatchReceiver};

impl Group {
    /// The group's part of a node's status: role, term, log positions, members. The rest is left empty.
    pub fn status(&self) -> NodeStatus {
        let metrics = self.core.raft.metrics();
        let metrics = metrics.borrow_watched();
        let applied = self.applied();
        NodeStatus {
            node: self.core.node,
            role: role(&metrics).into(),
            term: metrics.current_term,
            leader: metrics.current_leader,
            last_log_index: metrics.last_log_index,
            last_applied_index: applied.log_id.map(|id| id.index),
            committed_index: metrics.local_committed.map(|id| id.index),
            snapshot_index: metrics.snapshot.map(|id| id.index),
            members: members(&metrics),
            not_admitted: self.stage().why_not().map(|why| why.to_string()),
            region_time_ms: applied.state.region_time().as_millis(),
            ..NodeStatus::default()
        }
    }
}

fn role(metrics: &RaftMetrics<TypeConfig>) -> Role {
    match (&metrics.running_state, metrics.state) {
        (Err(_), _) | (_, ServerState::Shutdown) => Role::Stopped,
        (_, ServerState::Leader) => Role::Leader,
        (_, ServerState::Learner) => Role::Learner,
        (_, ServerState::Follower | ServerState::Candidate) => Role::Follower,
    }
}

fn members(metrics: &RaftMetrics<TypeConfig>) -> Vec<Member> {
    let membership = &metrics.membership_config;
    let describe = |(id, peer): (&NodeId, &kms_raft::Peer)| Member {
        node: *id,
        cluster: peer.cluster.clone(),
        api: peer.api.clone(),
        voter: membership.voter_ids().any(|voter| voter == *id),
        matched_index: matched_index(metrics, *id),
        last_heard_ms: last_heard_ms(metrics, *id),
    };
    membership.nodes().map(describe).collect()
}

fn matched_index(metrics: &RaftMetrics<TypeConfig>, node: NodeId) -> Option<u64> {
    metrics.replication.as_ref()?.get(&node)?.map(|id| id.index)
}

fn last_heard_ms(metrics: &RaftMetrics<TypeConfig>, node: NodeId) -> Option<u64> {
    let heard = (*metrics.heartbeat.as_ref()?.get(&node)?)?;
    Some(u64::try_from(heard.elapsed().as_millis()).unwrap_or(u64::MAX))
}
