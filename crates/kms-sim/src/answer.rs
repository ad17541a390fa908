//! A node's answers to the calls of others: what the gRPC services of kms-transport do after decoding.

use crate::address::{Address, REGIONS};
use crate::message::{Reply, Request};
use crate::net::Answer;
use kms_node::simulation::SimulatedNode;
use kms_transport::{CallError, NodeHandler, PeerIdentity, RegionHandler};
use openraft::Snapshot;
use std::fmt::Display;
use std::sync::Arc;

const SNAPSHOT_CHUNK_BYTES: usize = 1 << 16;

/// openraft fails here only when it has stopped: this node takes part no more.
fn stopped(error: impl Display) -> CallError {
    CallError::Refused(format!("consensus stopped: {error}"))
}

/// Answers one call on the node's own runtime.
pub(crate) async fn answer(node: SimulatedNode, from: Address, request: Request) -> Answer {
    let (group, raft) = (&node.group, node.group.raft());
    Ok(match request {
        Request::Append(request) => {
            let request = Arc::unwrap_or_clone(request);
            Reply::Append(raft.append_entries(request).await.map_err(stopped)?)
        }
        Request::Vote(request) => Reply::Vote(raft.vote(request).await.map_err(stopped)?),
        Request::PreVote(request) => Reply::Vote(raft.pre_vote(request).await.map_err(stopped)?),
        Request::Snapshot { vote, meta, bytes } => {
            let mut snapshot = node.inbox.receive().map_err(stopped)?;
            for chunk in bytes.chunks(SNAPSHOT_CHUNK_BYTES) {
                snapshot.write_chunk(chunk).await.map_err(stopped)?;
            }
            let snapshot = Snapshot { meta: (*meta).clone(), snapshot };
            Reply::Snapshot(raft.install_full_snapshot(vote, snapshot).await.map_err(stopped)?)
        }
        Request::Transfer(request) => {
            let request = Arc::unwrap_or_clone(request);
            Reply::Transfer(raft.handle_transfer_leader(request).await.map_err(stopped)?)
        }
        Request::Forward(proposal) => {
            Reply::Forward(NodeHandler::forward(group, Arc::unwrap_or_clone(proposal)).await)
        }
        Request::ReadIndex => Reply::ReadIndex(NodeHandler::read_index(group).await),
        Request::Clock => Reply::Clock(NodeHandler::clock(group)),
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
