//! `meridian local status`: what the supervisor sees of the processes, joined with what each node says of its Region.

use crate::say::say;
use clap::Args;
use futures::future::join_all;
use serde::Serialize;

use crate::{
    admin::{NodeView, Operator, PeerView},
    failure::Failure,
    local::{
        DirArgs, control,
        layout::{DataDir, Role},
        links::LinkReport,
        report::{NodeReport, ProcessState, RegionReport, Report},
        status_text,
    },
};

/// Flags of `local status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The whole cluster.
#[derive(Debug, Clone, Serialize)]
pub struct ClusterStatus {
    /// Its directory.
    pub data_dir: std::path::PathBuf,
    /// The supervisor's process id.
    pub supervisor_pid: u32,
    /// The deployment.
    pub deployment: String,
    /// The endpoint that serves all Regions.
    pub endpoint: String,
    /// The Regions.
    pub regions: Vec<RegionStatus>,
    /// Faults of the connections between nodes.
    pub links: Vec<LinkReport>,
    /// Everything that is wrong on purpose, a line each.
    pub faults: Vec<String>,
}

/// One Region, as its leader sees it, or else the node that knows most.
#[derive(Debug, Clone, Serialize)]
pub struct RegionStatus {
    /// Its name.
    pub name: String,
    /// Data or witness.
    pub role: Role,
    /// Its own endpoint.
    pub endpoint: Option<String>,
    /// The node that leads, if any is known to.
    pub leader: Option<u64>,
    /// Raft term.
    pub term: Option<u64>,
    /// Last applied index.
    pub applied: Option<u64>,
    /// Members of the Raft group.
    pub members: Vec<u64>,
    /// Keys in the Region.
    pub keys: Option<u64>,
    /// The other Regions as seen from here.
    pub peers: Vec<PeerView>,
    /// Its nodes.
    pub nodes: Vec<NodeStatus>,
}

/// One node.
#[derive(Debug, Clone, Serialize)]
pub struct NodeStatus {
    /// Its number.
    pub id: u64,
    /// Running or how it ended.
    #[serde(flatten)]
    pub process: ProcessState,
    /// Its process id.
    pub pid: Option<u32>,
    /// True if it answers its readiness probe.
    pub ready: bool,
    /// Restarts after dying by itself.
    pub restarts: u32,
    /// True if its disk is full on purpose.
    pub disk_full: bool,
    /// How far its clock is ahead of the machine's on purpose, in milliseconds.
    pub skew_ms: i64,
    /// The address of its API.
    pub api: String,
    /// What it says of itself, if it answers.
    pub raft: Option<NodeView>,
}

/// Prints the status.
pub async fn run(args: &StatusArgs) -> Result<(), Failure> {
    let dir = args.dir.data_dir()?;
    let report = control::report(&dir).await?;
    let status = collect(&dir, &report).await?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&status).unwrap_or_default());
    } else {
        say!("{}", status_text::render(&status).trim_end());
    }
    Ok(())
}

/// Asks every running node; who does not answer is shown as silent.
pub async fn collect(dir: &DataDir, report: &Report) -> Result<ClusterStatus, Failure> {
    let operator = Operator::of_cluster(dir)?;
    let regions = join_all(report.regions.iter().map(|region| region_status(&operator, region))).await;
    Ok(ClusterStatus {
        data_dir: report.data_dir.clone(),
        supervisor_pid: report.pid,
        deployment: report.deployment.to_string(),
        endpoint: report.endpoint.clone(),
        regions,
        links: report.links.clone(),
        faults: report.faults(),
    })
}

async fn region_status(operator: &Operator, region: &RegionReport) -> RegionStatus {
    let nodes = join_all(region.nodes.iter().map(|node| node_status(operator, node))).await;
    let views: Vec<&NodeView> = nodes.iter().filter_map(|node| node.raft.as_ref()).collect();
    let best = views.iter().max_by_key(|view| (view.is_leader(), view.term, view.applied));
    RegionStatus {
        name: region.name.to_string(),
        role: region.role,
        endpoint: region.endpoint.clone(),
        leader: best.and_then(|view| if view.is_leader() { Some(view.node) } else { view.leader }),
        term: best.map(|view| view.term),
        applied: best.and_then(|view| view.applied),
        members: best.map(|view| view.members.iter().map(|m| m.node).collect()).unwrap_or_default(),
        keys: best.map(|view| view.keys),
        peers: best.map(|view| view.peers.clone()).unwrap_or_default(),
        nodes,
    }
}

async fn node_status(operator: &Operator, node: &NodeReport) -> NodeStatus {
    let answers = node.process == ProcessState::Running;
    let raft = if answers { operator.status(&node.cluster.to_string()).await.ok() } else { None };
    NodeStatus {
        id: node.id,
        process: node.process.clone(),
        pid: node.pid,
        ready: node.ready,
        restarts: node.restarts,
        disk_full: node.disk_full,
        skew_ms: node.skew_ms,
        api: node.api.to_string(),
        raft,
    }
}
