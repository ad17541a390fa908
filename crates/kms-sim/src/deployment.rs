//! All machines of all Regions, their network and their time.

use crate::address::{Address, REGIONS, RegionNumber};
use crate::clock::WorldClock;
use crate::disk::SimDisk;
use crate::draw::Draw;
use crate::host::{Host, Setup, StartError};
use crate::net::{Body, Envelope, Net};
use crate::standing::Standings;
use kms_crypto::{RootKey, SigningKey};
use kms_node::config::NodeConfig;
use kms_raft::Applied;
use kms_state::{Directory, RegionRole, Voter};
use kms_transport::CallError;
use kms_types::{DeploymentId, Entropy, Incarnation, Region};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How long every process runs at a time; no message is faster.
pub(crate) const STEP_MS: u64 = 2;

/// How large a deployment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Regions that hold material, at most three.
    pub data_regions: usize,
    /// Nodes in each of them.
    pub nodes: u64,
    /// Whether there is a witness Region of one node.
    pub witness: bool,
}

impl Shape {
    /// Three Regions of three nodes and a witness.
    pub const FULL: Self = Self { data_regions: 3, nodes: 3, witness: true };
    /// One Region of three nodes.
    pub const ONE_REGION: Self = Self { data_regions: 1, nodes: 3, witness: false };

    /// How many nodes each Region has.
    pub(crate) fn nodes(self) -> Vec<u64> {
        let data = std::iter::repeat_n(self.nodes, self.data_regions.min(3));
        data.chain(self.witness.then_some(1)).collect()
    }
}

/// A deployment.
pub(crate) struct Deployment {
    pub(crate) shape: Shape,
    pub(crate) world: WorldClock,
    pub(crate) net: Net,
    pub(crate) hosts: BTreeMap<Address, Host>,
    /// Stopped and to go on, as by SIGSTOP or a suspended machine.
    pub(crate) paused: BTreeSet<Address>,
    pub(crate) standings: Standings,
    id: DeploymentId,
    secrets: Vec<Secrets>,
}

/// A Region's secrets, the same on all its nodes.
struct Secrets {
    incarnation: Incarnation,
    signing: Arc<SigningKey>,
    root: Option<Arc<RootKey>>,
}

impl Secrets {
    fn draw(holds_material: bool, entropy: &mut dyn Entropy) -> Self {
        Self {
            incarnation: Incarnation::from_random(entropy.array()),
            signing: Arc::new(SigningKey::generate(entropy)),
            root: holds_material.then(|| Arc::new(RootKey::generate(entropy))),
        }
    }

    fn voter(&self) -> Voter {
        let role = if self.root.is_some() { RegionRole::Data } else { RegionRole::Witness };
        Voter { incarnation: self.incarnation, verifying_key: self.signing.verifying(), role }
    }
}

impl Deployment {
    /// Machines with empty disks; nothing runs yet.
    pub(crate) fn new(shape: Shape, seed: u64) -> Result<Self, String> {
        let world = WorldClock::default();
        let net = Net::new(world.clone(), Draw::new(seed, "network"));
        let mut draw = Draw::new(seed, "secrets");
        let (nodes, mut secrets) = (shape.nodes(), Vec::new());
        let deployment = DeploymentId::from_random((&mut draw as &mut dyn Entropy).array());
        for number in 0..nodes.len() {
            secrets.push(Secrets::draw(number < shape.data_regions, &mut draw));
        }
        let mut hosts = BTreeMap::new();
        for region in 0..nodes.len() {
            for node in 1..=nodes.get(region).copied().unwrap_or(0) {
                let address = Address { region, node };
                let setup = setup(deployment, address, &nodes, &secrets, None)?;
                let disk = SimDisk::new(Draw::new(seed, &format!("disk {address}")));
                hosts.insert(address, Host::new(address, setup, disk, world.clone(), net.clone()));
            }
        }
        let (paused, standings) = (BTreeSet::new(), Standings::default());
        Ok(Self { shape, world, net, hosts, paused, standings, id: deployment, secrets })
    }

    /// Another incarnation, signing key and root key for a Region that is to come back.
    pub(crate) fn draw_history(&mut self, region: RegionNumber, draw: &mut Draw) {
        if let Some(secrets) = self.secrets.get_mut(region) {
            *secrets = Secrets::draw(secrets.root.is_some(), draw);
        }
    }

    /// What the directory is to say of a Region.
    pub(crate) fn voter(&self, region: RegionNumber) -> Option<Voter> {
        self.secrets.get(region).map(Secrets::voter)
    }

