//! Makes a new local cluster: identities, ports, certificates, root keys and signing keys. Starts nothing.

use kms_crypto::SigningKey;
use kms_rootkey::FileProvider;
use kms_transport::pki::{Authority, PkiError};
use kms_types::{DeploymentId, Entropy, Incarnation, NodeId, Region, Timestamp};
use std::{
    fs::{self, OpenOptions},
    io::Write,
    ops::Range,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};
use zeroize::Zeroizing;

use crate::{
    clock::now,
    failure::{Failure, io_error},
    local::{
        layout::{Came, Cluster, DataDir, NodeKey, NodePlan, RegionPlan, Role, VERSION},
        ports,
    },
};

/// What a new cluster is to be.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The data Regions.
    pub regions: Vec<Region>,
    /// A witness Region of one node.
    pub witness: Option<Region>,
    /// Nodes per data Region.
    pub nodes: NodeId,
    /// The first port, or any free ones.
    pub port: Option<u16>,
    /// The gateway's port, if it is not to be the first of the block.
    pub gateway: Option<u16>,
}

impl Wish {
    fn check(&self) -> Result<(), Failure> {
        let usage = |text: String| Err(Failure::Usage(text));
        if self.regions.is_empty() || self.nodes == 0 {
            return usage("a cluster needs at least one Region of at least one node".into());
        }
        if self.regions.len() > 16 || self.nodes > 9 {
            return usage("a local cluster has at most 16 Regions of 9 nodes".into());
        }
        let mut all: Vec<&Region> = self.regions.iter().chain(&self.witness).collect();
        all.sort();
        match all.windows(2).find(|pair| pair.first() == pair.last()) {
            Some(pair) => usage(format!("Region {} is named twice", pair.first().map_or("", |r| r.as_str()))),
            None => Ok(()),
        }
    }

    fn port_count(&self) -> u16 {
        let regions = u16::try_from(self.regions.len()).unwrap_or(u16::MAX);
        let nodes = u16::try_from(self.nodes).unwrap_or(u16::MAX);
        let witness = if self.witness.is_some() { 2 } else { 0 };
        1 + regions * (1 + 2 * nodes) + witness
    }
}

/// Makes the cluster in `dir`, which must be empty or absent. `cluster.json` comes last: without it there is no cluster.
pub fn create(dir: &DataDir, wish: &Wish, entropy: &mut dyn Entropy) -> Result<Cluster, Failure> {
    wish.check()?;
    if dir.cluster_file().exists() {
        return Err(Failure::HoldsCluster(dir.root().to_owned()));
    }
    let ports = ports::choose(wish.port, wish.port_count(), entropy)?;
    private_dir(dir.root())?;
    refuse_foreign(dir)?;
    let cluster = plan(dir, wish, ports, entropy)?;
    certificates(dir, &cluster)?;
    cluster.save(dir)?;
    Ok(cluster)
}

/// Names a command may have left there before the cluster was complete.
const OWN_LEFTOVERS: [&str; 3] = ["supervisor.lock", "supervisor.log", "supervisor.sock"];

fn refuse_foreign(dir: &DataDir) -> Result<(), Failure> {
    let entries = fs::read_dir(dir.root()).map_err(io_error("read", dir.root()))?;
    let foreign = |name: std::ffi::OsString| !OWN_LEFTOVERS.iter().any(|own| name == *own);
    if entries.flatten().any(|entry| foreign(entry.file_name())) {
        return Err(Failure::NotACluster(dir.root().to_owned()));
    }
    Ok(())
}

fn plan(
    dir: &DataDir,
    wish: &Wish,
    mut ports: Range<u16>,
    entropy: &mut dyn Entropy,
) -> Result<Cluster, Failure> {
    let mut next = || ports.next().ok_or(Failure::NoFreePorts(1));
    let first = next()?;
    let data: Vec<_> = wish
        .regions
        .iter()
        .map(|r| Ok((r, Role::Data, wish.nodes, Some(next()?))))
        .collect::<Result<_, Failure>>()?;
    let witness = wish.witness.iter().map(|r| (r, Role::Witness, 1, None));
    let mut regions = Vec::new();
    for (name, role, nodes, gateway) in data.into_iter().chain(witness) {
        let nodes = (1..=nodes).map(|id| Ok(NodePlan { id, api: next()?, cluster: next()? }));
        let nodes = nodes.collect::<Result<_, Failure>>()?;
        let verifying_key = region_keys(dir, name, role, entropy)?;
        let incarnation = Incarnation::from_random(entropy.array());
        let (name, came) = (name.clone(), Came::Founding);
        regions.push(RegionPlan { name, role, incarnation, verifying_key, came, gateway, nodes });
    }
    let deployment = DeploymentId::from_random(entropy.array());
    Ok(Cluster { version: VERSION, deployment, gateway: wish.gateway.unwrap_or(first), regions })
}

