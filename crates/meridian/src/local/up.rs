//! `meridian local up`: makes or opens a cluster and runs it, in the foreground or behind a supervisor process.

use crate::say::say;
use clap::Args;
use kms_types::{NodeId, Region};
use serde_json::json;
use std::{
    fs::OpenOptions,
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    failure::{Failure, io_error},
    local::{
        DirArgs, control,
        faults::wipe,
        generate::{Wish, private_dir},
        identities,
        latency::{self, LatencyArgs},
        layout::{Cluster, DataDir},
        links::Carriage,
        process::tail,
        running::{self, Running, is_supervised, own_program, readiness},
        supervisor::Restart,
        view::{self, Changes},
    },
    server::stdin_ended,
};

const TAIL_LINES: usize = 30;

/// Flags of `local up`.
#[derive(Debug, Clone, Args)]
pub struct UpArgs {
    #[command(flatten)]
    dir: DirArgs,
    #[command(flatten)]
    shape: ShapeArgs,
    #[command(flatten)]
    latency: LatencyArgs,
    /// Let nodes connect directly: no faults of the network, and nothing between nodes that takes time.
    #[arg(long, conflicts_with_all = ["file", "preset"])]
    direct: bool,
    /// Return once every Region serves; the cluster runs on in the background.
    #[arg(long)]
    detach: bool,
    /// Start nodes again that die by themselves (nodes ended by `local kill` stay down).
    #[arg(long)]
    restart: bool,
    /// Stop when standard input ends, as it does when the program that started this one dies.
    #[arg(long, conflicts_with = "detach")]
    stop_on_stdin_eof: bool,
    /// Delete the cluster when it stops; its nodes are killed, not asked. Only for a new cluster.
    #[arg(long, conflicts_with = "detach")]
    wipe: bool,
    /// How long every node may take to serve, in seconds.
    #[arg(long, value_name = "SECS", default_value_t = 60)]
    wait: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What a new cluster is to be; an existing one must agree with what is named.
#[derive(Debug, Clone, Default, Args)]
pub struct ShapeArgs {
    /// The data Regions of a new cluster, the first is the default of `env` [default: us-east-1,eu-west-1,ap-southeast-2].
    #[arg(long, value_delimiter = ',', value_name = "REGION,...")]
    pub regions: Vec<Region>,
    /// Nodes per data Region of a new cluster [default: 3].
    #[arg(long)]
    pub nodes: Option<NodeId>,
    /// Add a witness Region: one node that votes between Regions and holds no key material.
    #[arg(long, value_name = "REGION", num_args = 0..=1, default_missing_value = WITNESS)]
    pub witness: Option<Region>,
    /// The first port of a new cluster; without it, free ports are chosen. Ports are kept across `down` and `up`.
    #[arg(long, value_name = "BASE")]
    pub port: Option<u16>,
    /// The port that serves all Regions.
    #[arg(long, value_name = "PORT")]
    pub gateway_port: Option<u16>,
}

const WITNESS: &str = "eu-central-1";
const REGIONS: [&str; 3] = ["us-east-1", "eu-west-1", "ap-southeast-2"];
const NODES: NodeId = 3;

impl ShapeArgs {
    /// The cluster that the flags describe.
    pub fn wish(&self) -> Wish {
        let default = || REGIONS.iter().filter_map(|name| name.parse().ok()).collect();
        Wish {
            regions: if self.regions.is_empty() { default() } else { self.regions.clone() },
            witness: self.witness.clone(),
            nodes: self.nodes.unwrap_or(NODES),
            port: self.port,
            gateway: self.gateway_port,
        }
    }

