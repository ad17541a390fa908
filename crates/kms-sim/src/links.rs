//! The three ways out of a node, over the simulated network: consensus, other calls, other Regions.

use crate::address::{Address, Endpoint, REGIONS};
use crate::message::{Reply, Request};
use crate::net::Net;
use bytes::Bytes;
use kms_node::region_driver::RegionLink;
use kms_raft::{
    AppendRequest, AppendResponse, Boot, Peer, Seen, SnapshotFile, Standing, Standings, TypeConfig, Vote,
    VoteRequest, VoteResponse,
};
use kms_state::Proposal;
use kms_transport::{
    CallError, DeliverAnswer, ForwardAnswer, LinkError, NodeCalls, Opinion, PeerMemory, Purpose,
    ReadIndexAnswer, async_trait,
};
use kms_types::{NodeId, Region, Timestamp};
use openraft::RPCTypes;
use openraft::error::{RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable};
use openraft::network::{Backoff, RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{SnapshotResponse, TransferLeaderRequest, TransferLeaderResponse};
use openraft::type_config::alias::SnapshotOf;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// As in kms-transport.
const APPEND_TIMEOUT: Duration = Duration::from_secs(1);
/// As in kms-transport.
const DELIVER_TIMEOUT: Duration = Duration::from_secs(2);
const SNAPSHOT_CHUNK_BYTES: usize = 1 << 16;

/// One node's way out.
#[derive(Clone)]
pub(crate) struct Exit {
    pub(crate) net: Net,
    pub(crate) from: Endpoint,
    /// What the node has seen of the others.
    pub(crate) standings: Arc<Standings>,
}

impl Exit {
    fn neighbour(&self, node: NodeId) -> Address {
        Address { node, ..self.from.address }
    }

    async fn ask(&self, to: Address, request: Request, limit: Duration) -> Result<Reply, CallError> {
        self.net.call(self.from, to, request, limit).await
    }
}

fn nonsense<T>() -> Result<T, CallError> {
    Err(CallError::Malformed("an answer to another question".to_owned()))
}

impl RaftNetworkFactory<TypeConfig> for Exit {
    type Network = RaftLink;

    async fn new_client(&mut self, target: NodeId, peer: &Peer) -> RaftLink {
        RaftLink::new(self.clone(), target, peer, Purpose::Entries)
    }

    async fn new_heartbeat_client(&mut self, target: NodeId, peer: &Peer) -> RaftLink {
        RaftLink::new(self.clone(), target, peer, Purpose::Heartbeats)
    }
}

/// Consensus calls to one node.
pub(crate) struct RaftLink {
    exit: Exit,
    to: Address,
    peer: Peer,
    purpose: Purpose,
    memory: PeerMemory,
}

type Asked<T> = Result<T, RPCError<TypeConfig>>;

impl RaftLink {
    fn new(exit: Exit, target: NodeId, peer: &Peer, purpose: Purpose) -> Self {
        let (to, peer) = (exit.neighbour(target), peer.clone());
        Self { exit, to, peer, purpose, memory: PeerMemory::new(purpose) }
    }

    fn failed(&self, action: RPCTypes, error: CallError) -> RPCError<TypeConfig> {
        let (id, target) = (self.exit.from.address.node, self.to.node);
        match error {
            CallError::TimedOut(timeout) => RPCError::Timeout(Timeout { action, id, target, timeout }),
            other => RPCError::Unreachable(Unreachable::new(&other)),
        }
    }
}

impl RaftNetworkV2<TypeConfig> for RaftLink {
    type SnapshotData = SnapshotFile;

    async fn append_entries(&mut self, request: AppendRequest, option: RPCOption) -> Asked<AppendResponse> {
        let limit = match self.purpose {
            Purpose::Heartbeats => option.soft_ttl(),
            Purpose::Entries => option.soft_ttl().max(APPEND_TIMEOUT),
        };
        let (vote, previous) = (request.vote, request.prev_log_id);
        let last = request.entries.last().map(|entry| entry.log_id).or(previous);
        let answer = match self.exit.ask(self.to, Request::Append(Arc::new(request)), limit).await {
            Ok(Reply::Append(answer)) => Ok(answer),
            Ok(_) => nonsense(),
            Err(error) => Err(error),
        };
        let answer = answer.map_err(|error| self.failed(RPCTypes::AppendEntries, error))?;
        self.exit.standings.acknowledged(self.to.node, &self.peer, &vote, last, &answer);
        let known = self.memory.check(previous, last, &answer);
        known.map_err(|error| RPCError::Unreachable(Unreachable::new(&error)))?;
        Ok(answer)
    }

    async fn vote(&mut self, request: VoteRequest, option: RPCOption) -> Asked<VoteResponse> {
        let vote = request.vote;
        match self.exit.ask(self.to, Request::Vote(request), option.soft_ttl()).await {
            Ok(Reply::Vote(answer)) => {
                if answer.vote_granted {
                    self.exit.standings.granted(self.to.node, &self.peer, &vote);
                }
                Ok(answer)
            }
            Ok(_) => nonsense(),
            Err(error) => Err(error),
        }
        .map_err(|error| self.failed(RPCTypes::Vote, error))
    }

    async fn pre_vote(&mut self, request: VoteRequest, option: RPCOption) -> Asked<VoteResponse> {
        match self.exit.ask(self.to, Request::PreVote(request), option.soft_ttl()).await {
            Ok(Reply::Vote(answer)) => Ok(answer),
            Ok(_) => nonsense(),
            Err(error) => Err(error),
        }
        .map_err(|error| self.failed(RPCTypes::Vote, error))
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        mut snapshot: SnapshotOf<TypeConfig, SnapshotFile>,
        _: impl Future<Output = ReplicationClosed> + Send + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let unreadable = |error: std::io::Error| StreamingError::Unreachable(Unreachable::new(&error));
        let mut bytes = Vec::new();
        loop {
            let chunk = snapshot.snapshot.read_chunk(SNAPSHOT_CHUNK_BYTES).await.map_err(unreadable)?;
            if chunk.is_empty() {
                break;
            }
            bytes.extend(chunk);
        }
        let request = Request::Snapshot { vote, meta: Arc::new(snapshot.meta), bytes: bytes.into() };
        match self.exit.ask(self.to, request, option.soft_ttl()).await {
            Ok(Reply::Snapshot(answer)) => Ok(answer),
            Ok(_) => nonsense(),
            Err(error) => Err(error),
        }
        .map_err(|error| self.failed(RPCTypes::InstallSnapshot, error).into())
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Asked<TransferLeaderResponse<TypeConfig>> {
        match self.exit.ask(self.to, Request::Transfer(Arc::new(request)), option.soft_ttl()).await {
            Ok(Reply::Transfer(answer)) => Ok(answer),
            Ok(_) => nonsense(),
            Err(error) => Err(error),
        }
        .map_err(|error| self.failed(RPCTypes::TransferLeader, error))
    }

    fn backoff(&self) -> Option<Backoff> {
        let delays = (0..5).map(|step| Duration::from_millis(50 << step));
        Some(Backoff::new(delays.chain(std::iter::repeat(Duration::from_millis(500)))))
    }
}

#[async_trait]
impl NodeCalls for Exit {
    async fn forward(
        &self,
        node: NodeId,
        _: &Peer,
        proposal: &Proposal,
        timeout: Duration,
    ) -> Result<ForwardAnswer, CallError> {
        let request = Request::Forward(Arc::new(proposal.clone()));
        match self.ask(self.neighbour(node), request, timeout).await? {
            Reply::Forward(answer) => Ok(answer),
            _ => nonsense(),
        }
    }

    async fn read_index(
        &self,
        node: NodeId,
        _: &Peer,
        timeout: Duration,
    ) -> Result<ReadIndexAnswer, CallError> {
        match self.ask(self.neighbour(node), Request::ReadIndex, timeout).await? {
            Reply::ReadIndex(answer) => Ok(answer),
            _ => nonsense(),
        }
    }

    async fn clock(&self, node: NodeId, _: &Peer, timeout: Duration) -> Result<Timestamp, CallError> {
        match self.ask(self.neighbour(node), Request::Clock, timeout).await? {
            Reply::Clock(now) => Ok(now),
            _ => nonsense(),
        }
    }

    async fn deliver_region(
        &self,
        node: NodeId,
        _: &Peer,
        message: Bytes,
        timeout: Duration,
    ) -> Result<DeliverAnswer, CallError> {
        match self.ask(self.neighbour(node), Request::DeliverRegion(message), timeout).await? {
            Reply::DeliverRegion(answer) => Ok(answer),
            _ => nonsense(),
        }
    }

    async fn introduce(
        &self,
        node: NodeId,
        _: &Peer,
        standing: Standing,
        timeout: Duration,
    ) -> Result<Opinion, CallError> {
        match self.ask(self.neighbour(node), Request::Introduce(standing), timeout).await? {
            Reply::Opinion(opinion) => Ok(opinion),
            _ => nonsense(),
        }
    }

    async fn announce(
        &self,
        node: NodeId,
        _: &Peer,
        seen: Seen,
        timeout: Duration,
    ) -> Result<Opinion, CallError> {
        match self.ask(self.neighbour(node), Request::Announce(seen), timeout).await? {
            Reply::Opinion(opinion) => Ok(opinion),
            _ => nonsense(),
        }
    }

    async fn boot(&self, node: NodeId, _: &Peer, timeout: Duration) -> Result<Boot, CallError> {
        match self.ask(self.neighbour(node), Request::Boot, timeout).await? {
            Reply::Boot(boot) => Ok(boot),
            _ => nonsense(),
        }
    }

    fn came_back(&self, _: NodeId) {}
}

/// The way to other Regions: to any of their nodes, first the one that took the last letter.
pub(crate) struct LetterLink {
    exit: Exit,
    /// How many nodes each Region has.
    nodes: Vec<u64>,
    preferred: Vec<AtomicU64>,
}

impl LetterLink {
    pub(crate) fn new(exit: Exit, nodes: Vec<u64>) -> Self {
        let preferred = nodes.iter().map(|_| AtomicU64::new(0)).collect();
        Self { exit, nodes, preferred }
    }
}

#[async_trait]
impl RegionLink for LetterLink {
    async fn send(&self, to: &Region, bytes: Vec<u8>) -> Result<(), LinkError> {
        let unknown = || LinkError::UnknownRegion(to.clone());
        let number = REGIONS.iter().position(|name| *name == to.as_str()).ok_or_else(unknown)?;
        let (count, preferred) =
            self.nodes.get(number).zip(self.preferred.get(number)).ok_or_else(unknown)?;
        let (bytes, first) = (Bytes::from(bytes), preferred.load(Ordering::Relaxed));
        let mut last = CallError::BackingOff;
        for position in (0..*count).map(|step| (first + step) % count) {
            let node = Address { region: number, node: position + 1 };
            match self.exit.ask(node, Request::Letter(bytes.clone()), DELIVER_TIMEOUT).await {
                Ok(_) => {
                    preferred.store(position, Ordering::Relaxed);
                    return Ok(());
                }
                Err(error) => last = error,
            }
        }
        Err(LinkError::Unreachable { region: to.clone(), last })
    }
}
