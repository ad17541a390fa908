//! Administration: operators ask and command, one node answers for itself or passes on to its group.
//!
//! The messages are those of `proto/kms/admin/v1`, re-exported; their comments are their documentation.

use crate::{
    identity::any_node_name,
    limits::{ADMIN_TIMEOUT, CONNECT_TIMEOUT, MAX_ADMIN_MESSAGE_BYTES},
    proto::admin::{self as pb, admin_client::AdminClient as Rpc, admin_server::Admin},
    tls::TlsIdentity,
};
use std::sync::Arc;
use tonic::{
    Code, Request, Response, Status,
    transport::{Channel, Endpoint},
};

/// Why a command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// The request makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The state of the Region forbids it.
    #[error("{0}")]
    Refused(String),
    /// No quorum, no leader, or no answer in time; the command may have been carried out.
    #[error("{0}")]
    Unavailable(String),
    /// The node does not accept this certificate as an operator's.
    #[error("{0}")]
    NotOperator(String),
    /// Anything else.
    #[error("{0}")]
    Internal(String),
}

type Reply<T> = Result<T, AdminError>;

/// The node's side of administration.
#[tonic::async_trait]
pub trait AdminHandler: Send + Sync + 'static {
    /// What this node knows.
    async fn status(&self, request: pb::StatusRequest) -> Reply<pb::NodeStatus>;
    /// Adds a learner and waits until it has caught up.
    async fn add_node(&self, request: pb::AddNodeRequest) -> Reply<pb::ChangeReply>;
    /// Makes a learner a voter.
    async fn promote_node(&self, request: pb::NodeRequest) -> Reply<pb::ChangeReply>;
    /// Removes a node.
    async fn remove_node(&self, request: pb::NodeRequest) -> Reply<pb::ChangeReply>;
    /// Moves leadership.
    async fn transfer_leader(&self, request: pb::TransferLeaderRequest) -> Reply<pb::ChangeReply>;
    /// Makes this Region primary of keys.
    async fn region_promote(&self, request: pb::RegionPromoteRequest) -> Reply<pb::RegionPromoteReply>;
    /// Removes a Region from a key's members.
    async fn region_evict(&self, request: pb::RegionEvictRequest) -> Reply<pb::ChangeReply>;
    /// Lets a Region in.
    async fn region_invite(&self, request: pb::RegionInviteRequest) -> Reply<pb::RegionInviteReply>;
    /// Removes a Region from the deployment.
    async fn region_remove(&self, request: pb::RegionRemoveRequest) -> Reply<pb::ChangeReply>;
    /// Tells where the nodes of a Region are reached.
    async fn region_link(&self, request: pb::RegionLinkRequest) -> Reply<pb::ChangeReply>;
    /// Stops or resumes letters with another Region.
    async fn region_isolate(&self, request: pb::RegionIsolateRequest) -> Reply<pb::ChangeReply>;
    /// What keys wait for.
    async fn rotation_status(&self, request: pb::RotationStatusRequest) -> Reply<pb::RotationStatusReply>;
    /// A page of registers.
    async fn region_registers(&self, request: pb::RegionRegistersRequest) -> Reply<pb::RegionRegistersReply>;
    /// The hash of the applied state.
    async fn state_hash(&self, request: pb::StateHashRequest) -> Reply<pb::StateHashReply>;
    /// Region time, and what has fallen due.
    async fn clock(&self, request: pb::ClockRequest) -> Reply<pb::ClockReply>;
    /// Moves a virtual clock forward.
    async fn advance_clock(&self, request: pb::AdvanceClockRequest) -> Reply<pb::ClockReply>;
    /// Takes a snapshot now.
    async fn trigger_snapshot(&self, request: pb::TriggerSnapshotRequest) -> Reply<pb::ChangeReply>;
    /// Says why a caller may or may not do something.
    async fn explain(&self, request: pb::ExplainRequest) -> Reply<pb::ExplainReply>;
}

impl From<AdminError> for Status {
    fn from(error: AdminError) -> Self {
        let code = match error {
            AdminError::Invalid(_) => Code::InvalidArgument,
            AdminError::Refused(_) => Code::FailedPrecondition,
            AdminError::Unavailable(_) => Code::Unavailable,
            AdminError::NotOperator(_) => Code::PermissionDenied,
            AdminError::Internal(_) => Code::Internal,
        };
        Self::new(code, error.to_string())
    }
}

