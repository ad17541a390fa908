//! Which nodes answer `GET /ready`, probed all the time. Only the gateway and reports use it; nothing is decided on it
//! that could make an answer wrong.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};
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

/// The health of every node.
#[derive(Debug)]
pub struct HealthTable(BTreeMap<NodeKey, watch::Sender<Health>>);

impl HealthTable {
    /// A table in which nobody has answered yet.
    pub fn new(cluster: &Cluster) -> Self {
        Self(cluster.nodes().map(|(key, _)| (key, watch::Sender::new(Health::default()))).collect())
    }

    /// True if the node answered its last probe.
    pub fn is_ready(&self, node: &NodeKey) -> bool {
        self.0.get(node).is_some_and(|health| health.borrow().ready)
    }

    /// Follows one node's health.
    pub fn follow(&self, node: &NodeKey) -> Option<watch::Receiver<Health>> {
        self.0.get(node).map(watch::Sender::subscribe)
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
        if let Some(health) = self.0.get(node) {
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

/// Probes every node until the tasks are dropped with `tasks`.
pub fn watch_all(cluster: &Cluster, table: &Arc<HealthTable>, tasks: &mut tokio::task::JoinSet<()>) {
    let probe = Probe::new();
    for (key, node) in cluster.nodes() {
        tasks.spawn(watch_node(probe.clone(), key, node.api(), table.clone()));
    }
}

async fn watch_node(probe: Probe, node: NodeKey, address: SocketAddr, table: Arc<HealthTable>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        table.answered(&node, probe.ready(address, TIMEOUT).await);
    }
}