/// Where the nodes of a Region that comes in later are to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The port that serves the Region alone; none for a witness.
    pub gateway: Option<u16>,
    /// Its nodes.
    pub nodes: Vec<NodePlan>,
}

impl Places {
    /// Any free ports for `nodes` nodes.
    pub fn free(role: Role, nodes: NodeId, entropy: &mut dyn Entropy) -> Result<Self, Failure> {
        if nodes == 0 || nodes > 9 {
            return Err(Failure::Usage("a Region has one to nine nodes".into()));
        }
        let doors = if role == Role::Data { 1 } else { 0 };
        let count = doors + 2 * u16::try_from(nodes).unwrap_or(u16::MAX);
        let mut ports = ports::choose(None, count, entropy)?;
        let mut next = || ports.next().ok_or(Failure::NoFreePorts(count));
        let gateway = if role == Role::Data { Some(next()?) } else { None };
        let nodes = (1..=nodes).map(|id| Ok(NodePlan { id, api: next()?, cluster: next()? }));
        Ok(Self { gateway, nodes: nodes.collect::<Result<_, Failure>>()? })
    }
}

/// Makes a Region that comes into a cluster later: a new history, with keys and certificates. Nobody knows it yet.
pub fn newcomer(
    dir: &DataDir,
    name: &Region,
    role: Role,
    places: Places,
    entropy: &mut dyn Entropy,
) -> Result<RegionPlan, Failure> {
    let verifying_key = region_keys(dir, name, role, entropy)?;
    let incarnation = Incarnation::from_random(entropy.array());
    for node in &places.nodes {
        certificate(dir, &NodeKey { region: name.clone(), id: node.id })?;
    }
    let (came, Places { gateway, nodes }) = (Came::Invited, places);
    Ok(RegionPlan { name: name.clone(), role, incarnation, verifying_key, came, gateway, nodes })
}

/// Makes the directory and the certificate of a node that comes in later.
pub fn certificate(dir: &DataDir, node: &NodeKey) -> Result<(), Failure> {
    private_dir(&dir.node(node))?;
    let failed = |error: PkiError| Failure::Create {
        what: format!("the certificate of {node}"),
        why: error.to_string(),
    };
    let authority = Authority::load(&dir.pki()).map_err(failed)?;
    let issued = authority.issue_node(&node.region, node.id, now()).map_err(failed)?;
    issued.write(&dir.node(node), "node").map_err(failed)
}

/// Writes the Region's keys; the answer is the public half of its signing key.
fn region_keys(
    dir: &DataDir,
    region: &Region,
    role: Role,
    entropy: &mut dyn Entropy,
) -> Result<String, Failure> {
    private_dir(&dir.region(region))?;
    if role == Role::Data {
        FileProvider::create(dir.root_key(region), entropy).map_err(|error| Failure::Create {
            what: format!("the root key of {region}"),
            why: error.to_string(),
        })?;
    }
    let seed = Zeroizing::new(entropy.array::<32>());
    let text = Zeroizing::new(hex::encode(seed.as_slice()));
    write_private(&dir.signing_key(region), text.as_bytes())?;
    Ok(hex::encode(SigningKey::from_seed(seed).verifying().0))
}

/// One authority for the deployment, a certificate for every node and one for the operator. The authority's key stays,
/// so that nodes can be added later.
fn certificates(dir: &DataDir, cluster: &Cluster) -> Result<(), Failure> {
    private_dir(&dir.pki())?;
    cluster.nodes().try_for_each(|(key, _)| private_dir(&dir.node(&key)))?;
    issue(dir, cluster, now()).map_err(|error| Failure::Create {
        what: "the cluster's certificates".into(),
        why: error.to_string(),
    })
}

fn issue(dir: &DataDir, cluster: &Cluster, now: Timestamp) -> Result<(), PkiError> {
    let authority = Authority::generate(now)?;
    authority.write(&dir.pki())?;
    authority.issue_operator(now)?.write(&dir.pki(), "operator")?;
    cluster.nodes().try_for_each(|(key, _)| {
        authority.issue_node(&key.region, key.id, now)?.write(&dir.node(&key), "node")
    })
}

/// A directory that only its owner may enter, with its parents.
pub fn private_dir(path: &Path) -> Result<(), Failure> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io_error("create", path))
}

/// A new file that only its owner may read.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(io_error("create", path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io_error("write", path))
}

#[cfg(test)]
mod tests;
