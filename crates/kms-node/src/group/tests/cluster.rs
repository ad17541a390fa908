//! Groups of real nodes in this process: loopback TCP, real certificates, real storage in temporary directories.

use crate::{
    clock::Clock,
    entropy::OsEntropy,
    group::{Group, GroupParts, run_admission},
};
use bytes::Bytes;
use kms_raft::{Peer, Raft, Storage, Tuning, raft_config};
use kms_state::{Command, Directory, Origin, Outcome, Proposal};
use kms_transport::{
    Access, AdminError, AdminHandler, ClusterServer, Dialer, NodeClient, PeerLinks, RaftNetwork, Services,
    TlsIdentity, admin_messages as admin, async_trait, pki::Authority,
};
use kms_types::{DeploymentId, Entropy, Incarnation, NodeId, ProposalId, Region, Timestamp};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    sync::{Mutex, MutexGuard, mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep},
};

/// Two cores and fsync: clusters of different tests take turns.
static TURN: Mutex<()> = Mutex::const_new(());

pub(super) const NOW: Timestamp = Timestamp::from_millis(1_770_000_000_000);
const PATIENCE: Duration = Duration::from_secs(20);

/// Of which incarnation the cluster's Region is.
pub(super) fn history() -> Incarnation {
    Incarnation::from_random([3; 16])
}

