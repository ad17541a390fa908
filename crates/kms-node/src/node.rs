//! One node from start to end: what is opened in which order, which tasks run, and how it stops.

use bytes::Bytes;
use kms_audit::{AuditError, AuditLog};
use kms_crypto::{RootKey, SelfTestError, SigningKey, self_test};
use kms_http::Authenticator;
use kms_ops::Settings;
use kms_raft::{Raft, Standings, Storage, StorageError, Tuning, raft_config};
use kms_rootkey::{FileProvider, RootKeyError, RootKeyProvider};
use kms_state::{RegionClock, State};
use kms_transport::{
    Access, ClusterServer, Dialer, NodeClient, PeerLinks, RaftNetwork, ServeError, Services, TlsError,
    TlsIdentity, TonicRegionLink,
};
use kms_types::Entropy;
use std::{
    collections::BTreeSet,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::{
    admin::Admin,
    bootstrap::{BootstrapError, bootstrap},
    clock::{Clock, SkewedClock, SystemClock},
    config::{ConfigError, NodeConfig},
    credentials::ConfiguredCredentials,
    decide::Decider,
    disturbance::{Disturbance, Disturbances},
    entropy::OsEntropy,
    group::{Group, GroupParts, run_admission, run_region_clock},
    identity::{self, IdentityError},
    invitation::{Invitation, InvitationError},
    keyring::RegionKeyRing,
    metrics::Metrics,
    rates::Rates,
    readiness::Readiness,
    region_driver,
    regions::Followers,
    service::Service,
    service_events::Scribe,
    timers,
    usage::{self, UsageLog},
};

/// Messages of other Regions that may wait for the leader's machine; more are refused and resent by their senders.
const REGION_INBOX: usize = 4096;
/// Longest wait for another node to take over the lead before this one stops.
const HANDOVER: Duration = Duration::from_secs(3);

/// Why a node cannot run.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The configuration contradicts itself.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The cryptography does not compute what it should.
    #[error("self-test failed")]
    SelfTest(#[from] SelfTestError),
    /// The data directory belongs to another node.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The Region cannot join with its invitation.
    #[error(transparent)]
    Invitation(#[from] InvitationError),
    /// The root key cannot be read.
    #[error("root key")]
    RootKey(#[from] RootKeyError),
    /// The signing key cannot be read.
    #[error("signing key `{}`: {why}", path.display())]
    SigningKey {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The root certificate of attestation documents cannot be read.
    #[error("attestation root `{}`: {why}", path.display())]
    AttestationRoot {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The certificates cannot be used.
    #[error("tls")]
    Tls(#[from] TlsError),
    /// The storage cannot be opened.
    #[error("storage")]
    Storage(#[from] StorageError),
    /// The audit log cannot be opened.
    #[error("audit log")]
    Audit(#[from] AuditError),
    /// A port cannot be used.
    #[error("cannot listen on {address} ({what})")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Which port it is.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The consensus library refuses its settings or its storage.
    #[error("raft: {0}")]
    Raft(String),
    /// The data directory is of a Region with another kind of clock.
    #[error("the Region was created with {} clock, and this node is configured for {}", kind(*has), kind(*asked))]
    Clock {
        /// The Region's.
        has: RegionClock,
        /// The configuration's.
        asked: RegionClock,
    },
    /// The Region cannot be created.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// The cluster port failed.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Consensus ended by itself: without it a node would look alive, and take no part.
    #[error("consensus has ended: {0}")]
    ConsensusEnded(String),
    /// A task ended that should not have.
    #[error("a task of the node ended unexpectedly")]
    TaskEnded,
}

fn kind(clock: RegionClock) -> &'static str {
    match clock {
        RegionClock::Real => "a real",
        RegionClock::Virtual { .. } => "a virtual",
    }
}

/// Runs a node until `stop` completes, then hands over the lead and shuts down in order.
pub async fn run_node(config: NodeConfig, stop: impl Future<Output = ()>) -> Result<(), NodeError> {
    run_disturbed(config, Disturbance::none(), stop).await
}

/// As [`run_node`], with what a cluster for tests does to the node; a node that is not configured as part of one ignores it.
pub async fn run_disturbed(
    config: NodeConfig,
    disturbances: Disturbances,
    stop: impl Future<Output = ()>,
) -> Result<(), NodeError> {
    let disturbances = if config.local.is_some() { disturbances } else { Disturbance::none() };
    config.check()?;
    self_test()?;
    identity::claim(&config)?;
    let node = Node::open(config, disturbances).await?;
    node.run(stop).await
}

/// Everything that is open while a node runs.
struct Node {
    config: NodeConfig,
    root: Option<Arc<RootKey>>,
    group: Group,
    keyring: Arc<RegionKeyRing>,
    attestation_root: Option<Vec<u8>>,
    invitation: Option<Invitation>,
    audit: AuditLog,
    readiness: Arc<Readiness>,
    usage: Arc<UsageLog>,
    clock: Arc<dyn Clock>,
    disturbances: Disturbances,
    signing: Arc<SigningKey>,
    link: Arc<TonicRegionLink>,
    inbox: mpsc::Receiver<Bytes>,
    tls: TlsIdentity,
    snapshots: kms_raft::SnapshotInbox,
    api: TcpListener,
    cluster: TcpListener,
}

impl Node {
    async fn open(config: NodeConfig, disturbances: Disturbances) -> Result<Self, NodeError> {
        let root = open_root_key(&config)?;
        let signing = Arc::new(read_signing_key(&config.signing_key)?);
        let attestation_root = config.attestation_root.as_deref().map(read_attestation_root).transpose()?;
        let tls = TlsIdentity::load(&config.tls.ca, &config.tls.cert, &config.tls.key)?;
        let api = listen(config.listen.api, "api").await?;
        let cluster = listen(config.listen.cluster, "cluster").await?;
        let audit = open_audit(&config)?;
        let storage = Storage::open(&config.data_dir, config.node)?;
        check_clock(&config, &storage.applied.borrow().state)?;
        let invitation = read_invitation(&config, &storage.applied.borrow().state, &signing)?;
        let clock: Arc<dyn Clock> = match config.local {
            Some(_) => Arc::new(SkewedClock(disturbances.clone())),
            None => Arc::new(SystemClock),
        };
        let dialer = dialer(&config, &tls);
        let links = PeerLinks::new(config.region.clone(), config.incarnation, dialer.clone());
        let covered = storage.applied.borrow().log_id;
        let nonce = (&mut OsEntropy as &mut dyn Entropy).array();
        let standings = storage.log.standings(covered, nonce);
        let raft = start_raft(&config, &storage.log, storage.machine, links.clone(), &standings).await?;
        let (region_inbox, inbox) = mpsc::channel(REGION_INBOX);
        let group = Group::new(GroupParts {
            node: config.node,
            raft,
            standings,
            applied: storage.applied,
            client: Arc::new(NodeClient::new(links)),
            clock: clock.clone(),
            region_inbox,
        });
        Ok(Self {
            keyring: Arc::new(RegionKeyRing::new(root.clone())),
            attestation_root,
            invitation,
            readiness: Arc::new(Readiness::new(group.clone())),
            usage: Arc::default(),
            link: Arc::new(TonicRegionLink::new(config.peer_regions(), &dialer)),
            snapshots: storage.inbox,
            config,
            root,
            group,
            audit,
            clock,
            disturbances,
            signing,
            inbox,
            tls,
            api,
            cluster,
        })
    }

    async fn run(self, stop: impl Future<Output = ()>) -> Result<(), NodeError> {
        let (config, group, readiness) = (self.config.clone(), self.group.clone(), self.readiness.clone());
        tracing::info!(region = %config.region, node = config.node, api = %config.listen.api, cluster = %config.listen.cluster, "node opened");
        let (root, usage, ending) = (self.root.clone(), self.usage.clone(), CancellationToken::new());
        let joining = self.invitation.clone().map(|invitation| invitation.directory);
        let mut tasks = self.start(&ending)?;
        let creating = async {
            bootstrap(&config, &group, root.as_deref(), joining).await?;
            std::future::pending::<Result<(), NodeError>>().await
        };
        let ended = tokio::select! {
            () = stop => Ok(()),
            ended = creating => ended,
            ended = tasks.join_next() => first_end(ended),
        };
        readiness.refuse();
        usage::flush(&group, &usage).await;
        hand_over(&group).await;
        ending.cancel();
        while tasks.join_next().await.is_some() {}
        // What the last calls used.
        usage::flush(&group, &usage).await;
        group.shutdown().await;
        tracing::info!("node stopped");
        ended
    }

    /// Starts every task of the node. They end when `ending` is cancelled; one that ends before ends the node.
    fn start(self, ending: &CancellationToken) -> Result<JoinSet<Result<(), NodeError>>, NodeError> {
        let attestation_root = self.attestation_root.clone();
        let settings = Arc::new(Settings { attestation_root, ..self.config.settings() });
        let mut tasks = JoinSet::new();
        let until = |token: &CancellationToken| token.clone().cancelled_owned();
        let region = region_driver::start(
            region_driver::Parts {
                region: self.config.region.clone(),
                node: self.config.node,
                group: self.group.clone(),
                keyring: self.keyring.clone(),
                signing: self.signing.clone(),
                link: self.link.clone(),
                clock: self.clock.clone(),
                disturbances: self.disturbances,
                inbox: self.inbox,
            },
            ending.clone(),
        );
        let mut configured = self.invitation.map(|invitation| invitation.nodes).unwrap_or_default();
        configured.extend(self.config.peer_regions());
        let metrics = Metrics {
            group: self.group.clone(),
            region: region.handle.clone(),
            readiness: self.readiness.clone(),
        };
        let admin = Admin {
            config: self.config.clone(),
            addresses: configured.clone(),
            group: self.group.clone(),
            region: region.handle,
            audit: self.audit.clone(),
            started: tokio::time::Instant::now(),
        };
        let services = Services {
            raft: self.group.raft().clone(),
            standings: self.group.standings().clone(),
            snapshots: self.snapshots,
            node: Arc::new(self.group.clone()),
            region: Arc::new(self.group.clone()),
            admin: Arc::new(admin),
        };
        let (admitted, voting_regions) = watch::channel(BTreeSet::new());
        let followers =
            Followers { group: self.group.clone(), link: self.link.clone(), configured, admitted };
        tasks.spawn(forever(followers.run(ending.clone())));
        let own = self.config.region.clone();
        let access = Access { region: own, incarnation: self.config.incarnation, voting_regions };
        let (tls, listener, end) = (self.tls, self.cluster, until(ending));
        tasks.spawn(async move { Ok(ClusterServer::serve(listener, &tls, access, services, end).await?) });
        let members = self.config.initial_members();
        let admission = run_admission(self.group.clone(), self.config.region.clone(), members);
        tasks.spawn(forever(with_end(until_refused(admission), until(ending))));
        tasks.spawn(until_consensus_ends(self.group.clone(), until(ending)));
        tasks.spawn(forever(region.task));
        tasks.spawn(forever(with_end(run_region_clock(self.group.clone(), OsEntropy), until(ending))));
        tasks.spawn(forever(timers::run(
            self.group.clone(),
            self.keyring.clone(),
            settings.clone(),
            ending.clone(),
        )));
        let scribe = Scribe {
            group: self.group.clone(),
            audit: self.audit.clone(),
            readiness: self.readiness.clone(),
            written: BTreeSet::new(),
        };
        tasks.spawn(forever(scribe.run(ending.clone())));
        let interval = Duration::from_secs(self.config.usage_interval_s);
        tasks.spawn(forever(usage::run(self.group.clone(), self.usage.clone(), interval, ending.clone())));
        let service = Arc::new(Service {
            node: self.config.node,
            region: self.config.region.clone(),
            decider: Arc::new(Decider::new(self.group.clone(), self.keyring.clone(), settings)),
            configured: Arc::new(ConfiguredCredentials::new(&self.config.credentials, &self.config.services)),
            tokens: Arc::default(),
            audit: self.audit,
            readiness: self.readiness,
            rates: Arc::new(Rates::new(&self.config.request_rates)),
            usage: self.usage,
            metrics: Arc::new(metrics),
        });
        let auth = Arc::new(Authenticator::new(self.config.region));
        let (listener, end) = (self.api, until(ending));
        tasks.spawn(async move {
            kms_http::serve(listener, service, auth, end).await;
            Ok(())
        });
        Ok(tasks)
    }
}

async fn forever(task: impl Future<Output = ()>) -> Result<(), NodeError> {
    task.await;
    Ok(())
}

/// A node that takes no part any more goes on to say so.
async fn until_refused(admission: impl Future<Output = ()>) {
    admission.await;
    std::future::pending::<()>().await;
}

async fn until_consensus_ends(group: Group, end: impl Future<Output = ()>) -> Result<(), NodeError> {
    tokio::select! {
        why = group.consensus_end() => Err(NodeError::ConsensusEnded(why)),
        () = end => Ok(()),
    }
}

async fn with_end(task: impl Future<Output = ()>, end: impl Future<Output = ()>) {
    tokio::select! {
        () = task => {}
        () = end => {}
    }
}

fn first_end(ended: Option<Result<Result<(), NodeError>, tokio::task::JoinError>>) -> Result<(), NodeError> {
    match ended {
        Some(Ok(Err(error))) => Err(error),
        Some(Err(error)) => {
            tracing::error!(%error, "a task of the node failed");
            Err(NodeError::TaskEnded)
        }
        Some(Ok(Ok(()))) | None => Err(NodeError::TaskEnded),
    }
}

/// A leader that stops lets another voter take over first, so that writes pause for milliseconds and not for an election.
async fn hand_over(group: &Group) {
    if !group.is_leader() {
        return;
    }
    match tokio::time::timeout(HANDOVER, group.transfer_leader(None)).await {
        Ok(Ok(to)) => tracing::info!(to, "handed over the lead"),
        Ok(Err(error)) => tracing::warn!(%error, "cannot hand over the lead"),
        Err(_) => tracing::warn!("handing over the lead took too long"),
    }
}

/// A Region whose clock was moved by hand is never served by a normal node.
fn check_clock(config: &NodeConfig, state: &State) -> Result<(), NodeError> {
    let (has, asked) = (state.clock(), config.clock());
    let differ = matches!(has, RegionClock::Real) != matches!(asked, RegionClock::Real);
    if state.is_bootstrapped() && differ { Err(NodeError::Clock { has, asked }) } else { Ok(()) }
}

fn open_root_key(config: &NodeConfig) -> Result<Option<Arc<RootKey>>, NodeError> {
    let Some(root_key) = &config.root_key else { return Ok(None) };
    let provider = FileProvider::new(&root_key.file);
    tracing::info!(provider = %provider.describe(), "reading the root key");
    Ok(Some(provider.root_key()?))
}

fn read_signing_key(path: &PathBuf) -> Result<SigningKey, NodeError> {
    let fail = |why: String| NodeError::SigningKey { path: path.clone(), why };
    let text = Zeroizing::new(fs::read_to_string(path).map_err(|e| fail(e.to_string()))?);
    let mut seed = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim(), seed.as_mut_slice()).map_err(|_| fail("not 64 hex digits".into()))?;
    Ok(SigningKey::from_seed(seed))
}

/// The first certificate of a PEM file, in DER.
fn read_attestation_root(path: &Path) -> Result<Vec<u8>, NodeError> {
    let fail = |why: String| NodeError::AttestationRoot { path: path.to_owned(), why };
    let text = fs::read(path).map_err(|e| fail(e.to_string()))?;
    kms_transport::certificate_from_pem(&text).ok_or_else(|| fail("no PEM certificate".into()))
}

fn open_audit(config: &NodeConfig) -> Result<AuditLog, NodeError> {
    let dir = config.data_dir.join("audit");
    fs::create_dir_all(&dir).map_err(|source| IdentityError::Io { path: dir.clone(), source })?;
    Ok(AuditLog::open(dir, config.node)?)
}

async fn listen(address: SocketAddr, what: &'static str) -> Result<TcpListener, NodeError> {
    TcpListener::bind(address).await.map_err(|source| NodeError::Listen { address, what, source })
}

/// Connects directly, except in a local cluster that may disturb the connections between its nodes.
fn dialer(config: &NodeConfig, tls: &TlsIdentity) -> Dialer {
    match config.local.as_ref().and_then(|local| local.exit) {
        Some(exit) => Dialer::through(tls.clone(), exit),
        None => Dialer::direct(tls.clone()),
    }
}

async fn start_raft(
    config: &NodeConfig,
    log: &kms_raft::LogStore,
    machine: kms_raft::StateMachine,
    links: Arc<PeerLinks>,
    standings: &Arc<Standings>,
) -> Result<Raft, NodeError> {
    let mut settings =
        raft_config(config.region.as_str(), Tuning::default()).map_err(|e| NodeError::Raft(e.to_string()))?;
    // Until the node is admitted (invariant A5).
    settings.enable_elect = false;
    let network = RaftNetwork::new(config.node, links, standings.clone());
    Raft::new(config.node, Arc::new(settings), network, log.clone(), machine)
        .await
        .map_err(|e| NodeError::Raft(e.to_string()))
}

/// Needed for the first entry of the Region's life only.
fn read_invitation(
    config: &NodeConfig,
    state: &State,
    signing: &SigningKey,
) -> Result<Option<Invitation>, NodeError> {
    let Some(path) = &config.invitation else { return Ok(None) };
    match Invitation::read(path) {
        Ok(invitation) => {
            if !state.is_bootstrapped() {
                invitation.check(config, signing.verifying())?;
            }
            Ok(Some(invitation))
        }
        Err(error) if state.is_bootstrapped() => {
            tracing::warn!(%error, "the invitation is not needed any more and cannot be read");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