    /// The Region's nodes start on empty disks, with the directory that names its present incarnation.
    pub(crate) fn begin_again(&mut self, region: RegionNumber) -> Result<(), String> {
        let directory = self.directory_naming(region).ok_or("no Region goes by a directory with it yet")?;
        self.standings.begin_again(region);
        let nodes = self.shape.nodes();
        for host in self.hosts.values_mut().filter(|host| host.address.region == region) {
            host.begin_again(setup(self.id, host.address, &nodes, &self.secrets, Some(directory.clone()))?);
            host.start().map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn directory_naming(&self, region: RegionNumber) -> Option<Directory> {
        let (name, voter) = (region_name(region), self.voter(region)?);
        let others = (0..self.regions()).filter(|other| *other != region);
        let directories = others.filter_map(|other| self.newest(other)?.state.directory().cloned());
        let named = |directory: &Directory| {
            directory.voters.iter().any(|(known, present)| known.as_str() == name && *present == voter)
        };
        directories.filter(named).max_by_key(|directory| directory.generation)
    }

    /// Starts every process.
    pub(crate) fn start(&mut self) -> Result<(), StartError> {
        self.hosts.values_mut().try_for_each(Host::start)
    }

    /// One step of time: what is due arrives, then every process runs.
    pub(crate) fn step(&mut self, seen: &mut dyn FnMut(&Envelope)) {
        while let Some(envelope) = self.net.next_due() {
            self.deliver(envelope, seen);
        }
        for (address, host) in &self.hosts {
            if !self.paused.contains(address) {
                let _node = tracing::info_span!("node", at = %address).entered();
                host.step(STEP_MS);
            }
        }
        self.world.set(self.world.now_ms() + STEP_MS);
    }

    fn deliver(&self, envelope: Envelope, seen: &mut dyn FnMut(&Envelope)) {
        let (sender, to) = (envelope.from, envelope.to);
        // Cut since it was sent: it does not arrive any more.
        if self.net.is_cut(sender.address, to) {
            return;
        }
        if self.paused.contains(&to) {
            self.net.postpone(envelope, STEP_MS);
            return;
        }
        seen(&envelope);
        let Some(host) = self.hosts.get(&to) else { return };
        match envelope.body {
            Body::Request { call, request } => {
                if !host.take(sender, call, request) {
                    // The machine is there and refuses the connection.
                    let refused = CallError::Unreachable("connection refused".to_owned());
                    self.net.hand_over(call, Err(refused));
                }
            }
            Body::Reply { call, answer } => self.net.hand_over(call, answer),
        }
    }

    /// The nodes of a Region.
    pub(crate) fn of_region(&self, region: RegionNumber) -> impl Iterator<Item = &Host> {
        self.hosts.values().filter(move |host| host.address.region == region)
    }

    /// The node that leads a Region in the highest term, by its own account.
    pub(crate) fn leader(&self, region: RegionNumber) -> Option<&Host> {
        let term = |host: &&Host| {
            let group = &host.node()?.group;
            group.is_leader().then(|| group.status().term)
        };
        self.of_region(region).filter(|host| term(host).is_some()).max_by_key(|host| term(host))
    }

    /// The newest state that any running node of the Region has applied.
    pub(crate) fn newest(&self, region: RegionNumber) -> Option<Arc<Applied>> {
        self.of_region(region).filter_map(Host::applied).max_by_key(|applied| applied.index)
    }

    /// How many Regions there are, the witness included.
    pub(crate) fn regions(&self) -> usize {
        self.shape.nodes().len()
    }
}

/// The name of a Region.
pub(crate) fn region_name(number: RegionNumber) -> &'static str {
    REGIONS.get(number).copied().unwrap_or_default()
}

/// The number of a Region.
pub(crate) fn region_number(region: &Region) -> Option<RegionNumber> {
    REGIONS.iter().position(|name| *name == region.as_str())
}

/// What a node is configured with.
fn setup(
    deployment: DeploymentId,
    address: Address,
    nodes: &[u64],
    secrets: &[Secrets],
    joining: Option<Directory>,
) -> Result<Setup, String> {
    let own = secrets.get(address.region).ok_or("there is no such Region")?;
    let text = config_text(deployment, address, nodes, secrets);
    let config: NodeConfig = toml::from_str(&text).map_err(|error| error.to_string())?;
    let (root, signing) = (own.root.clone(), own.signing.clone());
    Ok(Setup { config, root, signing, nodes: nodes.to_vec(), joining })
}

fn config_text(deployment: DeploymentId, own: Address, nodes: &[u64], secrets: &[Secrets]) -> String {
    let role = |secrets: &Secrets| if secrets.root.is_some() { "data" } else { "witness" };
    let Some(of) = secrets.get(own.region) else { return String::new() };
    let mut text = format!(
        r#"
deployment = "{deployment}"
region = "{region}"
node = {node}
role = "{role}"
incarnation = "{incarnation}"
data_dir = "/data"
bootstrap = {bootstrap}
signing_key = "/none"
usage_interval_s = 20
[listen]
api = "127.0.0.1:1"
cluster = "127.0.0.1:2"
[tls]
ca = "/none"
cert = "/none"
key = "/none"
"#,
        region = region_name(own.region),
        node = own.node,
        role = role(of),
        incarnation = of.incarnation,
        bootstrap = own.node == 1,
    );
    for node in 1..=nodes.get(own.region).copied().unwrap_or(0) {
        text += &format!(
            "[[member]]\nid = {node}\ncluster = \"{}-{node}\"\napi = \"-\"\n",
            region_name(own.region)
        );
    }
    for (number, of) in secrets.iter().enumerate() {
        let key = hex::encode(of.signing.verifying().0);
        text += &format!(
            "[[voter]]\nname = \"{}\"\nrole = \"{}\"\nincarnation = \"{}\"\nverifying_key = \"{key}\"\n",
            region_name(number),
            role(of),
            of.incarnation
        );
    }
    text
}