    /// Refuses flags that an existing cluster contradicts: its shape and node ports are part of its Raft membership.
    pub fn agree(&self, dir: &DataDir, cluster: &Cluster) -> Result<(), Failure> {
        let differs =
            |has: String, asked: String| Err(Failure::Differs { dir: dir.root().to_owned(), has, asked });
        let names: Vec<&Region> = cluster.data_regions().map(|r| &r.name).collect();
        if !self.regions.is_empty() && self.regions.iter().collect::<Vec<_>>() != names {
            return differs(format!("Regions {}", join(names)), join(&self.regions));
        }
        let has = cluster.data_regions().next().map_or(0, |r| r.nodes.len());
        if let Some(asked) = self.nodes.filter(|asked| usize::try_from(*asked) != Ok(has)) {
            return differs(format!("{has} nodes per Region"), asked.to_string());
        }
        let witness =
            cluster.regions.iter().find(|r| r.role == super::layout::Role::Witness).map(|r| &r.name);
        if let Some(asked) = self.witness.as_ref().filter(|asked| Some(*asked) != witness) {
            return differs(format!("witness {}", witness.map_or("none", |w| w.as_str())), asked.to_string());
        }
        let base = cluster.regions.iter().filter_map(|r| r.gateway).min().unwrap_or(1).saturating_sub(1);
        match self.port.filter(|asked| *asked != base) {
            Some(asked) => differs(format!("ports from {base} on"), asked.to_string()),
            None => Ok(()),
        }
    }
}

fn join<'a>(names: impl IntoIterator<Item = &'a Region>) -> String {
    names.into_iter().map(|r| r.as_str()).collect::<Vec<_>>().join(",")
}

/// Opens or makes the cluster; a new gateway port is remembered.
fn open(dir: &DataDir, shape: &ShapeArgs) -> Result<Cluster, Failure> {
    if is_supervised(dir) {
        return Err(Failure::AlreadyRunning(dir.root().to_owned()));
    }
    let mut cluster = running::prepare(dir, &shape.wish())?;
    shape.agree(dir, &cluster)?;
    if let Some(port) = shape.gateway_port.filter(|port| *port != cluster.gateway) {
        cluster.gateway = port;
        cluster.save(dir)?;
    }
    Ok(cluster)
}

/// Runs the command.
pub async fn run(args: &UpArgs) -> Result<(), Failure> {
    let dir = args.dir.data_dir()?;
    if args.wipe && dir.cluster_file().exists() {
        return Err(Failure::HoldsCluster(dir.root().to_owned()));
    }
    let age = if dir.cluster_file().exists() { Age::Old } else { Age::New };
    let cluster = open(&dir, &args.shape)?;
    args.latency.check(&cluster)?;
    if args.detach {
        return detach(&dir, &cluster, age, args).await;
    }
    let result = foreground(&dir, cluster, age, args).await;
    // Regions may have come in while it ran.
    let wiped = if args.wipe { Cluster::open(&dir).and_then(|now| wipe(&dir, &now)) } else { Ok(()) };
    result.and(wiped)
}

/// Whether the command made the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    New,
    /// Its Regions may lack identities for good: a Region can have been evicted.
    Old,
}

fn restart(args: &UpArgs) -> Restart {
    if args.restart { Restart::Backoff } else { Restart::Never }
}

fn carriage(direct: bool) -> Carriage {
    if direct { Carriage::Direct } else { Carriage::Supervisor }
}

/// Runs until a signal or `down`, then leaves nothing running.
async fn foreground(dir: &DataDir, cluster: Cluster, age: Age, args: &UpArgs) -> Result<(), Failure> {
    let mut signals = Signals::new(Hangup::Stops)?;
    let running = running::start(dir, cluster, restart(args), carriage(args.direct)).await?;
    let stopping = running.stopping();
    let result = tokio::select! {
        result = serve_and_show(&running, age, args) => result,
        () = signals.any() => Ok(()),
        () = stopping.cancelled() => Ok(()),
        () = stdin_ended(), if args.stop_on_stdin_eof => Ok(()),
    };
    if !args.json {
        say!("stopping");
    }
    if args.wipe {
        running.kill().await
    } else {
        running.stop().await
    }
    result
}

async fn serve_and_show(running: &Running, age: Age, args: &UpArgs) -> Result<(), Failure> {
    let mut changes = Changes::default();
    let quiet = args.json;
    let progress = |report: &_| {
        let lines = changes.lines(report);
        lines.iter().filter(|_| !quiet).for_each(|line| say!("{line}"));
    };
    running.serves(Duration::from_secs(args.wait), progress).await?;
    settled(&running.dir, &running.cluster, age, args).await?;
    announce(&running.dir, &running.cluster, args.json);
    if args.json {
        std::future::pending::<()>().await;
    }
    view::show(running, changes).await;
    Ok(())
}

async fn settled(dir: &DataDir, cluster: &Cluster, age: Age, args: &UpArgs) -> Result<(), Failure> {
    if age == Age::New {
        identities::everywhere(dir, cluster, Duration::from_secs(args.wait)).await?;
    }
    latency::apply(dir, &args.latency).await.map(drop)
}

