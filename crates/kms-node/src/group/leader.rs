//! Which node leads, as far as this node knows, and waiting for that to change.
//!
//! A hint, never a proof: whoever acts on it must find out from the answer whether it was right.

use super::{Group, GroupParts};
use kms_raft::{Peer, TypeConfig};
use kms_types::NodeId;
use openraft::{Instant, ServerState, async_runtime::watch::WatchReceiver, metrics::RaftServerMetrics};
use std::time::Duration;

/// Several of the longest election time-outs: who is merely busy is not taken for cut off.
const CUT_OFF_AFTER: Duration = Duration::from_secs(2);

/// The node that leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leader {
    /// This node.
    Here,
    /// Another one.
    There(NodeId, Peer),
}

impl Group {
    /// The leader that this node knows.
    pub fn leader(&self) -> Option<NodeId> {
        self.core.leader_id()
    }

    /// True while this node believes that it leads.
    pub fn is_leader(&self) -> bool {
        self.core.is_leader()
    }

    /// Completes when consensus has ended, and says why: a disk that failed, a bug, or the node's own end.
    pub async fn consensus_end(&self) -> String {
        let mut metrics = self.core.raft.metrics();
        loop {
            if let Err(fatal) = &metrics.borrow_watched().running_state {
                return fatal.to_string();
            }
            // The sender is gone with the task that panicked.
            if metrics.changed().await.is_err() {
                return "its task is gone".to_owned();
            }
        }
    }

    /// True while this node leads and no quorum has acknowledged that for so long that others may have elected another. The
    /// only voter of a Region is its quorum: there is nobody to acknowledge anything.
    pub fn has_lost_its_quorum(&self) -> bool {
        let metrics = self.core.raft.metrics();
        let metrics = metrics.borrow_watched();
        let acknowledged = metrics.last_quorum_acked.as_ref().map(|at| at.elapsed());
        let alone = metrics.membership_config.voter_ids().all(|voter| voter == self.core.node);
        metrics.state == ServerState::Leader && !alone && acknowledged.is_none_or(|age| age > CUT_OFF_AFTER)
    }

    /// True while this node follows, and has not heard its leader for so long that it is cut off or the Region has none: it
    /// can neither read nor write, and another may lead.
    pub fn has_lost_its_leader(&self) -> bool {
        let silent = self.core.standings.followed_ago().is_none_or(|ago| ago > CUT_OFF_AFTER);
        !self.is_leader() && silent
    }

    /// Completes when this node leads.
    pub async fn until_leader(&self) {
        let node = self.core.node;
        self.core.until(|metrics| metrics.current_leader == Some(node)).await;
    }

    /// Completes when this node no longer leads.
    pub async fn until_not_leader(&self) {
        self.core.until_leader_is_not(self.core.node).await;
    }
}

impl GroupParts {
    pub(super) fn leader_id(&self) -> Option<NodeId> {
        self.raft.server_metrics().borrow_watched().current_leader
    }

    pub(super) fn is_leader(&self) -> bool {
        self.leader_id() == Some(self.node)
    }

    /// The leader and how to reach it; `hint` is what another node just said, and newer than what is known here.
    pub(super) fn find_leader(&self, hint: Option<NodeId>) -> Option<Leader> {
        let id = hint.or_else(|| self.leader_id())?;
        if id == self.node {
            return Some(Leader::Here);
        }
        self.peer(id).map(|peer| Leader::There(id, peer))
    }

    pub(super) fn peer(&self, node: NodeId) -> Option<Peer> {
        self.raft.server_metrics().borrow_watched().membership_config.get_node(&node).cloned()
    }

    /// Completes when this node knows of a leader other than `node`, or of none: a call to `node` that still waits
    /// for its answer is better repeated elsewhere.
    pub(super) async fn until_leader_is_not(&self, node: NodeId) {
        self.until(|metrics| metrics.current_leader != Some(node)).await;
    }

    /// A short pause, cut when the known leader changes.
    pub(super) async fn pause(&self, pause: Duration) {
        let before = self.leader_id();
        let changed =
            self.until(|metrics| metrics.current_leader != before && metrics.current_leader.is_some());
        let _ = tokio::time::timeout(pause, changed).await;
    }

    async fn until(&self, mut holds: impl FnMut(&RaftServerMetrics<TypeConfig>) -> bool) {
        let mut metrics = self.raft.server_metrics();
        while !holds(&metrics.borrow_watched()) {
            if metrics.changed().await.is_err() {
                // Consensus stopped; nothing will change any more, and the caller's own deadline decides.
                return std::future::pending().await;
            }
        }
    }
}
