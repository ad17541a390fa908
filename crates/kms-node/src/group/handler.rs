//! This node's answers to the other nodes of its Region, and to other Regions.
//!
//! Answers for itself only: a request that it cannot serve names the leader it knows, and the caller goes there.

use super::{Group, LEADER_CALL_TIMEOUT, leader::Leader};
use bytes::Bytes;
use kms_raft::{Boot, Seen, Standing};
use kms_state::Proposal;
use kms_transport::{
    DeliverAnswer, ForwardAnswer, NodeHandler, Opinion, PeerIdentity, ReadIndexAnswer, RegionHandler,
    RegionRefusal, async_trait,
};
use kms_types::{NodeId, Timestamp};

#[async_trait]
impl NodeHandler for Group {
    async fn forward(&self, proposal: Proposal) -> ForwardAnswer {
        match self.core.is_leader() {
            true => self.core.write_here(proposal, LEADER_CALL_TIMEOUT).await,
            false => ForwardAnswer::NotLeader(self.core.leader_id()),
        }
    }

    async fn read_index(&self) -> ReadIndexAnswer {
        self.core.confirm_here().await
    }

    fn clock(&self) -> Timestamp {
        self.core.clock.now()
    }

    async fn deliver_region(&self, message: Bytes) -> DeliverAnswer {
        match self.core.is_leader() {
            true => match self.core.region_inbox.try_send(message) {
                Ok(()) => DeliverAnswer::Queued,
                Err(_) => DeliverAnswer::Overloaded,
            },
            false => DeliverAnswer::NotLeader(self.core.leader_id()),
        }
    }

    async fn introduced(&self, node: NodeId, standing: Standing) -> Opinion {
        self.core.opinion_with_address(node, standing.boot).await
    }

    async fn announced(&self, node: NodeId, seen: Seen) -> Option<Opinion> {
        self.core.note_announcement(node, seen).await
    }

    fn boot(&self) -> Boot {
        self.core.standings.own().boot
    }
}

#[async_trait]
impl RegionHandler for Group {
    async fn deliver(&self, from: &PeerIdentity, message: Bytes) -> Result<(), RegionRefusal> {
        let answer = match self.core.find_leader(None) {
            None => DeliverAnswer::NotLeader(None),
            Some(Leader::Here) => NodeHandler::deliver_region(self, message).await,
            Some(Leader::There(id, peer)) => {
                let call = self.core.client.deliver_region(id, &peer, message, LEADER_CALL_TIMEOUT);
                call.await.unwrap_or(DeliverAnswer::NotLeader(None))
            }
        };
        match answer {
            DeliverAnswer::Queued => Ok(()),
            DeliverAnswer::Overloaded => {
                tracing::warn!(%from, "the queue for messages of other Regions is full");
                Err(RegionRefusal::Overloaded)
            }
            DeliverAnswer::NotLeader(_) => Err(RegionRefusal::NoLeader),
        }
    }
}
