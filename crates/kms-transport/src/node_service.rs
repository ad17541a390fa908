//! What nodes of one Region ask of each other beside Raft: forwarded writes, read confirmations, clocks, messages.

use crate::proto::raft::{self as pb, node_server::Node};
use crate::raft_codec::{decode, encode};
use bytes::Bytes;
use kms_state::{Outcome, Proposal};
use kms_types::{NodeId, Timestamp};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// What became of a forwarded write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForwardAnswer {
    /// Committed, and applied at this index.
    Committed {
        /// What it did.
        outcome: Outcome,
        /// The log index.
        index: u64,
    },
    /// Certainly not proposed: the node does not lead. It names the leader it knows.
    NotLeader(Option<NodeId>),
    /// Proposed; whether it will be committed is unknown.
    Unknown,
}

/// The answer to a request for a read index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadIndexAnswer {
    /// Confirmed by a quorum after the request arrived.
    Index(u64),
    /// The node does not lead. It names the leader it knows.
    NotLeader(Option<NodeId>),
    /// The node could not confirm that it leads.
    Unconfirmed,
}

/// What became of a message of another Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliverAnswer {
    /// The leader will look at it.
    Queued,
    /// The node does not lead. It names the leader it knows.
    NotLeader(Option<NodeId>),
    /// The leader's queue is full.
    Overloaded,
}

/// The node's side of the node service.
#[tonic::async_trait]
pub trait NodeHandler: Send + Sync + 'static {
    /// Proposes a write of another node, if this node leads.
    async fn forward(&self, proposal: Proposal) -> ForwardAnswer;
    /// Confirms leadership for a read of another node, if this node leads.
    async fn read_index(&self) -> ReadIndexAnswer;
    /// This node's own clock.
    fn clock(&self) -> Timestamp;
    /// Queues a message of another Region, if this node leads.
    async fn deliver_region(&self, message: Bytes) -> DeliverAnswer;
}

pub(crate) struct NodeService(pub(crate) Arc<dyn NodeHandler>);

#[tonic::async_trait]
impl Node for NodeService {
    async fn forward(
        &self,
        request: Request<pb::ForwardRequest>,
    ) -> Result<Response<pb::ForwardReply>, Status> {
        let proposal: Proposal = decode(&request.get_ref().proposal)?;
        let answer = forward_to_wire(self.0.forward(proposal).await);
        Ok(Response::new(pb::ForwardReply { answer: Some(answer) }))
    }

    async fn read_index(
        &self,
        _: Request<pb::ReadIndexRequest>,
    ) -> Result<Response<pb::ReadIndexReply>, Status> {
        use pb::read_index_reply::Answer;
        let answer = match self.0.read_index().await {
            ReadIndexAnswer::Index(index) => Answer::Index(index),
            ReadIndexAnswer::NotLeader(leader) => Answer::NotLeader(pb::NotLeader { leader }),
            ReadIndexAnswer::Unconfirmed => Answer::Unconfirmed(pb::Unknown {}),
        };
        Ok(Response::new(pb::ReadIndexReply { answer: Some(answer) }))
    }

    async fn clock(&self, _: Request<pb::ClockRequest>) -> Result<Response<pb::ClockReply>, Status> {
        Ok(Response::new(pb::ClockReply { now_ms: self.0.clock().as_millis() }))
    }

    async fn deliver_region(
        &self,
        request: Request<pb::DeliverRegionRequest>,
    ) -> Result<Response<pb::DeliverRegionReply>, Status> {
        use pb::deliver_region_reply::Answer;
        let answer = match self.0.deliver_region(request.into_inner().message).await {
            DeliverAnswer::Queued => Answer::Queued(pb::Queued {}),
            DeliverAnswer::NotLeader(leader) => Answer::NotLeader(pb::NotLeader { leader }),
            DeliverAnswer::Overloaded => Answer::Overloaded(pb::Overloaded {}),
        };
        Ok(Response::new(pb::DeliverRegionReply { answer: Some(answer) }))
    }
}

fn forward_to_wire(answer: ForwardAnswer) -> pb::forward_reply::Answer {
    use pb::forward_reply::Answer;
    match answer {
        ForwardAnswer::Committed { outcome, index } => {
            Answer::Committed(pb::Committed { outcome: encode(&outcome), index })
        }
        ForwardAnswer::NotLeader(leader) => Answer::NotLeader(pb::NotLeader { leader }),
        ForwardAnswer::Unknown => Answer::Unknown(pb::Unknown {}),
    }
}
