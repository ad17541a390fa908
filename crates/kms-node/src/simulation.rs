//! A node without sockets, HTTP and audit files, for kms-sim: the group, the driver between Regions, Region time, what
//! falls due, and the decision of calls, put together as `node.rs` does (docs/adr/0020-simulation.md).
//!
//! Compiled with the feature `simulation` only, which nothing that ships may ask for.

use kms_crypto::{RootKey, SigningKey};
use kms_ops::{AuditFacts, Call, Error, Response};
use kms_raft::{Applied, Raft, SnapshotInbox, Standings};
use kms_state::{Directory, LastUsage};
use kms_transport::NodeCalls;
use kms_types::{RequestId, Timestamp, UsageOperation, limits::SIGNATURE_WINDOW_MS};
use std::{sync::Arc, time::Duration};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    bootstrap::bootstrap,
    clock::Clock,
    config::NodeConfig,
    decide::Decider,
    disturbance::Disturbance,
    entropy::OsEntropy,
    group::{Group, GroupParts, run_admission, run_region_clock},
    keyring::RegionKeyRing,
    region_driver::{self, RegionHandle, RegionLink},
    service::NOT_ADMITTED,
    timers,
    usage::{self, UsageLog},
};

/// As many as a node keeps (`node.rs`).
const REGION_INBOX: usize = 4096;

/// What a node is made of.
pub struct Parts {
    /// As of a real node; paths and addresses are not used.
    pub config: NodeConfig,
    /// Running on a simulated disk and network.
    pub raft: Raft,
    /// Of the same storage.
    pub applied: watch::Receiver<Arc<Applied>>,
    /// Of the same storage: how far this node and the others are.
    pub standings: Arc<Standings>,
    /// Of the same storage: where snapshots are received.
    pub inbox: SnapshotInbox,
    /// The ways to the other nodes of the Region beside consensus.
    pub client: Arc<dyn NodeCalls>,
    /// The way to other Regions.
    pub link: Arc<dyn RegionLink>,
    /// This node's clock.
    pub clock: Arc<dyn Clock>,
    /// The Region's root key; none on a witness.
    pub root: Option<Arc<RootKey>>,
    /// The Region's signing key.
    pub signing: Arc<SigningKey>,
    /// The directory that a Region comes in with; none for one of the first.
    pub joining: Option<Directory>,
}

/// A running node; its tasks end with the runtime that it was started on.
#[derive(Clone)]
pub struct SimulatedNode {
    /// The group, which also answers the other nodes and Regions.
    pub group: Group,
    /// Operators' commands.
    pub region: RegionHandle,
    /// Where snapshots are received.
    pub inbox: SnapshotInbox,
    /// What opens domain keys.
    pub keyring: Arc<RegionKeyRing>,
    decider: Arc<Decider>,
    usage: Arc<UsageLog>,
}

impl SimulatedNode {
    /// Starts a node's tasks on the current runtime.
    pub fn start(parts: Parts) -> Self {
        let Parts {
            config,
            raft,
            applied,
            standings,
            inbox: snapshots,
            client,
            link,
            clock,
            root,
            signing,
            joining,
        } = parts;
        let (region_inbox, inbox) = mpsc::channel(REGION_INBOX);
        let node = config.node;
        let parts = GroupParts { node, raft, standings, applied, client, clock: clock.clone(), region_inbox };
        let group = Group::new(parts);
        let keyring = Arc::new(RegionKeyRing::new(root.clone()));
        let stop = CancellationToken::new();
        let driver = region_driver::Parts {
            region: config.region.clone(),
            node,
            group: group.clone(),
            keyring: keyring.clone(),
            signing,
            link,
            clock,
            disturbances: Disturbance::none(),
            inbox,
        };
        let region = region_driver::start(driver, stop.clone());
        let (settings, usage) = (Arc::new(config.settings()), Arc::<UsageLog>::default());
        tokio::spawn(run_admission(group.clone(), config.region.clone(), config.initial_members()));
        tokio::spawn(region.task);
        tokio::spawn(run_region_clock(group.clone(), OsEntropy));
        tokio::spawn(timers::run(group.clone(), keyring.clone(), settings.clone(), stop.clone()));
        let interval = Duration::from_secs(config.usage_interval_s);
        tokio::spawn(usage::run(group.clone(), usage.clone(), interval, stop));
        let creating = group.clone();
        tokio::spawn(async move {
            if let Err(error) = bootstrap(&config, &creating, root.as_deref(), joining).await {
                tracing::error!(%error, "the Region cannot be created");
            }
        });
        let decider = Arc::new(Decider::new(group.clone(), keyring.clone(), settings));
        Self { group, region: region.handle, inbox: snapshots, keyring, decider, usage }
    }

    /// One call, from an admitting view to its answer; what HTTP and the service do around signatures and the audit
    /// record. `dated` is when the client signed it.
    pub async fn call(&self, call: &Call, dated: Timestamp) -> Result<Response, Error> {
        if !self.group.takes_part().await {
            return Err(Error::Unavailable(NOT_ADMITTED));
        }
        let admitted = self.decider.view().await?;
        if !admitted.counts() {
            return Err(Error::Internal("the Region was removed, or set back to an earlier state"));
        }
        let (dated_ms, now_ms) = (dated.as_millis(), admitted.outside_time().as_millis());
        if dated_ms.abs_diff(now_ms) > SIGNATURE_WINDOW_MS {
            return Err(Error::Internal("the signature is not of this time"));
        }
        let mut facts = AuditFacts::default();
        let answer = self.decider.decide(call, admitted, &mut facts).await;
        if answer.is_ok() {
            self.note_use(call, &facts);
        }
        answer
    }

    fn note_use(&self, call: &Call, facts: &AuditFacts) {
        let Some(operation) = UsageOperation::of(call.request.operation()) else { return };
        let at = self.group.applied().state.region_time();
        let event = RequestId::from_random(*call.request_id.bytes());
        let last = LastUsage { at, operation, request: call.request_id, event };
        facts.resources.iter().for_each(|arn| self.usage.note(arn.key, last));
    }
}
