//! Which nodes answer `GET /ready`, probed all the time. Only the gateway and reports use it; nothing is decided on it
//! that could make an answer wrong.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};
use tokio::sync::watch;

use crate::{
    local::layout::{Cluster, NodeKey},
    probe::Probe,
};

const INTERVAL: Duration = Duration::from_millis(250);
const TIMEOUT: Duration = Duration::from_millis(1000);
/// After so many failed probes in a row a node is taken for frozen or gone, and calls to it are given up.
const LOST_AFTER: u32 = 3;

/// What is known of one node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Health {
    /// The last probe was answered with 200.
    pub ready: bool,
    /// Probes in a row without any answer.
    pub silent: u32,
}

impl Health {
    /// True if the node has not answered for a while.
    pub fn is_lost(&self) -> bool {
        self.silent >= LOST_AFTER
    }
}

/// The health of every node. Nodes come and go.
#[derive(Debug, Default)]
pub struct HealthTable(RwLock<BTreeMap<NodeKey, watch::Sender<Health>>>);

impl HealthTable {
    /// A table in which nobody has answered yet.
    pub fn new(cluster: &Cluster) -> Self {
        let table = Self::default();
        cluster.nodes().for_each(|(key, _)| table.add(key));
        table
    }

    /// One more node, which has not answered yet.
    pub fn add(&self, node: NodeKey) {
        let mut nodes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        nodes.insert(node, watch::Sender::new(Health::default()));
    }

    /// A node that is no more. Who follows it sees it lost.
    pub fn remove(&self, node: &NodeKey) {
        self.gone(node);
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(node);
    }

    /// True if the node answered its last probe.
    pub fn is_ready(&self, node: &NodeKey) -> bool {
        self.nodes().get(node).is_some_and(|health| health.borrow().ready)
    }

    /// Follows one node's health.
    pub fn follow(&self, node: &NodeKey) -> Option<watch::Receiver<Health>> {
        self.nodes().get(node).map(watch::Sender::subscribe)
    }

    fn nodes(&self) -> RwLockReadGuard<'_, BTreeMap<NodeKey, watch::Sender<Health>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The node's process has ended: no need to wait for probes.
    pub fn gone(&self, node: &NodeKey) {
        self.set(node, |health| *health = Health { ready: false, silent: LOST_AFTER });
    }

    /// A connection to the node failed.
    pub fn suspect(&self, node: &NodeKey) {
        self.set(node, |health| health.ready = false);
    }

    fn set(&self, node: &NodeKey, change: impl FnOnce(&mut Health)) {
        if let Some(health) = self.nodes().get(node) {
            health.send_modify(change);
        }
    }

    fn answered(&self, node: &NodeKey, ready: Option<bool>) {
        self.set(node, |health| {
            *health = match ready {
                Some(ready) => Health { ready, silent: 0 },
                None => Health { ready: false, silent: health.silent.saturating_add(1) },
            };
        });
    }
}

/// Probes a node until the task is dropped.
pub async fn watch_node(probe: Probe, node: NodeKey, address: SocketAddr, table: Arc<HealthTable>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        table.answered(&node, probe.ready(address, TIMEOUT).await);
    }
}