fn announce(dir: &DataDir, cluster: &Cluster, as_json: bool) {
    if as_json {
        say!("{}", json!({ "data_dir": dir.root(), "endpoint": cluster.endpoint(), "cluster": cluster }));
        return;
    }
    let flag = format!("--data-dir '{}'", dir.root().display());
    say!("every Region serves; all Regions on {}", cluster.endpoint());
    say!("  eval \"$(meridian local env {flag})\"     points the AWS CLI and SDKs at it");
    say!("  meridian local status {flag}");
}

/// Starts a supervisor process and waits until it serves or has failed.
async fn detach(dir: &DataDir, cluster: &Cluster, age: Age, args: &UpArgs) -> Result<(), Failure> {
    private_dir(dir.root())?;
    super::ports::check(cluster)?;
    let log_path = dir.supervisor_log();
    let _ = std::fs::remove_file(&log_path);
    let log =
        OpenOptions::new().create(true).append(true).open(&log_path).map_err(io_error("open", &log_path))?;
    let errors = log.try_clone().map_err(io_error("open", &log_path))?;
    let program = own_program()?;
    let mut command = Command::new(&program);
    command.args(["local", "supervise", "--data-dir"]).arg(dir.root());
    if args.restart {
        command.arg("--restart");
    }
    if args.direct {
        command.arg("--direct");
    }
    command.stdin(Stdio::null()).stdout(log).stderr(errors);
    let mut supervisor = command.spawn().map_err(io_error("run", &program))?;
    let result = match served(dir, &mut supervisor, Duration::from_secs(args.wait)).await {
        Ok(()) => settled(dir, cluster, age, args).await,
        failed => failed,
    };
    match result {
        Ok(()) => announce(dir, cluster, args.json),
        Err(_) => give_up(dir, &mut supervisor).await,
    }
    result
}

async fn served(dir: &DataDir, supervisor: &mut std::process::Child, wait: Duration) -> Result<(), Failure> {
    let until = Instant::now() + wait;
    loop {
        if let Ok(report) = control::report(dir).await
            && let Some(result) = readiness(dir, &report, until, wait)
        {
            return result;
        }
        let ended = supervisor.try_wait().is_ok_and(|status| status.is_some());
        if ended || Instant::now() > until + Duration::from_secs(5) {
            let log = dir.supervisor_log();
            let tail = tail(&log, TAIL_LINES);
            return Err(Failure::SupervisorFailed { log, tail });
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What did not come up as a whole is taken down as a whole.
async fn give_up(dir: &DataDir, supervisor: &mut std::process::Child) {
    let _ = control::request(dir, &control::Request::Down).await;
    let until = Instant::now() + Duration::from_secs(25);
    while supervisor.try_wait().is_ok_and(|status| status.is_none()) {
        if Instant::now() > until {
            let _ = supervisor.kill();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Flags of the hidden command that `--detach` runs.
#[derive(Debug, Clone, Args)]
pub struct SuperviseArgs {
    #[command(flatten)]
    dir: DirArgs,
    #[arg(long)]
    restart: bool,
    #[arg(long)]
    direct: bool,
}

/// The supervisor process: its own session, deaf to the terminal, until `down` or SIGTERM.
pub async fn supervise(args: &SuperviseArgs) -> Result<(), Failure> {
    // Fails only for a process that already leads a session or group, which then needs none.
    let _ = rustix::process::setsid();
    let dir = args.dir.data_dir()?;
    let mut signals = Signals::new(Hangup::Ignored)?;
    let restart = if args.restart { Restart::Backoff } else { Restart::Never };
    let cluster = Cluster::open(&dir)?;
    let running = running::start(&dir, cluster, restart, carriage(args.direct)).await?;
    let stopping = running.stopping();
    tokio::select! {
        () = signals.any() => {}
        () = stopping.cancelled() => {}
    }
    running.stop().await;
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hangup {
    Stops,
    Ignored,
}

/// The signals that end a cluster.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
    on_hangup: Hangup,
}

impl Signals {
    fn new(on_hangup: Hangup) -> Result<Self, Failure> {
        let listen =
            |kind| signal(kind).map_err(io_error("handle signals of", std::path::Path::new("this process")));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
            on_hangup,
        })
    }

    async fn any(&mut self) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                _ = self.hangup.recv() => if self.on_hangup == Hangup::Stops { return },
            }
        }
    }
}
