//! What `meridian local status` says of a cluster, as far as tests ask.

use serde::Deserialize;

/// A cluster at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Status {
    /// Its Regions, a witness included, in the order in which they were named.
    pub regions: Vec<RegionStatus>,
    /// The faults in force, a line each.
    pub faults: Vec<String>,
}

/// One Region.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct RegionStatus {
    /// Its name.
    pub name: String,
    /// The endpoint that serves this Region alone; none for a witness.
    pub endpoint: Option<String>,
    /// The number of the node that leads, if one does.
    pub leader: Option<u64>,
    /// Its nodes.
    pub nodes: Vec<NodeStatus>,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct NodeStatus {
    /// Its number in the Region, from 1.
    pub id: u64,
    /// `running`, `paused`, `killed` or `exited`.
    pub state: String,
    /// Its process, while there is one.
    pub pid: Option<u32>,
    /// Whether it serves calls.
    pub ready: bool,
    /// The address of its API, `127.0.0.1:PORT`.
    pub api: String,
}

impl Status {
    /// The Region of this name.
    #[must_use]
    pub fn region(&self, name: &str) -> Option<&RegionStatus> {
        self.regions.iter().find(|region| region.name == name)
    }

    /// The nodes of a target such as `eu-west-1` or `eu-west-1/2`; none, if the cluster has no such Region or node.
    #[must_use]
    pub fn nodes(&self, target: &str) -> Vec<&NodeStatus> {
        let (region, node) = target.split_once('/').map_or((target, None), |(r, n)| (r, Some(n)));
        let Some(region) = self.region(region) else { return Vec::new() };
        let wanted = |node: &str, id| match node {
            "leader" => region.leader == Some(id),
            number => number.parse() == Ok(id),
        };
        region.nodes.iter().filter(|found| node.is_none_or(|node| wanted(node, found.id))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_choose_nodes() {
        let node =
            |id| NodeStatus { id, state: "running".into(), pid: None, ready: true, api: String::new() };
        let nodes = vec![node(1), node(2)];
        let region = RegionStatus { name: "r-a-1".into(), endpoint: None, leader: Some(2), nodes };
        let status = Status { regions: vec![region], faults: Vec::new() };
        let ids = |target| status.nodes(target).iter().map(|node| node.id).collect::<Vec<_>>();
        assert_eq!((ids("r-a-1"), ids("r-a-1/1"), ids("r-a-1/leader")), (vec![1, 2], vec![1], vec![2]));
        assert_eq!((ids("r-a-2"), ids("r-a-1/x")), (vec![], vec![]));
    }
}
