//! Talking to nodes as an operator, over gRPC with the operator's certificate. Shows what nodes say and passes commands
//! on; decides nothing.

use kms_transport::{AdminClient, TlsIdentity, admin_messages as messages};
use kms_types::{NodeId, Region};
use serde::Serialize;
use std::{collections::BTreeMap, path::Path, time::Duration};

use crate::{
    failure::Failure,
    local::layout::{Cluster, DataDir, RegionPlan},
};

const STATUS_TIMEOUT: Duration = Duration::from_secs(2);

/// An operator's identity.
#[derive(Debug, Clone)]
pub struct Operator(TlsIdentity);

/// What one node says of itself and its Region.
#[derive(Debug, Clone, Serialize)]
pub struct NodeView {
    /// Its Region.
    pub region: String,
    /// Its number.
    pub node: NodeId,
    /// `leader`, `follower`, `learner` or `stopped`.
    pub role: &'static str,
    /// Raft term.
    pub term: u64,
    /// The leader it knows.
    pub leader: Option<NodeId>,
    /// Last log index.
    pub last_log: Option<u64>,
    /// Last applied index.
    pub applied: Option<u64>,
    /// Last index of the newest snapshot.
    pub snapshot: Option<u64>,
    /// Members of the Raft group.
    pub members: Vec<MemberView>,
    /// Why the node takes no part in its Region, if it does not.
    pub not_admitted: Option<String>,
    /// Region time, in milliseconds since the epoch.
    pub region_time_ms: u64,
    /// Keys in the Region.
    pub keys: u64,
    /// Multi-Region keys among them.
    pub multi_region_keys: u64,
    /// The other Regions; only a leader hears from them.
    pub peers: Vec<PeerView>,
    /// Which Regions vote, as this one knows it; none before it is bootstrapped.
    pub directory: Option<DirectoryView>,
    /// Keys about which the Regions have not finished agreeing; only a leader knows.
    pub unsettled_keys: Option<u64>,
    /// Alarms that are about no single peer.
    pub alarms: Vec<String>,
    /// The identity records.
    pub identity: IdentityView,
    /// Version of the program.
    pub version: String,
    /// Time since it started.
    pub uptime_ms: u64,
}

/// Which Regions vote.
#[derive(Debug, Clone, Serialize)]
pub struct DirectoryView {
    /// Grows by one with every change.
    pub generation: u64,
    /// The voting Regions.
    pub voters: Vec<String>,
    /// A generation that is proposed and not agreed on yet.
    pub next_generation: Option<u64>,
    /// The voters that it would have.
    pub next_voters: Vec<String>,
    /// What was agreed on before the last change is being read from the others.
    pub reading: bool,
    /// False for a Region that came in and has not read it yet.
    pub votes: bool,
    /// The Region was removed.
    pub removed: bool,
    /// The peer that found out that the Region went back to an earlier state.
    pub rolled_back_by: Option<String>,
    /// Regions with which no letters are exchanged; the Region itself stands for all.
    pub isolated: Vec<String>,
    /// Changes that were made without a majority.
    pub forced: u32,
}

/// The identity records as a Region has them.
#[derive(Debug, Clone, Serialize)]
pub struct IdentityView {
    /// The Region where they are changed.
    pub home: Option<String>,
    /// How many changes the Region has.
    pub sequence: u64,
    /// How many changes of the home are known to be missing; only a leader knows.
    pub lag: Option<u64>,
    /// True if the Region holds the identity key, so that users and sessions can call it.
    pub ready: bool,
}

/// One member of a Raft group.
#[derive(Debug, Clone, Serialize)]
pub struct MemberView {
    /// Its number.
    pub node: NodeId,
    /// Its cluster address.
    pub cluster: String,
    /// Voter or learner.
    pub voter: bool,
    /// Last index known to be replicated there.
    pub matched: Option<u64>,
    /// Time since its last answer.
    pub last_heard_ms: Option<u64>,
}

/// Another Region, as seen from this one.
#[derive(Debug, Clone, Serialize)]
pub struct PeerView {
    /// Its name.
    pub region: String,
    /// `data` or `witness`.
    pub role: String,
    /// Time since its last valid message.
    pub last_heard_ms: Option<u64>,
    /// Records that it has not acknowledged.
    pub lag: Option<u64>,
    /// What an operator should look at.
    pub alarms: Vec<String>,
    /// Keys whose rotation waits for it.
    pub rotations_held_up: Vec<String>,
    /// Time since everything that it had committed was known.
    pub canary_age_ms: Option<u64>,
    /// Its incarnation.
    pub incarnation: String,
    /// Letters in its name that were refused, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Why the last of them was.
    pub last_refusal: Option<String>,
    /// An operator has stopped the letters between the two.
    pub isolated: bool,
}

/// What became of one key in a promotion.
#[derive(Debug, Clone, Serialize)]
pub struct PromotedKey {
    /// The key id.
    pub key: String,
    /// True if the asked Region is its primary now.
    pub promoted: bool,
    /// Why not, or what to know.
    pub detail: String,
}

impl NodeView {
    /// True if it leads.
    pub fn is_leader(&self) -> bool {
        self.role == "leader"
    }

