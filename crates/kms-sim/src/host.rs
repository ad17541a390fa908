//! One machine: a disk and a clock that stay, and a node process that comes and goes. The process is a tokio runtime of
//! one thread with paused time; it runs only when the simulation gives it a step, and a crash drops it where it stands.

use crate::address::{Address, Endpoint};
use crate::answer::answer;
use crate::clock::{NodeClock, WorldClock};
use crate::disk::SimDisk;
use crate::links::{Exit, LetterLink};
use crate::message::Request;
use crate::net::Net;
use kms_crypto::{RootKey, SigningKey};
use kms_node::config::NodeConfig;
use kms_node::group::Group;
use kms_node::simulation::{Parts, SimulatedNode};
use kms_raft::{Applied, LogWriter, Peer, Raft, Storage, StorageError, StorageOptions, Tuning, raft_config};
use kms_state::Directory;
use kms_transport::CallError;
use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

/// Small files, so that logs roll.
const SEGMENT_BYTES: u64 = 48 << 10;
/// Small, so that entries are read back from the disk.
const CACHE_BYTES: usize = 24 << 10;
/// Small numbers, so that logs are purged and those who were away get snapshots.
const TUNING: Tuning = Tuning {
    heartbeat_ms: 50,
    election_min_ms: 150,
    election_max_ms: 300,
    snapshot_every_entries: 80,
    kept_entries: 20,
    message_entries: 64,
    install_timeout_ms: 5_000,
};

/// One thread, and time that moves only when everybody waits. tokio's watch channels wake by random numbers of the
/// runtime, which can be seeded only under `--cfg tokio_unstable`.
fn paused_runtime() -> std::io::Result<Runtime> {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().start_paused(true);
    #[cfg(tokio_unstable)]
    {
        let mut seed = [0; 8];
        kms_raft::simulation::fill(&mut seed);
        builder.rng_seed(tokio::runtime::RngSeed::from_bytes(&seed));
    }
    builder.build()
}

/// What a node is configured with.
pub(crate) struct Setup {
    pub(crate) config: NodeConfig,
    pub(crate) root: Option<Arc<RootKey>>,
    pub(crate) signing: Arc<SigningKey>,
    /// How many nodes each Region has.
    pub(crate) nodes: Vec<u64>,
    /// The directory that a Region comes in with.
    pub(crate) joining: Option<Directory>,
}

/// A machine.
pub(crate) struct Host {
    pub(crate) address: Address,
    pub(crate) disk: SimDisk,
    pub(crate) skew_ms: Arc<AtomicI64>,
    setup: Setup,
    world: WorldClock,
    net: Net,
    process: Option<Process>,
    life: u64,
    /// Its disk is damaged: it is not started before it has another.
    pub(crate) broken: bool,
}

struct Process {
    runtime: Runtime,
    node: SimulatedNode,
    applied: watch::Receiver<Arc<Applied>>,
    failed: Arc<AtomicBool>,
    /// Why consensus ended although storage did not fail.
    ended: Arc<OnceLock<String>>,
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// Its storage does not open.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Its runtime or consensus does not start.
    #[error("{0}")]
    Other(String),
    /// It panics, as openraft does on a log that contradicts itself.
    #[error("it panics: {0}")]
    Panicked(String),
}

async fn watch_consensus(group: Group, disk: SimDisk, failed: Arc<AtomicBool>, ended: Arc<OnceLock<String>>) {
    let why = group.consensus_end().await;
    if !failed.swap(true, Ordering::Relaxed) && !disk.is_failing() {
        drop(ended.set(why));
    }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("?").to_owned()
}

fn other(error: impl std::fmt::Display) -> StartError {
    StartError::Other(error.to_string())
}

impl Host {
    pub(crate) fn new(address: Address, setup: Setup, disk: SimDisk, world: WorldClock, net: Net) -> Self {
        Self {
            address,
            disk,
            skew_ms: Arc::default(),
            setup,
            world,
            net,
            process: None,
            life: 0,
            broken: false,
        }
    }

    /// Starts the process.
    pub(crate) fn start(&mut self) -> Result<(), StartError> {
        self.life += 1;
        let endpoint = self.endpoint();
        self.net.joined(endpoint);
        let runtime = paused_runtime().map_err(other)?;
        let (failed, ended) = (Arc::new(AtomicBool::new(false)), Arc::default());
        // A process that panics while it starts has not started; what it leaves behind is dropped with its runtime.
        let opening = AssertUnwindSafe(|| runtime.block_on(self.open(endpoint, failed.clone())));
        match catch_unwind(opening).unwrap_or_else(|panic| Err(StartError::Panicked(message_of(&*panic)))) {
            Ok((node, applied)) => {
                let (group, disk) = (node.group.clone(), self.disk.clone());
                runtime.spawn(watch_consensus(group, disk, failed.clone(), Arc::clone(&ended)));
                self.process = Some(Process { runtime, node, applied, failed, ended });
                Ok(())
            }
            Err(error) => {
                self.net.left(self.address);
                self.disk.detach();
                drop(runtime);
                self.disk.survive_kill();
                Err(error)
            }
        }
    }

