//! The Raft service: decodes, checks that the sender speaks for itself, hands to openraft.
//!
//! That the sender is a node of this Region was checked before (`server.rs`).

use crate::{
    identity::PeerIdentity,
    proto::raft::{self as pb, raft_server::Raft as RaftRpc, snapshot_part::Part},
    raft_codec::{decode, encode, unpack_append, unpack_transfer},
    snapshot_assembly::{SnapshotAssembly, SnapshotId},
};
use futures::StreamExt;
use kms_raft::{AppendResponse, Raft, SnapshotInbox, SnapshotMeta, Standings, Vote, VoteRequest};
use kms_types::NodeId;
use openraft::{Snapshot, vote::RaftLeaderId};
use std::{fmt::Display, sync::Arc};
use tonic::{Request, Response, Status, Streaming};

/// The receiving end of Raft on this node.
pub(crate) struct RaftService {
    raft: Raft,
    standings: Arc<Standings>,
    snapshots: SnapshotAssembly,
}

impl RaftService {
    pub(crate) fn new(raft: Raft, standings: Arc<Standings>, inbox: SnapshotInbox) -> Self {
        Self { raft, standings, snapshots: SnapshotAssembly::new(inbox) }
    }

    /// A node that is not admitted answers nothing: it may have forgotten what it answered before (invariant A5).
    fn takes_part(&self) -> Result<&Raft, Status> {
        match self.standings.is_admitted() {
            true => Ok(&self.raft),
            false => Err(Status::unavailable("this node is not admitted to its Region")),
        }
    }

    async fn answer_vote(
        &self,
        request: Request<pb::VoteRequest>,
        pre: bool,
    ) -> Result<Response<pb::VoteReply>, Status> {
        let vote: VoteRequest = decode(&request.get_ref().request)?;
        speaks_for(&request, &vote.vote)?;
        let raft = self.takes_part()?;
        let answer = match pre {
            true => raft.pre_vote(vote).await,
            false => raft.vote(vote).await,
        };
        Ok(Response::new(pb::VoteReply { response: encode(&answer.map_err(stopped)?) }))
    }
}

/// A node may ask for votes and send entries only in its own name: its certificate says which.
fn speaks_for<T>(request: &Request<T>, vote: &Vote) -> Result<NodeId, Status> {
    let sender = sender(request)?;
    match *vote.leader_id().node_id() == sender {
        true => Ok(sender),
        false => Err(Status::permission_denied("the vote belongs to another node than the certificate")),
    }
}

fn sender<T>(request: &Request<T>) -> Result<NodeId, Status> {
    match request.extensions().get() {
        Some(PeerIdentity::Node { node, .. }) => Ok(*node),
        _ => Err(Status::permission_denied("not a node")),
    }
}

/// openraft fails here only when it has stopped: this node takes part no more.
fn stopped(error: impl Display) -> Status {
    Status::unavailable(format!("consensus stopped: {error}"))
}

#[tonic::async_trait]
impl RaftRpc for RaftService {
    async fn append_entries(
        &self,
        request: Request<pb::AppendEntriesRequest>,
    ) -> Result<Response<pb::AppendEntriesReply>, Status> {
        let append = unpack_append(request.get_ref())?;
        speaks_for(&request, &append.vote)?;
        let answer = self.takes_part()?.append_entries(append).await.map_err(stopped)?;
        if !matches!(answer, AppendResponse::HigherVote(_)) {
            self.standings.followed();
        }
        Ok(Response::new(pb::AppendEntriesReply { response: encode(&answer) }))
    }

    async fn vote(&self, request: Request<pb::VoteRequest>) -> Result<Response<pb::VoteReply>, Status> {
        self.answer_vote(request, false).await
    }

    async fn pre_vote(&self, request: Request<pb::VoteRequest>) -> Result<Response<pb::VoteReply>, Status> {
        self.answer_vote(request, true).await
    }

    async fn snapshot_progress(
        &self,
        request: Request<pb::SnapshotProgressRequest>,
    ) -> Result<Response<pb::SnapshotProgressReply>, Status> {
        let sender = sender(&request)?;
        self.takes_part()?;
        let pb::SnapshotProgressRequest { meta, total_bytes } = request.into_inner();
        let held_bytes = self.snapshots.held_bytes(&SnapshotId { sender, meta, total_bytes }).await;
        Ok(Response::new(pb::SnapshotProgressReply { held_bytes }))
    }

    async fn snapshot(
        &self,
        mut request: Request<Streaming<pb::SnapshotPart>>,
    ) -> Result<Response<pb::SnapshotReply>, Status> {
        let Some(Part::Header(header)) =
            request.get_mut().next().await.transpose()?.and_then(|first| first.part)
        else {
            return Err(Status::invalid_argument("expected a header"));
        };
        let (vote, meta): (Vote, SnapshotMeta) = (decode(&header.vote)?, decode(&header.meta)?);
        let sender = speaks_for(&request, &vote)?;
        let raft = self.takes_part()?;
        let id = SnapshotId { sender, meta: header.meta, total_bytes: header.total_bytes };
        let snapshot = self.snapshots.receive(id, header.start_bytes, request.into_inner()).await?;
        let answer = raft.install_full_snapshot(vote, Snapshot { meta, snapshot }).await.map_err(stopped)?;
        Ok(Response::new(pb::SnapshotReply { response: encode(&answer) }))
    }

    async fn transfer_leader(
        &self,
        request: Request<pb::TransferLeaderRequest>,
    ) -> Result<Response<pb::TransferLeaderReply>, Status> {
        let transfer = unpack_transfer(&request.get_ref().request)?;
        speaks_for(&request, transfer.from_leader())?;
        let answer = self.takes_part()?.handle_transfer_leader(transfer).await.map_err(stopped)?;
        Ok(Response::new(pb::TransferLeaderReply { response: encode(&answer) }))
    }
}
