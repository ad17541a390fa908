//! What the supervisor knows: which processes run, and whether they serve. Not what a Region knows of itself.

use kms_types::{DeploymentId, NodeId, Region};
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, path::PathBuf};

use crate::local::{layout::Role, links::LinkReport};

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
    /// A `kill` ended it.
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

impl Report {
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