    async fn open(
        &self,
        endpoint: Endpoint,
        failed: Arc<AtomicBool>,
    ) -> Result<(SimulatedNode, watch::Receiver<Arc<Applied>>), StartError> {
        let (disk, config) = (self.disk.clone(), self.setup.config.clone());
        let options = StorageOptions {
            disk: Arc::new(disk.clone()),
            engine: Arc::new(disk.clone()),
            fatal: Arc::new(move |error| {
                tracing::info!(%error, "storage failed, the process ends");
                failed.store(true, Ordering::Relaxed);
            }),
            writer: LogWriter::Task { delay: Arc::new(move || disk.delay()) },
            segment_bytes: SEGMENT_BYTES,
            cache_bytes: CACHE_BYTES,
        };
        let storage = Storage::open_on(&PathBuf::from("/data"), config.node, options)?;
        let Storage { log, machine, applied, inbox } = storage;
        let mut nonce = [0; 16];
        kms_raft::simulation::fill(&mut nonce);
        let standings = log.standings(applied.borrow().log_id, nonce);
        let exit = Exit { net: self.net.clone(), from: endpoint, standings: standings.clone() };
        let mut settings = raft_config(config.region.as_str(), TUNING).map_err(other)?;
        settings.enable_elect = false;
        let settings = Arc::new(settings);
        let raft = Raft::new(config.node, settings, exit.clone(), log, machine).await.map_err(other)?;
        let node = SimulatedNode::start(Parts {
            config,
            raft,
            applied: applied.clone(),
            standings,
            inbox,
            client: Arc::new(exit.clone()),
            link: Arc::new(LetterLink::new(exit, self.setup.nodes.clone())),
            clock: Arc::new(NodeClock { world: self.world.clone(), skew_ms: self.skew_ms.clone() }),
            root: self.setup.root.clone(),
            signing: self.setup.signing.clone(),
            joining: self.setup.joining.clone(),
        });
        Ok((node, applied))
    }

    /// Lets the process run for so long.
    pub(crate) fn step(&self, ms: u64) {
        if let Some(process) = &self.process {
            process.runtime.block_on(async { tokio::time::sleep(Duration::from_millis(ms)).await });
        }
    }

    fn endpoint(&self) -> Endpoint {
        let incarnation = self.setup.config.incarnation;
        Endpoint { address: self.address, life: self.life, incarnation }
    }

    /// Hands a call to the process; false when none runs. Of another history of its Region it hears nothing, as the port
    /// of kms-transport.
    pub(crate) fn take(&self, sender: Endpoint, call: u64, request: Request) -> bool {
        let Some(process) = &self.process else { return false };
        let (node, net, own) = (process.node.clone(), self.net.clone(), self.endpoint());
        let from = sender.address;
        if !matches!(request, Request::Letter(_)) && sender.incarnation != own.incarnation {
            net.reply(own, from, call, Err(CallError::Refused("of another incarnation".to_owned())));
            return true;
        }
        process.runtime.spawn(async move {
            let answer = answer(node, from, request).await;
            net.reply(own, from, call, answer);
        });
        true
    }

    /// Runs a client's call on the node.
    pub(crate) fn spawn<F>(&self, work: impl FnOnce(SimulatedNode) -> F) -> bool
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Some(process) = &self.process else { return false };
        process.runtime.spawn(work(process.node.clone()));
        true
    }

    /// True when storage failed, so that the process ends.
    pub(crate) fn has_failed(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.failed.load(Ordering::Relaxed))
    }

    /// Why consensus ended by itself. A release build ends with it.
    pub(crate) fn consensus_end(&self) -> Option<&String> {
        self.process.as_ref()?.ended.get()
    }

    /// An empty disk, for a node that is to join its Region anew.
    pub(crate) fn replace_disk(&mut self) {
        self.drop_process();
        self.disk.survive_kill();
        self.disk.wipe();
        self.disk.set_full(false);
        self.setup.config.bootstrap = false;
        self.broken = false;
    }

    /// An empty disk and another configuration, for a Region that begins again.
    pub(crate) fn begin_again(&mut self, setup: Setup) {
        self.replace_disk();
        self.setup = setup;
    }

    /// How the other nodes of the Region reach it.
    pub(crate) fn peer(&self) -> Option<Peer> {
        self.setup.config.initial_members().remove(&self.address.node)
    }

    /// The process ends at once, whatever it was doing.
    pub(crate) fn kill(&mut self) {
        self.drop_process();
        self.disk.survive_kill();
    }

    /// The machine ends at once, and what no fsync covered may be gone.
    pub(crate) fn cut_power(&mut self) {
        self.drop_process();
        self.disk.survive_power_cut();
    }

    fn drop_process(&mut self) {
        self.net.left(self.address);
        self.disk.detach();
        self.process = None;
    }

    pub(crate) fn is_up(&self) -> bool {
        self.process.is_some()
    }

    pub(crate) fn life(&self) -> u64 {
        self.life
    }

    pub(crate) fn node(&self) -> Option<&SimulatedNode> {
        self.process.as_ref().map(|process| &process.node)
    }

    /// What the process has applied.
    pub(crate) fn applied(&self) -> Option<Arc<Applied>> {
        self.process.as_ref().map(|process| process.applied.borrow().clone())
    }
}