/// A clock that a test sets.
#[derive(Debug, Default)]
pub(super) struct TestClock(pub(super) AtomicU64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

pub(super) struct TestNode {
    pub(super) group: Group,
    pub(super) peer: Peer,
    pub(super) clock: Arc<TestClock>,
    pub(super) inbox: mpsc::Receiver<Bytes>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

pub(super) struct TestCluster {
    pub(super) region: Region,
    pub(super) authority: Authority,
    pub(super) nodes: BTreeMap<NodeId, TestNode>,
    dirs: BTreeMap<NodeId, TempDir>,
    peers: BTreeMap<NodeId, Peer>,
    tuning: Tuning,
    _turn: MutexGuard<'static, ()>,
}

pub(super) fn proposal(command: Command) -> Proposal {
    let entropy: &mut dyn Entropy = &mut OsEntropy;
    let id = ProposalId::from_random(entropy.array());
    Proposal { id, origin: Origin::Service { node: 1 }, expect: None, command }
}

pub(super) fn tick(ms: u64) -> Proposal {
    proposal(Command::Tick { now: Timestamp::from_millis(ms) })
}

pub(super) fn bootstrap(region: &Region) -> Proposal {
    proposal(Command::Bootstrap {
        identity_key: None,
        deployment: DeploymentId::from_random([1; 16]),
        region: region.clone(),
        incarnation: Incarnation::from_random([2; 16]),
        directory: Directory::default(),
        domain_keys: Vec::new(),
        clock: kms_state::RegionClock::Real,
    })
}

impl TestCluster {
    /// `count` voters, bootstrapped.
    pub(super) async fn start(count: NodeId) -> Self {
        Self::start_tuned(count, Tuning::default()).await
    }

    pub(super) async fn start_tuned(count: NodeId, tuning: Tuning) -> Self {
        let turn = TURN.lock().await;
        // Slower than in production: other tests of this machine must not look like failures.
        let tuning = Tuning { heartbeat_ms: 100, election_min_ms: 500, election_max_ms: 900, ..tuning };
        let mut cluster = Self {
            region: "us-east-1".parse().unwrap(),
            authority: Authority::generate(wall_clock()).unwrap(),
            nodes: BTreeMap::new(),
            dirs: BTreeMap::new(),
            peers: BTreeMap::new(),
            tuning,
            _turn: turn,
        };
        for node in 1..=count {
            cluster.run(node).await;
        }
        let members = cluster.peers.clone();
        cluster.node(1).group.until_admitted().await;
        cluster.node(1).group.initialize(members).await.unwrap();
        let first = bootstrap(&cluster.region);
        let outcome = cluster.node(1).group.propose_within(first, PATIENCE).await;
        assert_eq!(outcome, Ok(Outcome::Applied));
        cluster
    }

    /// Starts a node, new or stopped before, on its old port and directory.
    pub(super) async fn run(&mut self, node: NodeId) {
        let listener = match self.peers.get(&node) {
            Some(peer) => TcpListener::bind(peer.cluster.clone()).await.unwrap(),
            None => TcpListener::bind("127.0.0.1:0").await.unwrap(),
        };
        let cluster = listener.local_addr().unwrap().to_string();
        self.peers.entry(node).or_insert(Peer { cluster, ..Peer::default() });
        let dir = self.dirs.entry(node).or_insert_with(|| tempfile::tempdir().unwrap());
        let storage = open(dir.path(), node).await;
        let tls = self.tls(&self.region, node);
        let known = self.peers.clone();
        let running = start_node(node, &self.region, listener, tls, storage, self.tuning, known).await;
        self.nodes.insert(node, running);
    }

    /// Stops a node; its directory stays.
    pub(super) async fn stop(&mut self, node: NodeId) {
        let stopped = self.nodes.remove(&node).unwrap();
        stopped.stop.send_replace(true);
        stopped.group.shutdown().await;
        stopped.server.await.unwrap();
    }

    /// Throws a stopped node's disk away.
    pub(super) fn wipe(&mut self, node: NodeId) {
        assert!(!self.nodes.contains_key(&node));
        self.dirs.remove(&node);
    }

    pub(super) fn node(&self, node: NodeId) -> &TestNode {
        &self.nodes[&node]
    }

    pub(super) fn group(&self, node: NodeId) -> &Group {
        &self.node(node).group
    }

    pub(super) fn tls(&self, region: &Region, node: NodeId) -> TlsIdentity {
        let issued = self.authority.issue_node(region, node, wall_clock()).unwrap();
        TlsIdentity::from_pem(self.authority.certificate_pem(), &issued.certificate_pem, &issued.key_pem)
            .unwrap()
    }

    pub(super) fn operator(&self) -> TlsIdentity {
        let issued = self.authority.issue_operator(wall_clock()).unwrap();
        TlsIdentity::from_pem(self.authority.certificate_pem(), &issued.certificate_pem, &issued.key_pem)
            .unwrap()
    }

    /// The leader that a majority of the running nodes agrees on.
    pub(super) async fn leader(&self) -> NodeId {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut votes: BTreeMap<NodeId, usize> = BTreeMap::new();
            for leader in self.nodes.values().filter_map(|node| node.group.leader()) {
                *votes.entry(leader).or_default() += 1;
            }
            let agreed = votes
                .into_iter()
                .find(|(id, votes)| self.nodes.contains_key(id) && votes * 2 > self.nodes.len());
            match agreed {
                Some((leader, _)) => return leader,
                None => assert!(Instant::now() < deadline, "no leader"),
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Some node that does not lead.
    pub(super) async fn follower(&self) -> NodeId {
        let leader = self.leader().await;
        *self.nodes.keys().find(|id| **id != leader).unwrap()
    }

    /// Waits until every running node applied the same index, and compares the states (invariant A3).
    pub(super) async fn converge(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let applied: Vec<_> = self.nodes.values().map(|node| node.group.applied()).collect();
            let indexes: BTreeSet<u64> = applied.iter().map(|applied| applied.index).collect();
            if indexes.len() == 1 {
                let hashes: BTreeSet<_> = applied.iter().map(|applied| applied.state.hash()).collect();
                assert_eq!(hashes.len(), 1);
                return;
            }
            assert!(Instant::now() < deadline, "nodes do not converge: {indexes:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

pub(super) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

fn wall_clock() -> Timestamp {
    crate::clock::SystemClock.now()
}

/// A stopped node's tasks let go of its directory a moment after they were told to.
async fn open(dir: &Path, node: NodeId) -> Storage {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match Storage::open(dir, node) {
            Ok(storage) => return storage,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        sleep(Duration::from_millis(20)).await;
    }
}

async fn start_node(
    node: NodeId,
    region: &Region,
    listener: TcpListener,
    tls: TlsIdentity,
    storage: Storage,
    tuning: Tuning,
    known: BTreeMap<NodeId, Peer>,
) -> TestNode {
    let peer = known[&node].clone();
    let links = PeerLinks::new(region.clone(), history(), Dialer::direct(tls.clone()));
    let covered = storage.applied.borrow().log_id;
    let nonce = (&mut crate::entropy::OsEntropy as &mut dyn kms_types::Entropy).array();
    let standings = storage.log.standings(covered, nonce);
    let network = RaftNetwork::new(node, links.clone(), standings.clone());
    let config = raft_config(region.as_str(), tuning).unwrap();
    let config = Arc::new(openraft::Config { enable_elect: false, ..config });
    let raft = Raft::new(node, config, network, storage.log, storage.machine).await.unwrap();
    let (region_inbox, inbox) = mpsc::channel(16);
    let clock = Arc::new(TestClock(AtomicU64::new(NOW.as_millis())));
    let (applied, client) = (storage.applied, Arc::new(NodeClient::new(links)));
    let parts = GroupParts {
        node,
        raft: raft.clone(),
        standings: standings.clone(),
        applied,
        client,
        clock: clock.clone(),
        region_inbox,
    };
    let group = Group::new(parts);
    let admission = tokio::spawn(run_admission(group.clone(), region.clone(), known));
    let handler = Arc::new(group.clone());
    let admin = Arc::new(TestAdmin(group.clone()));
    let snapshots = storage.inbox;
    let services = Services { raft, standings, snapshots, node: handler.clone(), region: handler, admin };
    let (stop, mut stopped) = watch::channel(false);
    let (keep, voting_regions) =
        watch::channel(BTreeSet::from([region.clone(), "eu-west-1".parse().unwrap()]));
    let access = Access { region: region.clone(), incarnation: history(), voting_regions };
    let server = tokio::spawn(async move {
        let _keep = keep;
        let shutdown = async move { drop(stopped.wait_for(|stop| *stop).await) };
        ClusterServer::serve(listener, &tls, access, services, shutdown).await.unwrap();
        admission.abort();
    });
    TestNode { group, peer, clock, inbox, stop, server }
}

/// Answers what the group knows.
struct TestAdmin(Group);

fn no_regions() -> AdminError {
    AdminError::Refused("this test has no Regions".to_owned())
}

fn changed(result: Result<(), crate::group::ChangeError>) -> Result<admin::ChangeReply, AdminError> {
    result.map(|()| admin::ChangeReply::default()).map_err(|e| AdminError::Refused(e.to_string()))
}

#[async_trait]
impl AdminHandler for TestAdmin {
    async fn status(&self, _: admin::StatusRequest) -> Result<admin::NodeStatus, AdminError> {
        Ok(self.0.status())
    }
    async fn add_node(&self, request: admin::AddNodeRequest) -> Result<admin::ChangeReply, AdminError> {
        changed(self.0.add_learner(request.node, request.cluster, request.api).await)
    }
    async fn promote_node(&self, request: admin::NodeRequest) -> Result<admin::ChangeReply, AdminError> {
        changed(self.0.promote(request.node).await)
    }
    async fn remove_node(&self, request: admin::NodeRequest) -> Result<admin::ChangeReply, AdminError> {
        changed(self.0.remove(request.node).await)
    }
    async fn transfer_leader(
        &self,
        request: admin::TransferLeaderRequest,
    ) -> Result<admin::ChangeReply, AdminError> {
        changed(self.0.transfer_leader(request.node).await.map(drop))
    }
    async fn region_promote(
        &self,
        _: admin::RegionPromoteRequest,
    ) -> Result<admin::RegionPromoteReply, AdminError> {
        Err(no_regions())
    }
    async fn region_evict(&self, _: admin::RegionEvictRequest) -> Result<admin::ChangeReply, AdminError> {
        Err(no_regions())
    }
    async fn region_invite(
        &self,
        _: admin::RegionInviteRequest,
    ) -> Result<admin::RegionInviteReply, AdminError> {
        Err(no_regions())
    }
    async fn region_remove(&self, _: admin::RegionRemoveRequest) -> Result<admin::ChangeReply, AdminError> {
        Err(no_regions())
    }
    async fn region_link(&self, _: admin::RegionLinkRequest) -> Result<admin::ChangeReply, AdminError> {
        Err(no_regions())
    }
    async fn region_isolate(&self, _: admin::RegionIsolateRequest) -> Result<admin::ChangeReply, AdminError> {
        Err(no_regions())
    }
    async fn rotation_status(
        &self,
        _: admin::RotationStatusRequest,
    ) -> Result<admin::RotationStatusReply, AdminError> {
        Err(no_regions())
    }
    async fn region_registers(
        &self,
        _: admin::RegionRegistersRequest,
    ) -> Result<admin::RegionRegistersReply, AdminError> {
        Err(no_regions())
    }
    async fn state_hash(&self, _: admin::StateHashRequest) -> Result<admin::StateHashReply, AdminError> {
        let applied = self.0.applied();
        Ok(admin::StateHashReply { index: applied.index, hash: applied.state.hash().to_vec() })
    }
    async fn clock(&self, _: admin::ClockRequest) -> Result<admin::ClockReply, AdminError> {
        Err(no_regions())
    }
    async fn advance_clock(&self, _: admin::AdvanceClockRequest) -> Result<admin::ClockReply, AdminError> {
        Err(no_regions())
    }
    async fn trigger_snapshot(
        &self,
        _: admin::TriggerSnapshotRequest,
    ) -> Result<admin::ChangeReply, AdminError> {
        changed(self.0.trigger_snapshot().await)
    }
    async fn explain(&self, _: admin::ExplainRequest) -> Result<admin::ExplainReply, AdminError> {
        Err(AdminError::Refused("this group holds no keys of its own".into()))
    }
}
