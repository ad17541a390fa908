//! The tasks around nodes and Regions: ways out, probes, endpoints. Each ends with what it attends to, and all with the
//! supervisor.

use kms_types::Region;
use std::collections::BTreeMap;
use tokio_util::task::AbortOnDropHandle;

use crate::local::layout::NodeKey;

type Tasks = Vec<AbortOnDropHandle<()>>;

/// Who attends to whom.
#[derive(Debug, Default)]
pub struct Attendants {
    nodes: BTreeMap<NodeKey, Tasks>,
    regions: BTreeMap<Region, Tasks>,
}

impl Attendants {
    /// Runs `task` until the node is dismissed.
    pub fn of_node(&mut self, node: &NodeKey, task: impl Future<Output = ()> + Send + 'static) {
        self.nodes.entry(node.clone()).or_default().push(AbortOnDropHandle::new(tokio::spawn(task)));
    }

    /// Runs `task` until the Region is dismissed.
    pub fn of_region(&mut self, region: &Region, task: impl Future<Output = ()> + Send + 'static) {
        self.regions.entry(region.clone()).or_default().push(AbortOnDropHandle::new(tokio::spawn(task)));
    }

    /// Ends what attends to the node.
    pub fn dismiss_node(&mut self, node: &NodeKey) {
        self.nodes.remove(node);
    }

    /// Ends what attends to the Region itself.
    pub fn dismiss_region(&mut self, region: &Region) {
        self.regions.remove(region);
    }
}
