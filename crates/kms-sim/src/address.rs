use kms_types::{Incarnation, NodeId};
use std::fmt;

/// Regions by number; the last one of a deployment with a witness is that.
pub(crate) type RegionNumber = usize;

/// The names of the Regions.
pub(crate) const REGIONS: [&str; 4] = ["us-east-1", "eu-west-1", "ap-southeast-2", "eu-central-1"];

/// A node of the deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address {
    pub(crate) region: RegionNumber,
    pub(crate) node: NodeId,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", REGIONS.get(self.region).copied().unwrap_or("?"), self.node)
    }
}

/// One life of a node: from its start to its end. What an earlier life still says is not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Endpoint {
    pub(crate) address: Address,
    pub(crate) life: u64,
    /// Of which history of its Region.
    pub(crate) incarnation: Incarnation,
}
