//! What nodes of one Region ask of each other beside Raft: forwarded writes, read confirmations, clocks, messages.

use crate::identity::PeerIdentity;
use crate::proto::raft::{self as pb, node_server::Node};
use crate::raft_codec::{decode, encode};
use bytes::Bytes;
use kms_raft::{Boot, LogId, NodeIncarnation, Seen, Standing};
use kms_state::{Outcome, Proposal};
use kms_types::{NodeId, Timestamp};
use serde::{Deserialize, Serialize};
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

/// What a node says of another that introduces itself or announces where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opinion {
    /// The members that it goes by; none while its log is empty.
    pub members: Option<MembersOpinion>,
    /// The furthest that it has seen of the other in that life.
    pub seen: Option<Seen>,
}

/// What the members that a node goes by say of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembersOpinion {
    /// The entry that set them.
    pub set_by: Option<LogId>,
    /// Who votes.
    pub voters: Vec<NodeId>,
    /// The other's life as a member; none when it is no member.
    pub incarnation: Option<NodeIncarnation>,
    /// Who answers at the address that the members have for it.
    pub found: Found,
}

/// Who answers at a node's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Found {
    /// The node that introduced itself.
    It,
    /// Another process in its name.
    Another,
    /// Nobody, at the moment.
    Nobody,
    /// Not looked for.
    Unasked,
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
    /// What this node has seen of another that starts.
    async fn introduced(&self, node: NodeId, standing: Standing) -> Opinion;
    /// Remembers where another node stands; none when that cannot be stored.
    async fn announced(&self, node: NodeId, seen: Seen) -> Option<Opinion>;
    /// This node's start.
    fn boot(&self) -> Boot;
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

    async fn introduce(
        &self,
        request: Request<pb::IntroduceRequest>,
    ) -> Result<Response<pb::IntroduceReply>, Status> {
        let (node, standing) = (sender(&request)?, decode(&request.get_ref().standing)?);
        let opinion = self.0.introduced(node, standing).await;
        Ok(Response::new(pb::IntroduceReply { opinion: encode(&opinion) }))
    }

    async fn announce(
        &self,
        request: Request<pb::AnnounceRequest>,
    ) -> Result<Response<pb::IntroduceReply>, Status> {
        let (node, seen) = (sender(&request)?, decode(&request.get_ref().seen)?);
        let opinion = self.0.announced(node, seen).await;
        let opinion = opinion.ok_or_else(|| Status::internal("the announcement could not be stored"))?;
        Ok(Response::new(pb::IntroduceReply { opinion: encode(&opinion) }))
    }

    async fn boot(&self, _: Request<pb::BootRequest>) -> Result<Response<pb::BootReply>, Status> {
        Ok(Response::new(pb::BootReply { boot: encode(&self.0.boot()) }))
    }
}

/// A node speaks for itself only: its certificate says which it is.
fn sender<T>(request: &Request<T>) -> Result<NodeId, Status> {
    match request.extensions().get() {
        Some(PeerIdentity::Node { node, .. }) => Ok(*node),
        _ => Err(Status::permission_denied("not a node")),
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
