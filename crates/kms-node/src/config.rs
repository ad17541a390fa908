//! What one node is told at start. Parsed by the binary from TOML, environment and flags; checked here.

use kms_crypto::VerifyingKey;
use kms_ops::Settings;
use kms_raft::Peer;
use kms_state::{Directory, RegionClock, RegionRole, Voter};
use kms_types::{
    AccountId, AliasName, DeploymentId, Incarnation, NodeId, Quotas, Region, limits::MAX_POLICY_BYTES,
};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::SocketAddr,
    path::PathBuf,
};
use zeroize::Zeroizing;

use crate::rates::RequestRates;

/// The configuration of one node.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// The deployment that this Region belongs to.
    pub deployment: DeploymentId,
    /// The Region.
    pub region: Region,
    /// This node's number in the Region, from 1.
    pub node: NodeId,
    /// Data or witness.
    pub role: Role,
    /// The identity of the Region's history.
    pub incarnation: Incarnation,
    /// Where log, state, snapshots and audit files live.
    pub data_dir: PathBuf,
    /// True on the one node that creates the Region when its log is empty.
    #[serde(default)]
    pub bootstrap: bool,
    /// Where to listen.
    pub listen: Listen,
    /// The certificate of this node and the authority that signs the deployment's certificates.
    pub tls: TlsFiles,
    /// The Region's root key; absent on a witness.
    pub root_key: Option<RootKeyConfig>,
    /// PEM file with the root certificate of attestation documents; without it a Recipient is refused.
    #[serde(default)]
    pub attestation_root: Option<PathBuf>,
    /// File with the hex seed of the Region's Ed25519 signing key.
    pub signing_key: PathBuf,
    /// The Region's initial members, this node included.
    #[serde(default, rename = "member")]
    pub members: Vec<Member>,
    /// Every voting Region, this one included.
    #[serde(default, rename = "voter")]
    pub voters: Vec<VoterEntry>,
    /// The root credential of each account.
    #[serde(default, rename = "credential")]
    pub credentials: Vec<CredentialEntry>,
    /// Other services that may call.
    #[serde(default, rename = "service")]
    pub services: Vec<ServiceEntry>,
    /// The Region where identity records begin; the first data Region of the voter list when absent. Counts only for the
    /// first entry of that Region's life.
    #[serde(default)]
    pub identity_home: Option<Region>,
    /// What `meridian region invite` gave for a Region that joins a deployment. Counts only for the first entry of its
    /// life; the other Regions' `[[voter]]` entries may then be left out.
    #[serde(default)]
    pub invitation: Option<PathBuf>,
    /// Present exactly on a node of a cluster for development and tests, all of whose addresses are loopback.
    pub local: Option<LocalConfig>,
    /// How much of everything there may be; AWS's quotas unless named.
    #[serde(default)]
    pub quotas: Quotas,
    /// How many requests an account may send; not limited unless switched on.
    #[serde(default)]
    pub request_rates: RequestRates,
    /// The services that have AWS managed keys, by the name in `alias/aws/<service>`.
    #[serde(default)]
    pub aws_managed_services: BTreeSet<String>,
    /// How long a use of a key may stay in a node's memory before GetKeyLastUsage shows it, in seconds.
    #[serde(default = "default_usage_interval")]
    pub usage_interval_s: u64,
}

fn default_usage_interval() -> u64 {
    30
}

/// What only a cluster for development and tests may do.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalConfig {
    /// Operators may move Region time forward. Decided when the Region is created (docs/adr/0008).
    #[serde(default)]
    pub virtual_clock: bool,
    /// The HTTP proxy (CONNECT) through which this node reaches every other node, so that the cluster's supervisor can
    /// cut and slow down connections (docs/adr/0016).
    #[serde(default)]
    pub exit: Option<SocketAddr>,
}

/// `data` or `witness`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Holds material and serves the API.
    Data,
    /// Votes between Regions and holds no material.
    Witness,
}

/// The two ports of a node.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// The KMS API over HTTP.
    pub api: SocketAddr,
    /// Raft, forwarding, the Region link and administration over gRPC with mutual TLS.
    pub cluster: SocketAddr,
}

/// PEM files for mutual TLS.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The deployment's certificate authority.
    pub ca: PathBuf,
    /// This node's certificate.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Where the root key is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootKeyConfig {
    /// The file of the file provider.
    pub file: PathBuf,
}

/// One node of this Region.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its number.
    pub id: NodeId,
    /// Its cluster address, `host:port`.
    pub cluster: String,
    /// Its API address, `host:port`.
    pub api: String,
}

/// One voting Region.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoterEntry {
    /// Its name.
    pub name: Region,
    /// Data or witness.
    pub role: Role,
    /// The identity of its history.
    pub incarnation: Incarnation,
    /// Its Ed25519 public key, 64 hex digits.
    pub verifying_key: String,
    /// Cluster addresses of its nodes.
    #[serde(default)]
    pub nodes: Vec<String>,
}

