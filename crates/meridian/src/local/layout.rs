//! The shape of a local cluster: what it consists of, and where its files are. Creates nothing; see `generate`.

use kms_types::{DeploymentId, Incarnation, NodeId, Region};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use crate::failure::{Failure, io_error};

/// The version of `cluster.json` that this program writes.
pub const VERSION: u32 = 1;

/// A local cluster, as remembered in `cluster.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// The version of this file.
    pub version: u32,
    /// The deployment that all Regions belong to.
    pub deployment: DeploymentId,
    /// The port that serves all Regions.
    pub gateway: u16,
    /// The Regions, in the order they were named; the first is the default of `env`.
    pub regions: Vec<RegionPlan>,
}

/// One Region of a local cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionPlan {
    /// Its name.
    pub name: Region,
    /// Data or witness.
    pub role: Role,
    /// The identity of its history.
    pub incarnation: Incarnation,
    /// The public half of its signing key, in hex.
    pub verifying_key: String,
    /// How it came to be one of the cluster's.
    #[serde(default)]
    pub came: Came,
    /// The port that serves this Region alone; none for a witness.
    pub gateway: Option<u16>,
    /// Its nodes.
    pub nodes: Vec<NodePlan>,
}

/// How a Region came to be one of a cluster's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Came {
    /// It is there from the beginning, and its nodes' configuration lists the others that are.
    #[default]
    Founding,
    /// The others let it in, and its nodes have an invitation.
    Invited,
}

/// Whether a Region holds material.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Holds material and serves the API.
    Data,
    /// Only votes between Regions.
    Witness,
}

/// One node of a local cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodePlan {
    /// Its number in the Region, from 1.
    pub id: NodeId,
    /// The port of its API.
    pub api: u16,
    /// The port for other nodes, Regions and operators.
    pub cluster: u16,
}

/// A node by Region and number, written `eu-west-1/2`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeKey {
    /// The Region.
    pub region: Region,
    /// The number.
    pub id: NodeId,
}

impl std::fmt::Display for NodeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.region, self.id)
    }
}

/// A port of this host's loopback address.
pub fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

impl NodePlan {
    /// The address of its API.
    pub fn api(&self) -> SocketAddr {
        loopback(self.api)
    }

    /// The address for other nodes, Regions and operators.
    pub fn cluster(&self) -> SocketAddr {
        loopback(self.cluster)
    }
}

impl Cluster {
    /// The Region of this name.
    pub fn region(&self, name: &Region) -> Option<&RegionPlan> {
        self.regions.iter().find(|r| r.name == *name)
    }

    /// The same with `plan` in the place of the Region of its name, or at the end.
    #[must_use]
    pub fn with(&self, plan: RegionPlan) -> Self {
        let mut changed = self.clone();
        match changed.regions.iter_mut().find(|region| region.name == plan.name) {
            Some(region) => *region = plan,
            None => changed.regions.push(plan),
        }
        changed
    }

    /// The same without one Region.
    #[must_use]
    pub fn without(&self, name: &Region) -> Self {
        let mut changed = self.clone();
        changed.regions.retain(|region| region.name != *name);
        changed
    }

    /// The Regions that hold material.
    pub fn data_regions(&self) -> impl Iterator<Item = &RegionPlan> {
        self.regions.iter().filter(|r| r.role == Role::Data)
    }

