//! One Region's Raft group as this node uses it: propose, read, wait, change members.
//!
//! Calls work on every node: what only the leader can do is handed to it. Decides nothing about keys, and keeps no
//! state of its own beside what openraft and kms-raft hold.

mod admission;
mod clock;
mod handler;
mod leader;
mod membership;
mod propose;
mod read;
mod status;
mod wait;

#[cfg(test)]
mod tests;

pub use admission::{Stage, run_admission};
pub use clock::run_region_clock;
pub use membership::ChangeError;
pub use propose::ProposeError;
pub use read::{ReadError, View};
pub use wait::WaitTimedOut;

use crate::clock::Clock;
use bytes::Bytes;
use kms_raft::{Applied, Raft, Standings};
use kms_transport::NodeCalls;
use kms_types::NodeId;
use read::ReadQueue;
use std::{fmt, sync::Arc, time::Duration};
use tokio::sync::{mpsc, watch};

/// How long [`Group::propose`] tries before the outcome is reported as unknown.
pub const PROPOSE_DEADLINE: Duration = Duration::from_secs(5);
/// How long [`Group::read_view`] tries before it gives up.
pub const READ_DEADLINE: Duration = Duration::from_secs(3);
/// Longest wait for one call to the leader; shorter than the deadlines, so that a new leader can be tried.
const LEADER_CALL_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause before an attempt is repeated when nothing says that it would fare better.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// What a group is made of.
pub struct GroupParts {
    /// This node.
    pub node: NodeId,
    /// The consensus library's handle.
    pub raft: Raft,
    /// How far this node is, and how far it has seen the others.
    pub standings: Arc<Standings>,
    /// Every applied state.
    pub applied: watch::Receiver<Arc<Applied>>,
    /// Calls to the other nodes.
    pub client: Arc<dyn NodeCalls>,
    /// This node's clock.
    pub clock: Arc<dyn Clock>,
    /// Where messages of other Regions go while this node leads.
    pub region_inbox: mpsc::Sender<Bytes>,
}

impl fmt::Debug for GroupParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GroupParts(node {})", self.node)
    }
}

/// This node's place in its Region's group. Cloning is cheap.
#[derive(Clone)]
pub struct Group {
    core: Arc<GroupParts>,
    reads: ReadQueue,
    stage: Arc<watch::Sender<Stage>>,
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Group(node {})", self.core.node)
    }
}

impl Group {
    /// Takes over the parts and starts the task that confirms reads; it ends with the last clone.
    pub fn new(parts: GroupParts) -> Self {
        let core = Arc::new(parts);
        let stage = Arc::new(watch::Sender::new(Stage::begin()));
        Self { reads: ReadQueue::start(core.clone()), core, stage }
    }

    /// This node.
    pub fn node(&self) -> NodeId {
        self.core.node
    }

    /// The newest state applied here. May be stale: calls are decided on [`Group::read_view`] only.
    pub fn applied(&self) -> Arc<Applied> {
        self.core.applied.borrow().clone()
    }

    /// Every state from now on, as it is applied.
    pub fn watch_applied(&self) -> watch::Receiver<Arc<Applied>> {
        self.core.applied.clone()
    }

    /// The consensus library's handle, for the transport.
    pub fn raft(&self) -> &Raft {
        &self.core.raft
    }

    /// How far this node is, and how far it has seen the others.
    pub fn standings(&self) -> &Arc<Standings> {
        &self.core.standings
    }

    /// Stops taking part. Open calls fail; nothing acknowledged is lost.
    pub async fn shutdown(&self) {
        if let Err(error) = self.core.raft.shutdown().await {
            tracing::warn!(%error, "the consensus task ended badly");
        }
    }
}