/// One account's root credential.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialEntry {
    /// The access key id.
    pub access_key_id: String,
    /// The secret; never printed.
    pub secret_access_key: Zeroizing<String>,
    /// The account.
    pub account: AccountId,
}

/// A service that calls for itself or for its customers, by its own credential.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceEntry {
    /// Its name in policies, for example `backup.amazonaws.com`.
    pub name: String,
    /// The account that it runs in.
    pub account: AccountId,
    /// The access key id.
    pub access_key_id: String,
    /// The secret; never printed.
    pub secret_access_key: Zeroizing<String>,
}

impl fmt::Debug for ServiceEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceEntry({} as {}, ..)", self.name, self.access_key_id)
    }
}

impl fmt::Debug for CredentialEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialEntry({} of {}, ..)", self.access_key_id, self.account)
    }
}

/// A configuration that contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The node is not in the member list.
    #[error("node {0} is not among the [[member]] entries")]
    NotAMember(NodeId),
    /// Two members have one id.
    #[error("two [[member]] entries have id {0}")]
    DuplicateMember(NodeId),
    /// The Region is not in the voter list, or with another role or incarnation.
    #[error("Region `{0}` needs a [[voter]] entry with the same role and incarnation as this node")]
    NotAVoter(Region),
    /// Two voters have one name.
    #[error("two [[voter]] entries are named `{0}`")]
    DuplicateVoter(Region),
    /// A voter's key does not parse.
    #[error("verifying_key of voter `{0}` is not 64 hex digits of an Ed25519 public key")]
    VerifyingKey(Region),
    /// A data Region without a root key.
    #[error("a node of role `data` needs [root_key] file = \"...\"")]
    RootKeyMissing,
    /// A witness with a root key.
    #[error("a witness holds no material: remove [root_key]")]
    RootKeyOnWitness,
    /// A data Region without any credential.
    #[error("a node of role `data` needs at least one [[credential]]")]
    CredentialMissing,
    /// Two credentials have one access key id.
    #[error("two [[credential]] or [[service]] entries have access_key_id `{0}`")]
    DuplicateCredential(String),
    /// A policy quota above what the service reads.
    #[error("quota policy_bytes is {0}, at most {MAX_POLICY_BYTES} are supported")]
    PolicyQuota(usize),
    /// A rate of no class.
    #[error(
        "[request_rates] per_second: `{0}` is no request class with a rate of its own, or its rate is no number from 0 on"
    )]
    RequestRate(String),
    /// A service name that cannot be part of an alias.
    #[error("aws_managed_services: `{0}` cannot be the name of a service")]
    ManagedService(String),
    /// Uses of keys would never, or hardly ever, be brought into the state.
    #[error("usage_interval_s is {0}, it must be between 1 and 60")]
    UsageInterval(u64),
    /// The settings of a development cluster on a node that others can reach.
    #[error("[local] is for clusters on loopback addresses only, and `{0}` is none")]
    LocalNotLoopback(String),
    /// The deployment's own account.
    #[error("account {0} is the deployment's own: no credential may be of it")]
    ReservedAccount(AccountId),
    /// The identity home is no data Region.
    #[error("identity_home `{0}` is not a [[voter]] of role `data`")]
    IdentityHome(Region),
}

impl From<Role> for RegionRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Data => Self::Data,
            Role::Witness => Self::Witness,
        }
    }
}

