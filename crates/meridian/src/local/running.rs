//! A local cluster that runs inside this process: lock, sockets, gateway, supervisor. Used by `local up`, drills and
//! benchmarks; decides nothing about how long it runs.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::mpsc,
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use crate::{
    entropy::OsEntropy,
    failure::{Failure, io_error},
    local::{
        attendants::Attendants,
        control::{self, Action, Reply, Request},
        env_files, gateway,
        gateway::Gateway,
        generate::{self, Wish},
        health::{self, HealthTable},
        layout::{Cluster, DataDir, NodeKey},
        links::{Carriage, Exit, Links},
        node_config, ports,
        process::{Launcher, end_leftover, last_words},
        report::{ProcessState, RegionReport, Report},
        supervisor::{Event, Parts, Restart, Supervisor},
    },
    probe::Probe,
};

const POLL: Duration = Duration::from_millis(100);
const TAIL_LINES: usize = 20;

/// A cluster whose nodes are children of this process. They end with it, whichever way it ends.
pub struct Running {
    /// Its directory.
    pub dir: DataDir,
    /// What it consisted of at its start; Regions and nodes may have come and gone since.
    pub cluster: Arc<Cluster>,
    events: mpsc::UnboundedSender<Event>,
    stop: CancellationToken,
    supervisor: JoinHandle<()>,
    tasks: JoinSet<()>,
    /// Held to the end, so that there is never a second supervisor.
    _lock: File,
}

/// Opens the cluster in `dir`, or makes the one of `wish`.
pub fn prepare(dir: &DataDir, wish: &Wish) -> Result<Cluster, Failure> {
    match Cluster::load(dir)? {
        Some(cluster) => Ok(cluster),
        None => generate::create(dir, wish, &mut OsEntropy),
    }
}

/// Starts every node of `cluster`, with everything around them.
pub async fn start(
    dir: &DataDir,
    cluster: Cluster,
    restart: Restart,
    carriage: Carriage,
) -> Result<Running, Failure> {
    let lock = lock(dir).await?;
    cluster.nodes().for_each(|(key, _)| end_leftover(dir, &key));
    ports::check(&cluster)?;
    env_files::write(dir, &cluster)?;
    let cluster = Arc::new(cluster);
    let health = Arc::new(HealthTable::new(&cluster));
    let (mut tasks, mut attendants, probe) = (JoinSet::new(), Attendants::default(), Probe::new());
    let nodes: Vec<NodeKey> = cluster.nodes().map(|(key, _)| key).collect();
    let links = Links::new(cluster.clone(), carriage);
    let exits = links.open(&nodes)?;
    let addresses = exits.iter().map(Exit::address).collect::<Result<_, _>>()?;
    node_config::write_all(dir, &cluster, &addresses)?;
    exits.into_iter().for_each(|exit| attendants.of_node(&exit.node().clone(), exit.serve()));
    let gateway = Gateway::new(&cluster, &health);
    tasks.spawn(gateway.clone().serve(gateway::main_door(&cluster)?));
    for region in cluster.data_regions() {
        if let Some(door) = gateway::region_door(region)? {
            attendants.of_region(&region.name, gateway.clone().serve(door));
        }
    }
    for (key, node) in cluster.nodes() {
        attendants.of_node(&key, health::watch_node(probe.clone(), key.clone(), node.api(), health.clone()));
    }
    let (events, inbox) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let launcher = Launcher { program: own_program()?, dir: dir.clone() };
    let parts = Parts { cluster: cluster.clone(), launcher, restart, health, links, gateway, attendants };
    let mut supervisor = Supervisor::new(parts, events.clone(), stop.clone());
    tasks.spawn(control::serve(control::bind(&dir.socket(&cluster.deployment))?, events.clone()));
    supervisor.start_all()?;
    let supervisor = tokio::spawn(supervisor.run(inbox));
    Ok(Running { dir: dir.clone(), cluster, events, stop, supervisor, tasks, _lock: lock })
}

