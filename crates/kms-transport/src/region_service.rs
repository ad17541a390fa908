//! The receiving end of the Region link: takes signed messages and hands them on.
//!
//! Checks nothing inside a message: the Region protocol verifies signature, sender, incarnation and position
//! (rule 13). The certificate only keeps strangers from filling the queue.

use crate::{
    identity::PeerIdentity,
    proto::region::{self as pb, region_server::Region as RegionRpc},
};
use bytes::Bytes;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// Why a message was not taken; the sender repeats by its timers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RegionRefusal {
    /// The leader's queue is full.
    #[error("the queue is full")]
    Overloaded,
    /// No leader could be reached.
    #[error("no leader can be reached")]
    NoLeader,
}

/// Takes messages of other Regions.
#[tonic::async_trait]
pub trait RegionHandler: Send + Sync + 'static {
    /// Queues a message for the leader of this Region. `from` is the certificate's claim, for logs and limits only.
    async fn deliver(&self, from: &PeerIdentity, message: Bytes) -> Result<(), RegionRefusal>;
}

pub(crate) struct RegionService(pub(crate) Arc<dyn RegionHandler>);

#[tonic::async_trait]
impl RegionRpc for RegionService {
    async fn deliver(
        &self,
        request: Request<pb::DeliverRequest>,
    ) -> Result<Response<pb::DeliverReply>, Status> {
        let Some(from) = request.extensions().get::<PeerIdentity>().cloned() else {
            return Err(Status::permission_denied("not a node"));
        };
        let delivered = self.0.deliver(&from, request.into_inner().message).await;
        match delivered {
            Ok(()) => Ok(Response::new(pb::DeliverReply {})),
            Err(refusal @ RegionRefusal::Overloaded) => Err(Status::resource_exhausted(refusal.to_string())),
            Err(refusal @ RegionRefusal::NoLeader) => Err(Status::failed_precondition(refusal.to_string())),
        }
    }
}
