//! Writes each node's configuration file from the cluster's plan; written anew at every `up`, so the plan is the truth.

use serde::Serialize;
use std::{collections::BTreeMap, fs, net::SocketAddr, path::PathBuf};

use crate::{
    failure::{Failure, io_error},
    local::layout::{Came, Cluster, DataDir, NodeKey, NodePlan, RegionPlan, Role},
};

/// The development credential of every local cluster; it is public and opens nothing but loopback ports.
pub const ACCESS_KEY_ID: &str = "test";
/// See [`ACCESS_KEY_ID`].
pub const SECRET_ACCESS_KEY: &str = "test";
/// The account of the development credential.
pub const ACCOUNT: &str = "000000000000";
/// Access key id and secret of a second account, as public as the first, for calls between accounts.
pub const SECOND_ACCESS_KEY: &str = "second";
/// The second account.
pub const SECOND_ACCOUNT: &str = "111111111111";

#[derive(Serialize)]
struct File<'a> {
    deployment: String,
    region: &'a str,
    node: u64,
    role: Role,
    incarnation: String,
    data_dir: PathBuf,
    bootstrap: bool,
    usage_interval_s: u64,
    signing_key: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    invitation: Option<PathBuf>,
    listen: Listen,
    tls: Tls,
    #[serde(skip_serializing_if = "Option::is_none")]
    root_key: Option<RootKey>,
    member: Vec<Member>,
    voter: Vec<Voter<'a>>,
    credential: Vec<Credential>,
    local: Local,
}

/// What only a local cluster may do.
#[derive(Serialize)]
struct Local {
    virtual_clock: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit: Option<SocketAddr>,
}

#[derive(Serialize)]
struct Listen {
    api: SocketAddr,
    cluster: SocketAddr,
}

#[derive(Serialize)]
struct Tls {
    ca: PathBuf,
    cert: PathBuf,
    key: PathBuf,
}

#[derive(Serialize)]
struct RootKey {
    file: PathBuf,
}

#[derive(Serialize)]
struct Member {
    id: u64,
    cluster: String,
    api: String,
}

#[derive(Serialize)]
struct Voter<'a> {
    name: &'a str,
    role: Role,
    incarnation: String,
    verifying_key: &'a str,
    nodes: Vec<String>,
}

#[derive(Serialize)]
struct Credential {
    access_key_id: &'static str,
    secret_access_key: &'static str,
    account: &'static str,
}

/// Each node's way out to others; without one it connects directly.
pub type Exits = BTreeMap<NodeKey, SocketAddr>;

/// Writes the configuration of every node.
pub fn write_all(dir: &DataDir, cluster: &Cluster, exits: &Exits) -> Result<(), Failure> {
    cluster.regions.iter().try_for_each(|region| {
        region.nodes.iter().try_for_each(|node| {
            let exit = exits.get(&key(region, node)).copied();
            write(dir, &file(dir, cluster, region, node, exit), &key(region, node))
        })
    })
}

/// Writes the configuration of these nodes of `cluster`.
pub fn write_some(
    dir: &DataDir,
    cluster: &Cluster,
    wanted: &[NodeKey],
    exits: &Exits,
) -> Result<(), Failure> {
    wanted.iter().try_for_each(|wanted| {
        let unknown = || Failure::Refused(format!("the cluster has no node `{wanted}`"));
        let region = cluster.region(&wanted.region).ok_or_else(unknown)?;
        let node = region.nodes.iter().find(|node| node.id == wanted.id).ok_or_else(unknown)?;
        write(dir, &file(dir, cluster, region, node, exits.get(wanted).copied()), wanted)
    })
}

fn key(region: &RegionPlan, node: &NodePlan) -> NodeKey {
    NodeKey { region: region.name.clone(), id: node.id }
}

fn write(dir: &DataDir, file: &File<'_>, node: &NodeKey) -> Result<(), Failure> {
    let path = dir.node_config(node);
    let text = toml::to_string(file)
        .map_err(|error| Failure::Create { what: format!("`{}`", path.display()), why: error.to_string() })?;
    fs::write(&path, text).map_err(io_error("write", &path))
}

fn file<'a>(
    dir: &DataDir,
    cluster: &'a Cluster,
    region: &'a RegionPlan,
    node: &NodePlan,
    exit: Option<SocketAddr>,
) -> File<'a> {
    let home = dir.node(&key(region, node));
    let is_data = region.role == Role::Data;
    // Who came in later is known by the directory, also after it went and came back.
    let is_invited = region.came == Came::Invited;
    let founders = cluster.regions.iter().filter(|region| region.came == Came::Founding);
    File {
        deployment: cluster.deployment.to_string(),
        region: region.name.as_str(),
        node: node.id,
        role: region.role,
        incarnation: region.incarnation.to_string(),
        data_dir: home.join("data"),
        bootstrap: node.id == 1,
        // GetKeyLastUsage is to show what a test has just done.
        usage_interval_s: 1,
        signing_key: dir.signing_key(&region.name),
        invitation: is_invited.then(|| dir.invitation(&region.name)),
        listen: Listen { api: node.api(), cluster: node.cluster() },
        tls: Tls { ca: dir.ca(), cert: home.join("node.pem"), key: home.join("node.key") },
        root_key: is_data.then(|| RootKey { file: dir.root_key(&region.name) }),
        member: region.nodes.iter().map(member).collect(),
        voter: if is_invited { Vec::new() } else { founders.map(voter).collect() },
        credential: if is_data { vec![DEVELOPMENT, SECOND] } else { Vec::new() },
        local: Local { virtual_clock: true, exit },
    }
}

const DEVELOPMENT: Credential =
    Credential { access_key_id: ACCESS_KEY_ID, secret_access_key: SECRET_ACCESS_KEY, account: ACCOUNT };

const SECOND: Credential = Credential {
    access_key_id: SECOND_ACCESS_KEY,
    secret_access_key: SECOND_ACCESS_KEY,
    account: SECOND_ACCOUNT,
};

fn member(node: &NodePlan) -> Member {
    Member { id: node.id, cluster: node.cluster().to_string(), api: node.api().to_string() }
}

fn voter(region: &RegionPlan) -> Voter<'_> {
    Voter {
        name: region.name.as_str(),
        role: region.role,
        incarnation: region.incarnation.to_string(),
        verifying_key: &region.verifying_key,
        nodes: region.nodes.iter().map(|n| n.cluster().to_string()).collect(),
    }
}