    /// Its role as a word.
    pub fn role_name(&self) -> &'static str {
        self.role
    }
}

impl Operator {
    /// From PEM files.
    pub fn load(ca: &Path, cert: &Path, key: &Path) -> Result<Self, Failure> {
        TlsIdentity::load(ca, cert, key).map(Self).map_err(|error| Failure::Admin(error.to_string()))
    }

    /// The operator of a local cluster.
    pub fn of_cluster(dir: &DataDir) -> Result<Self, Failure> {
        Self::load(&dir.ca(), &dir.operator_cert(), &dir.operator_key())
    }

    /// A connection to the node at `address`.
    pub async fn connect(&self, address: &str) -> Result<AdminClient, Failure> {
        AdminClient::connect(address, &self.0)
            .await
            .map_err(|error| Failure::Admin(format!("node at {address}: {error}")))
    }

    /// What the node at `address` says, if it says so soon.
    pub async fn status(&self, address: &str) -> Result<NodeView, Failure> {
        let silent = |_| Failure::Admin(format!("node at {address}: no answer within {STATUS_TIMEOUT:?}"));
        let ask = async {
            let mut client = self.connect(address).await?;
            let request = messages::StatusRequest { with_state_hash: false };
            client
                .status(request)
                .await
                .map_err(|error| Failure::Admin(format!("node at {address}: {error}")))
        };
        tokio::time::timeout(STATUS_TIMEOUT, ask).await.map_err(silent)?.map(view)
    }

    /// The node that leads `region`, by its own word.
    pub async fn leader(&self, cluster: &Cluster, region: &Region) -> Option<NodeId> {
        self.leader_of(cluster.region(region)?).await
    }

    async fn leader_of(&self, region: &RegionPlan) -> Option<NodeId> {
        let addresses: Vec<String> = region.nodes.iter().map(|node| node.cluster().to_string()).collect();
        let views = futures::future::join_all(addresses.iter().map(|address| self.status(address))).await;
        let leaders = views.into_iter().flatten().filter(NodeView::is_leader);
        leaders.max_by_key(|view| view.term).map(|view| view.node)
    }

    /// A connection to the leader of `region`.
    pub async fn connect_leader(&self, region: &RegionPlan) -> Result<AdminClient, Failure> {
        let none = || Failure::Admin(format!("`{}` has no leader that answers", region.name));
        let leader = self.leader_of(region).await.ok_or_else(none)?;
        let node = region.nodes.iter().find(|node| node.id == leader).ok_or_else(none)?;
        self.connect(&node.cluster().to_string()).await
    }
}

impl From<messages::PromotedKey> for PromotedKey {
    fn from(key: messages::PromotedKey) -> Self {
        Self { key: key.key, promoted: key.promoted, detail: key.detail }
    }
}

fn view(status: messages::NodeStatus) -> NodeView {
    NodeView {
        region: status.region.clone(),
        node: status.node,
        role: match status.role() {
            messages::Role::Leader => "leader",
            messages::Role::Follower => "follower",
            messages::Role::Learner => "learner",
            messages::Role::Stopped => "stopped",
            messages::Role::Unspecified => "unknown",
        },
        term: status.term,
        leader: status.leader,
        last_log: status.last_log_index,
        applied: status.last_applied_index,
        snapshot: status.snapshot_index,
        members: status.members.into_iter().map(member).collect(),
        not_admitted: status.not_admitted,
        region_time_ms: status.region_time_ms,
        keys: status.key_count,
        multi_region_keys: status.multi_region_key_count,
        peers: status.peer_regions.into_iter().map(peer).collect(),
        directory: status.directory.map(directory),
        unsettled_keys: status.unsettled_keys,
        alarms: status.alarms,
        identity: IdentityView {
            home: Some(status.identity_home).filter(|home| !home.is_empty()),
            sequence: status.identity_sequence,
            lag: status.identity_lag,
            ready: status.identity_ready,
        },
        version: status.version,
        uptime_ms: status.uptime_ms,
    }
}

fn directory(directory: messages::DirectoryStatus) -> DirectoryView {
    DirectoryView {
        generation: directory.generation,
        voters: directory.voters,
        next_generation: directory.next_generation,
        next_voters: directory.next_voters,
        reading: directory.reading,
        votes: directory.votes,
        removed: directory.removed,
        rolled_back_by: Some(directory.rolled_back_by).filter(|peer| !peer.is_empty()),
        isolated: directory.isolated,
        forced: directory.forced,
    }
}

fn member(member: messages::Member) -> MemberView {
    MemberView {
        node: member.node,
        cluster: member.cluster,
        voter: member.voter,
        matched: member.matched_index,
        last_heard_ms: member.last_heard_ms,
    }
}

fn peer(peer: messages::PeerRegion) -> PeerView {
    PeerView {
        region: peer.region,
        role: peer.role,
        last_heard_ms: peer.last_heard_ms,
        lag: peer.lag,
        alarms: peer.alarms,
        rotations_held_up: peer.rotations_held_up,
        canary_age_ms: peer.canary_age_ms,
        incarnation: peer.incarnation,
        refused: peer.refused.into_iter().collect(),
        last_refusal: Some(peer.last_refusal).filter(|why| !why.is_empty()),
        isolated: peer.isolated,
    }
}