impl From<Status> for AdminError {
    fn from(status: Status) -> Self {
        let text = status.message().to_owned();
        match status.code() {
            Code::InvalidArgument => Self::Invalid(text),
            Code::FailedPrecondition => Self::Refused(text),
            Code::PermissionDenied | Code::Unauthenticated => Self::NotOperator(text),
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown => {
                Self::Unavailable(text)
            }
            _ => Self::Internal(text),
        }
    }
}

pub(crate) struct AdminService(pub(crate) Arc<dyn AdminHandler>);

/// One line per call, the same on both sides.
macro_rules! calls {
    ($($call:ident($request:ident) -> $reply:ident, $doc:literal;)*) => {
        #[tonic::async_trait]
        impl Admin for AdminService {
            $(async fn $call(&self, request: Request<pb::$request>) -> Result<Response<pb::$reply>, Status> {
                Ok(Response::new(self.0.$call(request.into_inner()).await?))
            })*
        }

        impl AdminClient {
            $(#[doc = $doc]
            pub async fn $call(&mut self, request: pb::$request) -> Result<pb::$reply, AdminError> {
                Ok(self.rpc.$call(request).await?.into_inner())
            })*
        }
    };
}

/// An operator's connection to one node.
#[derive(Debug, Clone)]
pub struct AdminClient {
    rpc: Rpc<Channel>,
}

impl AdminClient {
    /// Connects to the `cluster` address of any node of the deployment.
    pub async fn connect(address: &str, tls: &TlsIdentity) -> Result<Self, AdminError> {
        let unreachable = |e: tonic::transport::Error| AdminError::Unavailable(chain(&e));
        let endpoint = Endpoint::from_shared(format!("https://{address}"))
            .map_err(|e| AdminError::Invalid(format!("`{address}`: {e}")))?
            .tls_config(tls.client(&any_node_name()).timeout(CONNECT_TIMEOUT))
            .map_err(|e| AdminError::Invalid(chain(&e)))?
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ADMIN_TIMEOUT);
        let channel = endpoint.connect().await.map_err(unreachable)?;
        Ok(Self { rpc: Rpc::new(channel).max_decoding_message_size(MAX_ADMIN_MESSAGE_BYTES) })
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

calls! {
    status(StatusRequest) -> NodeStatus, "What the node knows.";
    add_node(AddNodeRequest) -> ChangeReply, "Adds a learner and waits until it has caught up.";
    promote_node(NodeRequest) -> ChangeReply, "Makes a learner a voter.";
    remove_node(NodeRequest) -> ChangeReply, "Removes a node.";
    transfer_leader(TransferLeaderRequest) -> ChangeReply, "Moves leadership.";
    region_promote(RegionPromoteRequest) -> RegionPromoteReply, "Makes the node's Region primary of keys.";
    region_evict(RegionEvictRequest) -> ChangeReply, "Removes a Region from a key's members.";
    region_invite(RegionInviteRequest) -> RegionInviteReply, "Lets a Region in, new or as a new incarnation.";
    region_remove(RegionRemoveRequest) -> ChangeReply, "Removes a Region from the deployment.";
    region_link(RegionLinkRequest) -> ChangeReply, "Tells all Regions where the nodes of one are reached.";
    region_isolate(RegionIsolateRequest) -> ChangeReply, "Stops or resumes letters with another Region.";
    rotation_status(RotationStatusRequest) -> RotationStatusReply, "What keys of this primary wait for.";
    region_registers(RegionRegistersRequest) -> RegionRegistersReply, "A page of the Region's registers.";
    state_hash(StateHashRequest) -> StateHashReply, "The hash of the applied state.";
    clock(ClockRequest) -> ClockReply, "Region time, and what has fallen due.";
    advance_clock(AdvanceClockRequest) -> ClockReply, "Moves a virtual clock forward.";
    trigger_snapshot(TriggerSnapshotRequest) -> ChangeReply, "Takes a snapshot now.";
    explain(ExplainRequest) -> ExplainReply, "Why a caller may or may not do something.";
}
