//! A node's answers to the calls of others: what the gRPC services of kms-transport do after decoding.

use crate::address::{Address, REGIONS};
use crate::message::{Reply, Request};
use crate::net::Answer;
use kms_node::simulation::SimulatedNode;
use kms_raft::Raft;
use kms_transport::{CallError, NodeHandler, PeerIdentity, RegionHandler};
use openraft::Snapshot;
use std::fmt::Display;
use std::sync::Arc;

const SNAPSHOT_CHUNK_BYTES: usize = 1 << 16;

/// openraft fails here only when it has stopped: this node takes part no more.
fn stopped(error: impl Display) -> CallError {
    CallError::Refused(format!("consensus stopped: {error}"))
}

/// A node that is not admitted answers nothing of consensus, as the service of kms-transport.
fn takes_part(node: &SimulatedNode) -> Result<&Raft, CallError> {
    match node.group.is_admitted() {
        true => Ok(node.group.raft()),
        false => Err(CallError::Unreachable("this node is not admitted to its Region".to_owned())),
    }
}

/// Answers one call on the node's own runtime.
pub(crate) async fn answer(node: SimulatedNode, from: Address, request: Request) -> Answer {
    let group = &node.group;
    Ok(match request {
        Request::Append(request) => {
            let request = Arc::unwrap_or_clone(request);
            Reply::Append(takes_part(&node)?.append_entries(request).await.map_err(stopped)?)
        }
        Request::Vote(request) => Reply::Vote(takes_part(&node)?.vote(request).await.map_err(stopped)?),
        Request::PreVote(request) => {
            Reply::Vote(takes_part(&node)?.pre_vote(request).await.map_err(stopped)?)
        }
        Request::Snapshot { vote, meta, bytes } => {
            let raft = takes_part(&node)?;
            let mut snapshot = node.inbox.receive().map_err(stopped)?;
            for chunk in bytes.chunks(SNAPSHOT_CHUNK_BYTES) {
                snapshot.write_chunk(chunk).await.map_err(stopped)?;
            }
            let snapshot = Snapshot { meta: (*meta).clone(), snapshot };
            Reply::Snapshot(raft.install_full_snapshot(vote, snapshot).await.map_err(stopped)?)
        }
        Request::Transfer(request) => {
            let request = Arc::unwrap_or_clone(request);
            Reply::Transfer(takes_part(&node)?.handle_transfer_leader(request).await.map_err(stopped)?)
        }
        Request::Forward(proposal) => {
            Reply::Forward(NodeHandler::forward(group, Arc::unwrap_or_clone(proposal)).await)
        }
        Request::ReadIndex => Reply::ReadIndex(NodeHandler::read_index(group).await),
        Request::Clock => Reply::Clock(NodeHandler::clock(group)),
        Request::Introduce(standing) => {
            Reply::Opinion(NodeHandler::introduced(group, from.node, standing).await)
        }
        Request::Announce(seen) => {
            let opinion = NodeHandler::announced(group, from.node, seen).await;
            Reply::Opinion(opinion.ok_or_else(|| stopped("the log is closed"))?)
        }
        Request::Boot => Reply::Boot(NodeHandler::boot(group)),
        Request::DeliverRegion(bytes) => {
            Reply::DeliverRegion(NodeHandler::deliver_region(group, bytes).await)
        }
        Request::Letter(bytes) => {
            let name = REGIONS.get(from.region).copied().unwrap_or_default();
            let region = name.parse().map_err(stopped)?;
            let sender = PeerIdentity::Node { region, node: from.node };
            let taken = RegionHandler::deliver(group, &sender, bytes).await;
            taken.map(|()| Reply::Letter).map_err(|refusal| CallError::Refused(refusal.to_string()))?
        }
    })
}
