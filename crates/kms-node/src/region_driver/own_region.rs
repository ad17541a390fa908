//! What the driver needs of its own Region's group, as a trait so that it can be tested without consensus.

use kms_raft::Applied;
use kms_state::{Outcome, Proposal};
use kms_transport::async_trait;
use openraft::async_runtime::watch::WatchReceiver;
use std::sync::Arc;
use tokio::sync::watch;

use super::replay::Office;
use crate::group::Group;

/// The own Region's group.
#[async_trait]
pub(super) trait OwnRegion: Send + Sync + 'static {
    /// Completes with the term of office when this node leads.
    async fn until_leader(&self) -> Office;

    /// Completes when this node no longer leads.
    async fn until_not_leader(&self);

    /// Proposes; `None` when the outcome cannot be learned (invariant B4).
    async fn propose(&self, proposal: Proposal) -> Option<Outcome>;

    /// Every applied state from now on.
    fn watch_applied(&self) -> watch::Receiver<Arc<Applied>>;
}

#[async_trait]
impl OwnRegion for Group {
    async fn until_leader(&self) -> Office {
        loop {
            Group::until_leader(self).await;
            // The same watch that names the leader, so that the term is never an older one.
            let vote = self.raft().server_metrics().borrow_watched().vote;
            match self.read_view().await {
                Ok(view) if self.is_leader() => {
                    return Office { term: vote.leader_id.term, node: self.node(), index: view.index };
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "leading, and not confirmed by a quorum yet"),
            }
        }
    }

    async fn until_not_leader(&self) {
        Group::until_not_leader(self).await;
    }

    async fn propose(&self, proposal: Proposal) -> Option<Outcome> {
        match Group::propose(self, proposal).await {
            Ok(outcome) => Some(outcome),
            Err(error) => {
                tracing::debug!(%error, "a proposal of the Region protocol has no known outcome");
                None
            }
        }
    }

    fn watch_applied(&self) -> watch::Receiver<Arc<Applied>> {
        Group::watch_applied(self)
    }
}
