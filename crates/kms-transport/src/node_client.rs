//! Calls of the node service, typed. Retries nothing: the group decides what may be repeated.

use crate::{
    call_error::CallError,
    history::PeerChannel,
    limits::MAX_RAFT_MESSAGE_BYTES,
    node_service::{DeliverAnswer, ForwardAnswer, Opinion, ReadIndexAnswer},
    peer_links::{Lane, Link, PeerLinks},
    proto::raft::{self as pb, node_client::NodeClient as Rpc},
    raft_codec::encode,
};
use bytes::Bytes;
use kms_raft::{Boot, Peer, Seen, Standing};
use kms_state::Proposal;
use kms_types::{NodeId, Timestamp};
use std::{sync::Arc, time::Duration};
use tonic::async_trait;

/// Calls to the other nodes of the Region, as the group makes them; a trait, so that a simulation can carry them.
#[async_trait]
pub trait NodeCalls: Send + Sync + 'static {
    /// Hands a write to a node that should be the leader.
    async fn forward(
        &self,
        node: NodeId,
        peer: &Peer,
        proposal: &Proposal,
        timeout: Duration,
    ) -> Result<ForwardAnswer, CallError>;

    /// Asks a node that should be the leader for a read index.
    async fn read_index(
        &self,
        node: NodeId,
        peer: &Peer,
        timeout: Duration,
    ) -> Result<ReadIndexAnswer, CallError>;

    /// Asks a node for its clock.
    async fn clock(&self, node: NodeId, peer: &Peer, timeout: Duration) -> Result<Timestamp, CallError>;

    /// Hands a message of another Region to a node that should be the leader.
    async fn deliver_region(
        &self,
        node: NodeId,
        peer: &Peer,
        message: Bytes,
        timeout: Duration,
    ) -> Result<DeliverAnswer, CallError>;

    /// Says to a node where this one stands as it starts, and asks what that node has seen of it.
    async fn introduce(
        &self,
        node: NodeId,
        peer: &Peer,
        standing: Standing,
        timeout: Duration,
    ) -> Result<Opinion, CallError>;

    /// Tells a node where this one stands; it answers once it has stored that.
    async fn announce(
        &self,
        node: NodeId,
        peer: &Peer,
        seen: Seen,
        timeout: Duration,
    ) -> Result<Opinion, CallError>;

    /// Asks which start of a node answers at its address.
    async fn boot(&self, node: NodeId, peer: &Peer, timeout: Duration) -> Result<Boot, CallError>;

    /// A node that could not be reached is back: the next call to it is not held back.
    fn came_back(&self, node: NodeId);
}

/// Calls to the other nodes of the Region over gRPC.
#[derive(Debug, Clone)]
pub struct NodeClient {
    links: Arc<PeerLinks>,
}

impl NodeClient {
    /// Over the given connections.
    pub fn new(links: Arc<PeerLinks>) -> Self {
        Self { links }
    }

    fn link(&self, node: NodeId, peer: &Peer) -> Arc<Link> {
        self.links.link(node, &peer.cluster, Lane::Calls)
    }
}

#[async_trait]
impl NodeCalls for NodeClient {
    async fn forward(
        &self,
        node: NodeId,
        peer: &Peer,
        proposal: &Proposal,
        timeout: Duration,
    ) -> Result<ForwardAnswer, CallError> {
        use pb::forward_reply::Answer;
        let message = pb::ForwardRequest { proposal: encode(proposal) };
        let reply =
            self.link(node, peer).call(timeout, async |channel| rpc(channel).forward(message).await).await?;
        Ok(match reply.answer.ok_or_else(empty)? {
            Answer::Committed(pb::Committed { outcome, index }) => {
                ForwardAnswer::Committed { outcome: decoded(&outcome)?, index }
            }
            Answer::NotLeader(pb::NotLeader { leader }) => ForwardAnswer::NotLeader(leader),
            Answer::Unknown(pb::Unknown {}) => ForwardAnswer::Unknown,
        })
    }

    async fn read_index(
        &self,
        node: NodeId,
        peer: &Peer,
        timeout: Duration,
    ) -> Result<ReadIndexAnswer, CallError> {
        use pb::read_index_reply::Answer;
        let message = pb::ReadIndexRequest {};
        let reply = self
            .link(node, peer)
            .call(timeout, async |channel| rpc(channel).read_index(message).await)
            .await?;
        Ok(match reply.answer.ok_or_else(empty)? {
            Answer::Index(index) => ReadIndexAnswer::Index(index),
            Answer::NotLeader(pb::NotLeader { leader }) => ReadIndexAnswer::NotLeader(leader),
            Answer::Unconfirmed(pb::Unknown {}) => ReadIndexAnswer::Unconfirmed,
        })
    }

    async fn clock(&self, node: NodeId, peer: &Peer, timeout: Duration) -> Result<Timestamp, CallError> {
        let message = pb::ClockRequest {};
        let reply =
            self.link(node, peer).call(timeout, async |channel| rpc(channel).clock(message).await).await?;
        Ok(Timestamp::from_millis(reply.now_ms))
    }

    async fn deliver_region(
        &self,
        node: NodeId,
        peer: &Peer,
        message: Bytes,
        timeout: Duration,
    ) -> Result<DeliverAnswer, CallError> {
        use pb::deliver_region_reply::Answer;
        let message = pb::DeliverRegionRequest { message };
        let call = async |channel| rpc(channel).deliver_region(message).await;
        let reply = self.link(node, peer).call(timeout, call).await?;
        Ok(match reply.answer.ok_or_else(empty)? {
            Answer::Queued(pb::Queued {}) => DeliverAnswer::Queued,
            Answer::NotLeader(pb::NotLeader { leader }) => DeliverAnswer::NotLeader(leader),
            Answer::Overloaded(pb::Overloaded {}) => DeliverAnswer::Overloaded,
        })
    }

    async fn introduce(
        &self,
        node: NodeId,
        peer: &Peer,
        standing: Standing,
        timeout: Duration,
    ) -> Result<Opinion, CallError> {
        let message = pb::IntroduceRequest { standing: encode(&standing) };
        let link = self.links.link(node, &peer.cluster, Lane::Admission);
        let reply = link.call(timeout, async |channel| rpc(channel).introduce(message).await).await?;
        decoded(&reply.opinion)
    }

    async fn announce(
        &self,
        node: NodeId,
        peer: &Peer,
        seen: Seen,
        timeout: Duration,
    ) -> Result<Opinion, CallError> {
        let message = pb::AnnounceRequest { seen: encode(&seen) };
        let call = async |channel| rpc(channel).announce(message).await;
        let reply = self.link(node, peer).call(timeout, call).await?;
        decoded(&reply.opinion)
    }

    async fn boot(&self, node: NodeId, peer: &Peer, timeout: Duration) -> Result<Boot, CallError> {
        let message = pb::BootRequest {};
        let link = self.links.link(node, &peer.cluster, Lane::Admission);
        let reply = link.call(timeout, async |channel| rpc(channel).boot(message).await).await?;
        decoded(&reply.boot)
    }

    fn came_back(&self, node: NodeId) {
        self.links.came_back(node);
    }
}

fn rpc(channel: PeerChannel) -> Rpc<PeerChannel> {
    Rpc::new(channel).max_decoding_message_size(MAX_RAFT_MESSAGE_BYTES)
}

fn empty() -> CallError {
    CallError::Malformed("no answer inside".to_owned())
}

fn decoded<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, CallError> {
    kms_state::decode(bytes).map_err(|e| CallError::Malformed(e.to_string()))
}
