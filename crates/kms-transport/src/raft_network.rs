//! openraft's view of the network: one client per target and purpose, over shared connections.
//!
//! Keeps no connection state of its own and retries nothing: openraft retries, after the pauses of `backoff`.

use crate::{
    backoff_gate::delays,
    call_error::CallError,
    history::PeerChannel,
    limits::APPEND_TIMEOUT,
    peer_links::{Lane, Link, PeerLinks},
    peer_memory::{PeerMemory, Purpose},
    proto::raft::{self as pb, raft_client::RaftClient},
    raft_codec::{after_cut, decode, encode, pack_append, pack_transfer},
    snapshot_outbox,
};
use kms_raft::{
    AppendRequest, AppendResponse, LogId, Peer, SnapshotFile, SnapshotMeta, Standings, TypeConfig, Vote,
    VoteRequest, VoteResponse,
};
use kms_types::NodeId;
use openraft::{
    RPCTypes, RaftNetworkFactory, RaftNetworkV2,
    error::{NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable},
    network::{Backoff, RPCOption},
    raft::{SnapshotResponse, TransferLeaderRequest, TransferLeaderResponse},
};
use serde::de::DeserializeOwned;
use std::{sync::Arc, time::Duration};

/// Makes Raft clients for the nodes of the Region.
#[derive(Debug, Clone)]
pub struct RaftNetwork {
    own: NodeId,
    links: Arc<PeerLinks>,
    standings: Arc<Standings>,
}

impl RaftNetwork {
    /// `own` is this node; `standings` remembers what the others answer.
    pub fn new(own: NodeId, links: Arc<PeerLinks>, standings: Arc<Standings>) -> Self {
        Self { own, links, standings }
    }

    fn connection(&self, target: NodeId, peer: &Peer, lane: Lane) -> RaftConnection {
        let link = self.links.link(target, &peer.cluster, lane);
        let purpose = if matches!(lane, Lane::Heartbeat) { Purpose::Heartbeats } else { Purpose::Entries };
        RaftConnection {
            own: self.own,
            target,
            lane,
            link,
            memory: PeerMemory::new(purpose),
            peer: peer.clone(),
            standings: self.standings.clone(),
        }
    }
}

impl RaftNetworkFactory<TypeConfig> for RaftNetwork {
    type Network = RaftConnection;

    async fn new_client(&mut self, target: NodeId, peer: &Peer) -> RaftConnection {
        self.connection(target, peer, Lane::Replication)
    }

    async fn new_heartbeat_client(&mut self, target: NodeId, peer: &Peer) -> RaftConnection {
        self.connection(target, peer, Lane::Heartbeat)
    }

    async fn new_snapshot_client(&mut self, target: NodeId, peer: &Peer) -> RaftConnection {
        self.connection(target, peer, Lane::Snapshot)
    }
}

/// Raft calls to one node.
#[derive(Debug)]
pub struct RaftConnection {
    own: NodeId,
    target: NodeId,
    lane: Lane,
    link: Arc<Link>,
    memory: PeerMemory,
    peer: Peer,
    standings: Arc<Standings>,
}

type Answer<T> = Result<T, RPCError<TypeConfig>>;

impl RaftConnection {
    fn failed(&self, action: RPCTypes, error: CallError) -> RPCError<TypeConfig> {
        match error {
            CallError::TimedOut(timeout) => {
                RPCError::Timeout(Timeout { action, id: self.own, target: self.target, timeout })
            }
            // A refusal or nonsense is answered with a pause as well: an immediate retry would bring the same.
            other => RPCError::Unreachable(Unreachable::new(&other)),
        }
    }

    fn decoded<T: DeserializeOwned>(&self, bytes: &[u8]) -> Answer<T> {
        decode(bytes).map_err(|e| RPCError::Network(NetworkError::from_string(e.message())))
    }

