//! All machines of all Regions, their network and their time.

use crate::address::{Address, REGIONS, RegionNumber};
use crate::clock::WorldClock;
use crate::disk::SimDisk;
use crate::draw::Draw;
use crate::host::{Host, Setup, StartError};
use crate::net::{Body, Envelope, Net};
use kms_crypto::{RootKey, SigningKey};
use kms_node::config::NodeConfig;
use kms_raft::Applied;
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
}

/// A Region's secrets, the same on all its nodes.
struct Secrets {
    incarnation: Incarnation,
    signing: Arc<SigningKey>,
    root: Option<Arc<RootKey>>,
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
            let is_data = number < shape.data_regions;
            let entropy: &mut dyn Entropy = &mut draw;
            secrets.push(Secrets {
                incarnation: Incarnation::from_random(entropy.array()),
                signing: Arc::new(SigningKey::generate(entropy)),
                root: is_data.then(|| Arc::new(RootKey::generate(entropy))),
            });
        }
        let mut hosts = BTreeMap::new();
        for (region, own) in secrets.iter().enumerate() {
            for node in 1..=nodes.get(region).copied().unwrap_or(0) {
                let address = Address { region, node };
                let text = config_text(deployment, address, &nodes, &secrets);
                let config: NodeConfig = toml::from_str(&text).map_err(|error| error.to_string())?;
                let (root, signing) = (own.root.clone(), own.signing.clone());
                let setup = Setup { config, root, signing, nodes: nodes.clone() };
                let disk = SimDisk::new(Draw::new(seed, &format!("disk {address}")));
                hosts.insert(address, Host::new(address, setup, disk, world.clone(), net.clone()));
            }
        }
        Ok(Self { shape, world, net, hosts, paused: BTreeSet::new() })
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
        let (from, to) = (envelope.from.address, envelope.to);
        // Cut since it was sent: it does not arrive any more.
        if self.net.is_cut(from, to) {
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
                if !host.take(from, call, request) {
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