impl NodeConfig {
    /// Refuses what contradicts itself, before anything is opened.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.check_members()?;
        self.check_voters()?;
        self.check_role()?;
        self.check_local()?;
        self.check_settings()
    }

    fn check_settings(&self) -> Result<(), ConfigError> {
        if self.quotas.policy_bytes > MAX_POLICY_BYTES {
            return Err(ConfigError::PolicyQuota(self.quotas.policy_bytes));
        }
        if let Some(name) = self.request_rates.wrong_entry() {
            return Err(ConfigError::RequestRate(name.to_owned()));
        }
        let is_name = |name: &&String| {
            !name.contains(['/', '.', ':']) && format!("alias/aws/{name}").parse::<AliasName>().is_ok()
        };
        if let Some(wrong) = self.aws_managed_services.iter().find(|name| !is_name(name)) {
            return Err(ConfigError::ManagedService(wrong.clone()));
        }
        match (1..=60).contains(&self.usage_interval_s) {
            true => Ok(()),
            false => Err(ConfigError::UsageInterval(self.usage_interval_s)),
        }
    }

    /// What decisions about calls depend on, but for the attestation root, which is a file.
    pub fn settings(&self) -> Settings {
        Settings {
            quotas: self.quotas,
            managed_services: self.aws_managed_services.clone(),
            attestation_root: None,
        }
    }

    /// A cluster whose clock can be moved is reachable from this machine only, in every Region.
    fn check_local(&self) -> Result<(), ConfigError> {
        let Some(local) = &self.local else { return Ok(()) };
        let own = [Some(self.listen.api), Some(self.listen.cluster), local.exit];
        let own: Vec<String> = own.into_iter().flatten().map(|address| address.to_string()).collect();
        let members = self.members.iter().flat_map(|m| [&m.cluster, &m.api]);
        let regions = self.voters.iter().flat_map(|v| &v.nodes);
        match own.iter().chain(members).chain(regions).find(|address| !is_loopback(address)) {
            Some(address) => Err(ConfigError::LocalNotLoopback(address.clone())),
            None => Ok(()),
        }
    }

    /// Which clock Region time follows.
    pub fn clock(&self) -> RegionClock {
        match &self.local {
            Some(LocalConfig { virtual_clock: true, .. }) => RegionClock::VIRTUAL,
            _ => RegionClock::Real,
        }
    }

    fn check_members(&self) -> Result<(), ConfigError> {
        let mut seen = BTreeSet::new();
        if let Some(twice) = self.members.iter().find(|m| !seen.insert(m.id)) {
            return Err(ConfigError::DuplicateMember(twice.id));
        }
        if !seen.contains(&self.node) { Err(ConfigError::NotAMember(self.node)) } else { Ok(()) }
    }

    fn check_voters(&self) -> Result<(), ConfigError> {
        let mut seen = BTreeSet::new();
        if let Some(twice) = self.voters.iter().find(|v| !seen.insert(&v.name)) {
            return Err(ConfigError::DuplicateVoter(twice.name.clone()));
        }
        let own = |v: &&VoterEntry| {
            v.name == self.region && v.role == self.role && v.incarnation == self.incarnation
        };
        if self.invitation.is_none() {
            self.voters.iter().find(own).ok_or_else(|| ConfigError::NotAVoter(self.region.clone()))?;
        }
        self.directory().map(|_| ())
    }

    fn check_role(&self) -> Result<(), ConfigError> {
        match (self.role, &self.root_key) {
            (Role::Data, None) => return Err(ConfigError::RootKeyMissing),
            (Role::Witness, Some(_)) => return Err(ConfigError::RootKeyOnWitness),
            _ => {}
        }
        if self.role == Role::Data && self.credentials.is_empty() {
            return Err(ConfigError::CredentialMissing);
        }
        let mut seen = BTreeSet::new();
        let roots = self.credentials.iter().map(|c| (&c.access_key_id, c.account));
        for (id, account) in roots.chain(self.services.iter().map(|s| (&s.access_key_id, s.account))) {
            if !seen.insert(id) {
                return Err(ConfigError::DuplicateCredential(id.clone()));
            }
            if account == AccountId::SYSTEM {
                return Err(ConfigError::ReservedAccount(account));
            }
        }
        let home = self.identity_home();
        let is_data = |v: &VoterEntry| v.role == Role::Data && Some(&v.name) == home;
        match (home, self.voters.iter().any(is_data)) {
            // The deployment has one already.
            _ if self.invitation.is_some() => Ok(()),
            (Some(home), false) => Err(ConfigError::IdentityHome(home.clone())),
            _ => Ok(()),
        }
    }

    /// Where identity records begin.
    pub fn identity_home(&self) -> Option<&Region> {
        let first = || self.voters.iter().find(|v| v.role == Role::Data).map(|v| &v.name);
        self.identity_home.as_ref().or_else(first)
    }

    /// The first directory of the deployment, generation 1.
    pub fn directory(&self) -> Result<Directory, ConfigError> {
        let voters = self.voters.iter().map(|v| Ok((v.name.clone(), v.voter()?)));
        Ok(Directory::first(voters.collect::<Result<_, ConfigError>>()?))
    }

    /// The Region's first Raft members.
    pub fn initial_members(&self) -> BTreeMap<NodeId, Peer> {
        let peer = |m: &Member| Peer { cluster: m.cluster.clone(), api: m.api.clone(), ..Peer::default() };
        self.members.iter().map(|m| (m.id, peer(m))).collect()
    }

    /// Cluster addresses of the other Regions' nodes.
    pub fn peer_regions(&self) -> BTreeMap<Region, Vec<String>> {
        let others = self.voters.iter().filter(|v| v.name != self.region);
        others.map(|v| (v.name.clone(), v.nodes.clone())).collect()
    }
}

/// Only numbers count: what a name stands for is decided elsewhere, and may change.
fn is_loopback(address: &str) -> bool {
    address.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
}

impl VoterEntry {
    fn voter(&self) -> Result<Voter, ConfigError> {
        let invalid = || ConfigError::VerifyingKey(self.name.clone());
        let mut bytes = [0; 32];
        hex::decode_to_slice(&self.verifying_key, &mut bytes).map_err(|_| invalid())?;
        Ok(Voter {
            incarnation: self.incarnation,
            verifying_key: VerifyingKey(bytes),
            role: self.role.into(),
        })
    }
}

#[cfg(test)]
mod tests;