    /// Heartbeats must not outlive their interval. Entries may: they wait for a disk, and sending them again would
    /// not make it faster.
    fn append_timeout(&self, option: &RPCOption) -> Duration {
        match self.lane {
            Lane::Heartbeat => option.soft_ttl(),
            _ => option.soft_ttl().max(APPEND_TIMEOUT),
        }
    }

    /// Refuses to go on with a node that has forgotten what it acknowledged (invariant A5).
    fn check_memory(
        &mut self,
        vote: &Vote,
        previous: Option<LogId>,
        last: Option<LogId>,
        answer: &AppendResponse,
    ) -> Answer<()> {
        self.standings.acknowledged(self.target, &self.peer, vote, last, answer);
        self.memory.check(previous, last, answer).map_err(|error| {
            tracing::error!(node = self.target, %error, "remove the node and add it again");
            RPCError::Unreachable(Unreachable::new(&error))
        })
    }

    async fn ask_vote(&self, request: VoteRequest, option: RPCOption, pre: PreVote) -> Answer<VoteResponse> {
        let message = pb::VoteRequest { request: encode(&request) };
        let call = async |channel| match pre {
            PreVote::Yes => client(channel).pre_vote(message).await,
            PreVote::No => client(channel).vote(message).await,
        };
        let reply =
            self.link.call(option.soft_ttl(), call).await.map_err(|e| self.failed(RPCTypes::Vote, e))?;
        let answer: VoteResponse = self.decoded(&reply.response)?;
        if answer.vote_granted && matches!(pre, PreVote::No) {
            self.standings.granted(self.target, &self.peer, &request.vote);
        }
        Ok(answer)
    }
}

#[derive(Debug, Clone, Copy)]
enum PreVote {
    Yes,
    No,
}

fn client(channel: PeerChannel) -> RaftClient<PeerChannel> {
    RaftClient::new(channel)
}

impl RaftNetworkV2<TypeConfig> for RaftConnection {
    type SnapshotData = SnapshotFile;

    async fn append_entries(&mut self, request: AppendRequest, option: RPCOption) -> Answer<AppendResponse> {
        let packed = pack_append(&request);
        let call = async |channel| client(channel).append_entries(packed.message).await;
        let reply = self.link.call(self.append_timeout(&option), call).await;
        let reply = reply.map_err(|e| self.failed(RPCTypes::AppendEntries, e))?;
        let answer = after_cut(self.decoded(&reply.response)?, packed.cut_after);
        let last = request.entries.last().map(|entry| entry.log_id).or(request.prev_log_id);
        self.check_memory(&request.vote, request.prev_log_id, last, &answer)?;
        Ok(answer)
    }

    async fn vote(&mut self, request: VoteRequest, option: RPCOption) -> Answer<VoteResponse> {
        self.ask_vote(request, option, PreVote::No).await
    }

    async fn pre_vote(&mut self, request: VoteRequest, option: RPCOption) -> Answer<VoteResponse> {
        self.ask_vote(request, option, PreVote::Yes).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: openraft::type_config::alias::SnapshotOf<TypeConfig, SnapshotFile>,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let meta: SnapshotMeta = snapshot.meta;
        let send = snapshot_outbox::send(&self.link, vote, &meta, snapshot.snapshot, option.soft_ttl());
        tokio::select! {
            closed = cancel => Err(StreamingError::Closed(closed)),
            sent = send => {
                let reply = sent.map_err(|e| self.failed(RPCTypes::InstallSnapshot, e))?;
                Ok(self.decoded(&reply.response)?)
            }
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Answer<TransferLeaderResponse<TypeConfig>> {
        let message = pb::TransferLeaderRequest { request: pack_transfer(&request) };
        let call = async |channel| client(channel).transfer_leader(message).await;
        let reply = self.link.call(option.soft_ttl(), call).await;
        let reply = reply.map_err(|e| self.failed(RPCTypes::TransferLeader, e))?;
        self.decoded(&reply.response)
    }

    fn backoff(&self) -> Option<Backoff> {
        Some(Backoff::new(delays()))
    }
}