/// Tries for a moment: whoever only looks whether the cluster runs holds the lock for an instant, too.
async fn lock(dir: &DataDir) -> Result<File, Failure> {
    let path = dir.lock_file();
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(io_error("open", &path))?;
    for _ in 0..10 {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(TryLockError::Error(source)) => return Err(io_error("lock", &path)(source)),
        }
    }
    Err(Failure::AlreadyRunning(dir.root().to_owned()))
}

/// True while some process supervises the cluster in `dir`.
pub fn is_supervised(dir: &DataDir) -> bool {
    matches!(File::open(dir.lock_file()).map(|file| file.try_lock()), Ok(Err(TryLockError::WouldBlock)))
}

/// This very program. On Linux by its link, which works even after the file was replaced by a new build.
pub fn own_program() -> Result<PathBuf, Failure> {
    let link = PathBuf::from("/proc/self/exe");
    let path = std::env::current_exe().map_err(io_error("find", &link))?;
    if path.exists() { Ok(path) } else { Ok(link) }
}

impl Running {
    /// Asks the supervisor.
    pub async fn ask(&self, request: Request) -> Result<Reply, Failure> {
        match control::ask(&self.events, request).await {
            Reply::Refused { message } => Err(Failure::Refused(message)),
            reply => Ok(reply),
        }
    }

    /// What runs.
    pub async fn report(&self) -> Result<Report, Failure> {
        match self.ask(Request::Status).await? {
            Reply::Status(report) => Ok(report),
            other => Err(Failure::Refused(format!("unexpected answer of the supervisor: {other:?}"))),
        }
    }

    /// Waits until every node serves; `progress` sees every report on the way.
    pub async fn serves(&self, wait: Duration, mut progress: impl FnMut(&Report)) -> Result<(), Failure> {
        let until = Instant::now() + wait;
        loop {
            let report = self.report().await?;
            progress(&report);
            match readiness(&self.dir, &report, until, wait) {
                Some(result) => return result,
                None => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// Cancelled when a `down` request arrives.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Kills every node, for a cluster whose data nobody will need, and returns when none is left.
    pub async fn kill(self) {
        let report = self.report().await;
        let key = |region: &RegionReport, id| NodeKey { region: region.name.clone(), id };
        let nodes =
            report.iter().flat_map(|report| report.nodes().map(|(region, node)| key(region, node.id)));
        let nodes = nodes.collect();
        let _ = self.ask(Request::Fault { action: Action::Kill, nodes }).await;
        self.stop().await;
    }

    /// Stops every node and returns when none is left.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let _ = (&mut self.supervisor).await;
        self.tasks.shutdown().await;
        let _ = std::fs::remove_file(self.dir.socket(&self.cluster.deployment));
    }
}

/// Whether waiting is over: all serve, one has died, or the time is up.
pub fn readiness(
    dir: &DataDir,
    report: &Report,
    until: Instant,
    wait: Duration,
) -> Option<Result<(), Failure>> {
    if report.serves() {
        return Some(Ok(()));
    }
    let died = report.nodes().find_map(|(region, node)| match &node.process {
        ProcessState::Exited { how } => {
            Some((NodeKey { region: region.name.clone(), id: node.id }, how.clone()))
        }
        _ => None,
    });
    if let Some((key, exit)) = died {
        let log = dir.node_log(&key);
        let tail = last_words(&log, TAIL_LINES);
        return Some(Err(Failure::NodeFailed { region: key.region, id: key.id, exit, log, tail }));
    }
    let waiting = report
        .nodes()
        .filter(|(_, node)| !node.ready)
        .map(|(region, node)| format!("{}/{}", region.name, node.id));
    let nodes = || waiting.collect::<Vec<_>>().join(", ");
    (Instant::now() >= until).then(|| {
        Err(Failure::NotServing { seconds: wait.as_secs(), nodes: nodes(), dir: dir.root().to_owned() })
    })
}
