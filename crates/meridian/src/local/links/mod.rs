//! The network between the nodes of a local cluster, with its faults: every connection that a node makes to another goes
//! through the supervisor, which holds, delays and slows down bytes as commands say ([ADR 0016](../../../../docs/adr/0016-faults.md)).
//!
//! ```text
//!   node us-east-1/1 ──CONNECT──► its exit ──pump──► node eu-west-1/2
//!                                    │ Flow (rules there and back)
//!                                    ▼
//!                     Table: (from, to) → cut, delay, loss, rate
//! ```
//!
//! Sees ciphertext only: TLS is between the nodes. Clients and operators do not come through here.

mod exit;
mod flow;
mod pump;
mod rule;
mod table;
mod view;
mod words;

use kms_types::Region;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};
use tokio::sync::watch;

use crate::{
    failure::{Failure, io_error},
    local::{
        layout::{Cluster, NodeKey},
        ports,
    },
};
pub use exit::Exit;
pub use rule::{FaultError, LinkFault};
use table::Table;
pub use table::{LinkReport, Sides, Way};
use view::View;
pub use words::{BitRate, Latency, Share, WordError};

const DIRECT: &str =
    "the nodes connect directly: `meridian local up` without --direct can disturb the network";

/// Who carries bytes between nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carriage {
    /// The supervisor, which can disturb it.
    Supervisor,
    /// Nobody: they connect directly, so that nothing between them takes time.
    Direct,
}

/// The faults of all connections between nodes.
#[derive(Debug)]
pub struct Links {
    cluster: RwLock<Arc<Cluster>>,
    carriage: Carriage,
    table: watch::Sender<Arc<Table>>,
}

impl Links {
    /// Without any fault.
    pub fn new(cluster: Arc<Cluster>, carriage: Carriage) -> Arc<Self> {
        Arc::new(Self { cluster: RwLock::new(cluster), carriage, table: watch::Sender::default() })
    }

    /// From now on the cluster is another one. What was wrong with nodes that are no more is forgotten.
    pub fn set_cluster(&self, cluster: Arc<Cluster>) {
        let known: BTreeSet<NodeKey> = cluster.nodes().map(|(key, _)| key).collect();
        *self.cluster.write().unwrap_or_else(PoisonError::into_inner) = cluster;
        self.change(|table| table.keep(&known));
    }

    fn cluster(&self) -> Arc<Cluster> {
        self.cluster.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens the way out of each of `nodes`, on any free ports; none if nodes connect directly.
    pub fn open(self: &Arc<Self>, nodes: &[NodeKey]) -> Result<Vec<Exit>, Failure> {
        let mut exits = Vec::new();
        if self.carriage == Carriage::Direct {
            return Ok(exits);
        }
        for node in nodes {
            let listener = ports::listen(0)
                .map_err(io_error("open a port for connections of", Path::new("this cluster")))?;
            exits.push(Exit { node: node.clone(), listener, links: self.clone() });
        }
        Ok(exits)
    }

    /// Puts a fault in force, for the connections that there are and those to come.
    pub fn disturb(&self, fault: LinkFault, sides: &Sides, way: Way) -> Result<(), Failure> {
        fault.check().map_err(|error| Failure::Refused(error.to_string()))?;
        self.check(sides)?;
        if self.carriage == Carriage::Direct {
            return Err(Failure::Refused(DIRECT.into()));
        }
        self.change(|table| table.disturb(fault, sides, way));
        Ok(())
    }

    /// Ends the faults between the sides, or all.
    pub fn heal(&self, sides: Option<&Sides>) -> Result<(), Failure> {
        sides.map_or(Ok(()), |sides| self.check(sides))?;
        self.change(|table| table.heal(sides));
        Ok(())
    }

    /// How much later key material from each Region counts at a node, in milliseconds.
    pub fn slowness(&self, node: &NodeKey) -> BTreeMap<Region, u64> {
        self.table.borrow().slowness(node)
    }

    /// What is in force.
    pub fn report(&self) -> Vec<LinkReport> {
        self.table.borrow().report(&self.cluster())
    }

    fn check(&self, sides: &Sides) -> Result<(), Failure> {
        let nodes: BTreeSet<NodeKey> = self.cluster().nodes().map(|(key, _)| key).collect();
        match sides.from.iter().chain(&sides.to).find(|node| !nodes.contains(node)) {
            Some(unknown) => Err(Failure::Refused(format!("the cluster has no node `{unknown}`"))),
            None if sides.from == sides.to && sides.from.len() == 1 => {
                Err(Failure::Refused("there is no way from a node to itself".into()))
            }
            None => Ok(()),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Table)) {
        self.table.send_modify(|table| change(Arc::make_mut(table)));
    }

    fn view(&self, from: &NodeKey, to: SocketAddr) -> View {
        let known = self.cluster().nodes().find(|(_, node)| node.cluster() == to).map(|(key, _)| key);
        let ends = known.map(|to| (from.clone(), to));
        View::new(self.table.subscribe(), ends)
    }
}

impl Exit {
    /// Whose it is.
    pub fn node(&self) -> &NodeKey {
        &self.node
    }

    /// Whose it is, and where the node finds it.
    pub fn address(&self) -> Result<(NodeKey, SocketAddr), Failure> {
        let address = self.listener.local_addr();
        address
            .map(|address| (self.node.clone(), address))
            .map_err(io_error("look at a port of", Path::new("this cluster")))
    }
}

#[cfg(test)]
pub(super) mod tests;
