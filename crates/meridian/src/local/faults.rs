//! `meridian local kill|stop|pause|resume|start|down`: what a person can do to a running cluster.

use crate::say::say;
use clap::Args;
use kms_types::Region;
use serde_json::json;
use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::{
    admin::Operator,
    failure::{Failure, io_error},
    local::{
        DirArgs,
        control::{self, Action, Request},
        layout::{Cluster, DataDir, NodeKey},
        running::is_supervised,
        target::{Selector, Target},
    },
};

/// Longer than the supervisor waits for its nodes.
const DOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// Flags of `local kill|stop|pause|resume|start`.
#[derive(Debug, Args)]
pub struct FaultArgs {
    /// What to aim at: `eu-west-1`, `eu-west-1/2` or `eu-west-1/leader`.
    target: Target,
    #[command(flatten)]
    dir: DirArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Flags of `local down`.
#[derive(Debug, Args)]
pub struct DownArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// Delete the cluster's data, keys and certificates as well.
    #[arg(long)]
    wipe: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Does `action` to the target.
pub async fn run(action: Action, args: &FaultArgs) -> Result<(), Failure> {
    let dir = args.dir.data_dir()?;
    let nodes = apply(&dir, action, &args.target).await?;
    let names: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    if args.json {
        say!("{}", json!({ "action": action, "nodes": names }));
    } else {
        say!("{}: {}", past(action), names.join(", "));
    }
    Ok(())
}

/// Does `action` to the nodes of `target` in the running cluster in `dir`; the answer is which.
pub async fn apply(dir: &DataDir, action: Action, target: &Target) -> Result<Vec<NodeKey>, Failure> {
    let cluster = Cluster::open(dir)?;
    let leader = match target.nodes {
        Selector::Leader => Operator::of_cluster(dir)?.leader(&cluster, &target.region).await,
        _ => None,
    };
    let nodes = target.resolve(&cluster, leader)?;
    control::request(dir, &Request::Fault { action, nodes: nodes.clone() }).await?;
    Ok(nodes)
}

fn past(action: Action) -> &'static str {
    match action {
        Action::Kill => "killed",
        Action::Stop => "stopping",
        Action::Pause => "paused",
        Action::Resume => "resumed",
        Action::Start => "started",
    }
}

/// Stops the cluster and waits until nothing runs; with `--wipe` it is deleted. Not running is no error.
pub async fn down(args: &DownArgs) -> Result<(), Failure> {
    let dir = args.dir.data_dir()?;
    let cluster = Cluster::open(&dir)?;
    let was_running = is_supervised(&dir);
    if was_running {
        control::request(&dir, &Request::Down).await?;
        ended(&dir).await?;
    }
    cluster.nodes().for_each(|(key, _)| super::process::end_leftover(&dir, &key));
    if args.wipe {
        wipe(&dir, &cluster)?;
    }
    if args.json {
        say!("{}", json!({ "was_running": was_running, "wiped": args.wipe }));
    } else {
        let (stopped, wiped) =
            (if was_running { "stopped" } else { "was not running" }, if args.wipe { "; wiped" } else { "" });
        say!("the cluster in `{}` {stopped}{wiped}", dir.root().display());
    }
    Ok(())
}

async fn ended(dir: &DataDir) -> Result<(), Failure> {
    let until = Instant::now() + DOWN_TIMEOUT;
    while is_supervised(dir) {
        if Instant::now() > until {
            return Err(Failure::Refused("the supervisor did not stop in time; see its log".into()));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Removes what belongs to the cluster, and the directory if nothing else is in it. `cluster.json` goes first, so that a
/// half-wiped cluster is never taken for a whole one.
pub fn wipe(dir: &DataDir, cluster: &Cluster) -> Result<(), Failure> {
    let (known, socket) = (dir.cluster_file(), dir.socket(&cluster.deployment));
    fs::remove_file(&known).map_err(io_error("remove", &known))?;
    let trees = cluster.regions.iter().map(|r| dir.region(&r.name)).chain([dir.pki(), dir.aws()]);
    for tree in trees.chain(unfinished(dir)).filter(|tree| tree.exists()) {
        fs::remove_dir_all(&tree).map_err(io_error("remove", &tree))?;
    }
    for file in [dir.lock_file(), dir.supervisor_log(), socket] {
        let _ = fs::remove_file(file);
    }
    // Not ours if somebody keeps other files here.
    let _ = fs::remove_dir(dir.root());
    Ok(())
}

/// Regions that were made and never let in.
fn unfinished(dir: &DataDir) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.root()).into_iter().flatten().flatten();
    let named = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<Region>().ok());
    named.filter(|region| dir.prepared(region).exists()).map(|region| dir.region(&region)).collect()
}
