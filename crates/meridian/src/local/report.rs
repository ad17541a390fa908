//! What the supervisor knows: which processes run, and whether they serve. Not what a Region knows of itself.

use kms_types::{DeploymentId, NodeId, Region};
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, path::PathBuf};

use crate::local::{layout::Role, links::LinkReport, node_faults::Skew};

/// Everything the supervisor knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The supervisor's process id.
    pub pid: u32,
    /// The cluster's directory.
    pub data_dir: PathBuf,
    /// The deployment.
    pub deployment: DeploymentId,
    /// The endpoint that serves all Regions.
    pub endpoint: String,
    /// The Regions, in the order they were named.
    pub regions: Vec<RegionReport>,
    /// Faults of the connections between nodes.
    pub links: Vec<LinkReport>,
}

/// One Region's processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionReport {
    /// Its name.
    pub name: Region,
    /// Data or witness.
    pub role: Role,
    /// The endpoint that serves this Region alone.
    pub endpoint: Option<String>,
    /// Its nodes.
    pub nodes: Vec<NodeReport>,
}

/// One node's process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeReport {
    /// Its number.
    pub id: NodeId,
    /// Running or how it ended.
    pub process: ProcessState,
    /// Its process id, while it runs.
    pub pid: Option<u32>,
    /// True if it answered the last readiness probe.
    pub ready: bool,
    /// How often it was started again after dying by itself.
    pub restarts: u32,
    /// True if its disk is full on purpose.
    pub disk_full: bool,
    /// How far its clock is ahead of the machine's on purpose, in milliseconds.
    pub skew_ms: i64,
    /// The address of its API.
    pub api: SocketAddr,
    /// The address for other nodes, Regions and operators.
    pub cluster: SocketAddr,
}

/// A node's process, as the supervisor sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum ProcessState {
    /// It runs.
    Running,
    /// A `pause` froze it.
    Paused,
    /// A `kill` or `stop` ended it.
    Killed,
    /// It ended by itself.
    Exited {
        /// Exit code or signal, in words.
        how: String,
    },
}

impl std::fmt::Display for ProcessState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Running => f.write_str("running"),
            Self::Paused => f.write_str("paused"),
            Self::Killed => f.write_str("killed"),
            Self::Exited { how } => write!(f, "died ({how})"),
        }
    }
}

impl NodeReport {
    /// What is wrong with it on purpose, in words.
    pub fn faults(&self) -> Vec<String> {
        let state = match self.process {
            ProcessState::Killed => Some("killed".to_owned()),
            ProcessState::Paused => Some("paused".to_owned()),
            ProcessState::Running | ProcessState::Exited { .. } => None,
        };
        let disk = self.disk_full.then(|| "disk full".to_owned());
        let clock = (self.skew_ms != 0).then(|| format!("clock {}", Skew { ms: self.skew_ms }));
        state.into_iter().chain(disk).chain(clock).collect()
    }
}

impl Report {
    /// Everything that is wrong on purpose, a line each.
    pub fn faults(&self) -> Vec<String> {
        let links = self.links.iter().map(ToString::to_string);
        let nodes = self.nodes().flat_map(|(region, node)| {
            let name = format!("{}/{}", region.name, node.id);
            node.faults().into_iter().map(move |fault| format!("{fault}  {name}"))
        });
        links.chain(nodes).collect()
    }

    /// Every node with its Region.
    pub fn nodes(&self) -> impl Iterator<Item = (&RegionReport, &NodeReport)> {
        self.regions.iter().flat_map(|region| region.nodes.iter().map(move |node| (region, node)))
    }

    /// True if every node answers its readiness probe.
    pub fn serves(&self) -> bool {
        self.nodes().all(|(_, node)| node.ready)
    }

    /// The Region of this name.
    pub fn region(&self, name: &Region) -> Option<&RegionReport> {
        self.regions.iter().find(|r| r.name == *name)
    }
}