    /// Every node of every Region.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeKey, &NodePlan)> {
        self.regions.iter().flat_map(|region| {
            region.nodes.iter().map(|node| (NodeKey { region: region.name.clone(), id: node.id }, node))
        })
    }

    /// The endpoint that serves all Regions.
    pub fn endpoint(&self) -> String {
        format!("http://{}", loopback(self.gateway))
    }

    /// Reads `cluster.json`, if there is one.
    pub fn load(dir: &DataDir) -> Result<Option<Self>, Failure> {
        let path = dir.cluster_file();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error("read", &path)(error)),
        };
        let damaged =
            |source: serde_json::Error| Failure::Damaged { path: path.clone(), source: source.into() };
        let found: VersionOnly = serde_json::from_slice(&text).map_err(damaged)?;
        if found.version != VERSION {
            return Err(Failure::UnknownVersion { path, found: found.version, known: VERSION });
        }
        serde_json::from_slice(&text).map(Some).map_err(damaged)
    }

    /// Reads `cluster.json`, which must be there.
    pub fn open(dir: &DataDir) -> Result<Self, Failure> {
        Self::load(dir)?.ok_or_else(|| Failure::NoCluster(dir.root().to_owned()))
    }

    /// Writes `cluster.json` aside, renames it, and makes both durable.
    pub fn save(&self, dir: &DataDir) -> Result<(), Failure> {
        let (path, aside) = (dir.cluster_file(), dir.root().join("cluster.json.tmp"));
        let text = serde_json::to_vec_pretty(self)
            .map_err(|source| Failure::Damaged { path: path.clone(), source: source.into() })?;
        let written = File::create(&aside).and_then(|mut file| {
            file.write_all(&text)?;
            file.sync_all()
        });
        written.and_then(|()| fs::rename(&aside, &path)).map_err(io_error("write", &path))?;
        File::open(dir.root()).and_then(|d| d.sync_all()).map_err(io_error("sync", dir.root()))
    }
}

/// Read first, so that a later version is named as such rather than as damage.
#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

/// The directory of a local cluster.
#[derive(Debug, Clone)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// The directory at `path`, made absolute: nodes run with another working directory in mind.
    pub fn new(path: &Path) -> Result<Self, Failure> {
        std::path::absolute(path).map(Self).map_err(io_error("resolve", path))
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.0
    }

    /// What the cluster consists of.
    pub fn cluster_file(&self) -> PathBuf {
        self.0.join("cluster.json")
    }

    /// Certificates that belong to no single node.
    pub fn pki(&self) -> PathBuf {
        self.0.join("pki")
    }

    /// The deployment's certificate authority.
    pub fn ca(&self) -> PathBuf {
        self.pki().join("ca.pem")
    }

    /// The operator's certificate.
    pub fn operator_cert(&self) -> PathBuf {
        self.pki().join("operator.pem")
    }

    /// The operator's private key.
    pub fn operator_key(&self) -> PathBuf {
        self.pki().join("operator.key")
    }

    /// The log of a supervisor in the background.
    pub fn supervisor_log(&self) -> PathBuf {
        self.0.join("supervisor.log")
    }

    /// Held for as long as a supervisor runs.
    pub fn lock_file(&self) -> PathBuf {
        self.0.join("supervisor.lock")
    }

    /// Where the supervisor of `deployment` listens. The path of a Unix socket is limited to about 100 bytes.
    pub fn socket(&self, deployment: &DeploymentId) -> PathBuf {
        let near = self.0.join("supervisor.sock");
        if near.as_os_str().len() <= 100 {
            near
        } else {
            std::env::temp_dir().join(format!("meridian-{deployment}.sock"))
        }
    }

    /// AWS configuration files.
    pub fn aws(&self) -> PathBuf {
        self.0.join("aws")
    }

    /// Everything of one Region.
    pub fn region(&self, region: &Region) -> PathBuf {
        self.0.join(region.as_str())
    }

    /// The root key of a data Region.
    pub fn root_key(&self, region: &Region) -> PathBuf {
        self.region(region).join("root.key")
    }

    /// The seed of a Region's signing key.
    pub fn signing_key(&self, region: &Region) -> PathBuf {
        self.region(region).join("signing.key")
    }

    /// The plan of a Region that was made and not let in yet.
    pub fn prepared(&self, region: &Region) -> PathBuf {
        self.region(region).join("prepared.json")
    }

    /// What an invited Region's nodes are started with.
    pub fn invitation(&self, region: &Region) -> PathBuf {
        self.region(region).join("invitation.json")
    }

    /// Everything of one node.
    pub fn node(&self, node: &NodeKey) -> PathBuf {
        self.region(&node.region).join(format!("node-{}", node.id))
    }

    /// A node's configuration.
    pub fn node_config(&self, node: &NodeKey) -> PathBuf {
        self.node(node).join("meridian.toml")
    }

    /// A node's log.
    pub fn node_log(&self, node: &NodeKey) -> PathBuf {
        self.node(node).join("log").join("node.log")
    }

    /// The process id of a running node.
    pub fn node_pid(&self, node: &NodeKey) -> PathBuf {
        self.node(node).join("node.pid")
    }
}
