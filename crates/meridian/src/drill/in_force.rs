//! The faults that a drill has caused and not yet mended, and the times of all. Book-keeping only; carries nothing out.

use kms_types::Region;
use std::collections::{BTreeMap, BTreeSet};

use crate::{
    drill::report::FaultWindow,
    local::{
        layout::{Cluster, NodeKey},
        links::LinkFault,
    },
};

/// What is wrong with a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ill {
    /// It does not run.
    Down,
    /// It is frozen.
    Frozen,
}

/// What is wrong with a node that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flaw {
    /// Its files cannot grow; it ends when it has to write.
    DiskFull,
    /// Its clock is wrong.
    Skewed,
}

/// What is wrong with a link, at least in one direction or for some of its nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bad {
    /// Nothing arrives.
    Cut,
    /// Everything arrives late.
    Slow,
    /// Some of it is sent again and again.
    Lossy,
    /// Little passes.
    Narrow,
    /// Key material arrives late.
    LateKeys,
}

impl From<LinkFault> for Bad {
    fn from(fault: LinkFault) -> Self {
        match fault {
            LinkFault::Partition => Self::Cut,
            LinkFault::Delay { .. } => Self::Slow,
            LinkFault::Loss { .. } => Self::Lossy,
            LinkFault::Rate { .. } => Self::Narrow,
            LinkFault::SlowReplication { .. } => Self::LateKeys,
        }
    }
}

/// The two ends of a link, in the order of their names; a Region twice for what is between its own nodes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link(Region, Region);

impl Link {
    /// The link between two Regions, whichever is named first.
    pub fn between(a: &Region, b: &Region) -> Self {
        if a <= b { Self(a.clone(), b.clone()) } else { Self(b.clone(), a.clone()) }
    }

    /// True if the Region is one of its ends.
    pub fn has(&self, region: &Region) -> bool {
        self.0 == *region || self.1 == *region
    }
}

/// The faults of one drill.
#[derive(Debug, Default)]
pub struct InForce {
    windows: Vec<FaultWindow>,
    nodes: BTreeMap<NodeKey, (Ill, usize)>,
    flaws: BTreeMap<(NodeKey, Flaw), usize>,
    links: BTreeMap<(Link, Bad), usize>,
}

impl InForce {
    /// From now on these nodes are ill.
    pub fn nodes(&mut self, what: String, nodes: &[NodeKey], ill: Ill, at_ms: u64) {
        let window = self.open(what, at_ms);
        for node in nodes {
            self.nodes.insert(node.clone(), (ill, window));
        }
        self.close_unused(at_ms);
    }

    /// These nodes are mended.
    pub fn mended(&mut self, nodes: &[NodeKey], at_ms: u64) {
        for node in nodes {
            self.nodes.remove(node);
        }
        self.close_unused(at_ms);
    }

    /// From now on these nodes have a flaw.
    pub fn flawed(&mut self, what: String, nodes: &[NodeKey], flaw: Flaw, at_ms: u64) {
        let window = self.open(what, at_ms);
        self.flaws.extend(nodes.iter().map(|node| ((node.clone(), flaw), window)));
        self.close_unused(at_ms);
    }

    /// The flaws that `cured` is true of are gone.
    pub fn cured(&mut self, cured: impl Fn(&NodeKey, Flaw) -> bool, at_ms: u64) {
        self.flaws.retain(|(node, flaw), _| !cured(node, *flaw));
        self.close_unused(at_ms);
    }

    /// The nodes that have this flaw.
    pub fn with(&self, flaw: Flaw) -> Vec<NodeKey> {
        self.flaws.keys().filter(|(_, has)| *has == flaw).map(|(node, _)| node.clone()).collect()
    }

    /// From now on these links are bad.
    pub fn links(&mut self, what: String, links: impl IntoIterator<Item = Link>, bad: Bad, at_ms: u64) {
        let window = self.open(what, at_ms);
        self.links.extend(links.into_iter().map(|link| ((link, bad), window)));
        self.close_unused(at_ms);
    }

    /// The links that `healed` is true of are mended.
    pub fn healed(&mut self, healed: impl Fn(&Link) -> bool, at_ms: u64) {
        self.links.retain(|(link, _), _| !healed(link));
        self.close_unused(at_ms);
    }

    fn open(&mut self, what: String, at_ms: u64) -> usize {
        self.windows.push(FaultWindow { what, from_ms: at_ms, to_ms: None });
        self.windows.len() - 1
    }

    fn close_unused(&mut self, at_ms: u64) {
        let nodes = self.nodes.values().map(|(_, window)| *window).chain(self.flaws.values().copied());
        let used: BTreeSet<usize> = nodes.chain(self.links.values().copied()).collect();
        for (number, window) in self.windows.iter_mut().enumerate() {
            if !used.contains(&number) {
                window.to_ms.get_or_insert(at_ms);
            }
        }
    }

    /// The nodes that are ill in this way.
    pub fn ill(&self, ill: Ill) -> Vec<NodeKey> {
        self.nodes.iter().filter(|(_, (is, _))| *is == ill).map(|(node, _)| node.clone()).collect()
    }

    /// True if the node is neither down nor frozen, and can write.
    pub fn is_well(&self, node: &NodeKey) -> bool {
        !self.nodes.contains_key(node) && !self.flaws.contains_key(&(node.clone(), Flaw::DiskFull))
    }

    /// The Regions without any node that is well.
    pub fn away(&self, cluster: &Cluster) -> BTreeSet<Region> {
        let well: BTreeSet<&Region> = cluster
            .regions
            .iter()
            .filter(|region| {
                region
                    .nodes
                    .iter()
                    .any(|node| self.is_well(&NodeKey { region: region.name.clone(), id: node.id }))
            })
            .map(|region| &region.name)
            .collect();
        cluster
            .regions
            .iter()
            .map(|region| &region.name)
            .filter(|name| !well.contains(name))
            .cloned()
            .collect()
    }

    /// The links between Regions over which nothing arrives, at least in one direction or between some nodes.
    pub fn cut(&self) -> BTreeSet<Link> {
        let cut = self.links.keys().filter(|(link, bad)| *bad == Bad::Cut && link.0 != link.1);
        cut.map(|(link, _)| link.clone()).collect()
    }

    /// True if some link is bad, or some node has a flaw: what the supervisor's `heal` ends.
    pub fn any_to_heal(&self) -> bool {
        !self.links.is_empty() || !self.flaws.is_empty()
    }

    /// True if something is in force.
    pub fn any(&self) -> bool {
        !self.nodes.is_empty() || self.any_to_heal()
    }

    /// When the last fault ended, if none is in force.
    pub fn mended_ms(&self) -> Option<u64> {
        if self.any() { None } else { self.windows.iter().filter_map(|window| window.to_ms).max() }
    }

    /// Every fault with its time.
    pub fn windows(&self) -> &[FaultWindow] {
        &self.windows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: u64) -> NodeKey {
        NodeKey { region: "us-east-1".parse().unwrap(), id }
    }

    #[test]
    fn window_ends_when_its_last_node_is_mended() {
        let mut faults = InForce::default();
        faults.nodes("kill".into(), &[node(1), node(2)], Ill::Down, 10);
        faults.mended(&[node(1)], 20);
        assert_eq!((faults.windows()[0].to_ms, faults.mended_ms()), (None, None));
        faults.mended(&[node(2)], 30);
        assert_eq!((faults.windows()[0].to_ms, faults.mended_ms()), (Some(30), Some(30)));
    }

    #[test]
    fn isolated_region_is_back_when_its_last_link_is() {
        let [a, b, c]: [Region; 3] = ["us-east-1", "eu-west-1", "ap-southeast-2"].map(|r| r.parse().unwrap());
        let mut faults = InForce::default();
        faults.links("isolate".into(), [Link::between(&a, &b), Link::between(&a, &c)], Bad::Cut, 10);
        faults.links("delay".into(), [Link::between(&b, &c)], Bad::Slow, 15);
        assert_eq!(faults.cut(), BTreeSet::from([Link::between(&b, &a), Link::between(&c, &a)]));
        faults.healed(|link| *link == Link::between(&b, &a), 20);
        assert_eq!((faults.windows()[0].to_ms, faults.cut().len()), (None, 1));
        faults.healed(|link| link.has(&a), 30);
        assert_eq!((faults.windows()[0].to_ms, faults.windows()[1].to_ms), (Some(30), None));
        assert!(faults.any() && faults.cut().is_empty());
    }

    #[test]
    fn node_that_is_killed_while_frozen_is_down() {
        let mut faults = InForce::default();
        faults.nodes("pause".into(), &[node(1)], Ill::Frozen, 10);
        faults.nodes("kill".into(), &[node(1)], Ill::Down, 20);
        assert_eq!((faults.ill(Ill::Frozen), faults.ill(Ill::Down)), (vec![], vec![node(1)]));
        assert_eq!(faults.windows()[0].to_ms, Some(20));
    }

    #[test]
    fn flaws_have_windows_of_their_own_and_a_full_disk_is_not_well() {
        let mut faults = InForce::default();
        faults.flawed("clock".into(), &[node(1), node(2)], Flaw::Skewed, 10);
        faults.flawed("disk".into(), &[node(1)], Flaw::DiskFull, 15);
        assert_eq!((faults.is_well(&node(1)), faults.is_well(&node(2))), (false, true));
        faults.cured(|_, flaw| flaw == Flaw::DiskFull, 20);
        assert_eq!((faults.windows()[0].to_ms, faults.windows()[1].to_ms), (None, Some(20)));
        assert!(faults.is_well(&node(1)) && faults.any_to_heal());
        faults.cured(|_, _| true, 30);
        assert_eq!((faults.any(), faults.mended_ms()), (false, Some(30)));
    }

    #[test]
    fn faults_of_one_link_do_not_end_each_other_and_a_region_is_not_cut_off_from_itself() {
        let [a, b]: [Region; 2] = ["us-east-1", "eu-west-1"].map(|r| r.parse().unwrap());
        let mut faults = InForce::default();
        faults.links("delay".into(), [Link::between(&a, &b)], Bad::Slow, 10);
        faults.links("loss".into(), [Link::between(&a, &b)], Bad::Lossy, 15);
        faults.links("inside".into(), [Link::between(&a, &a)], Bad::Cut, 20);
        assert!(faults.windows().iter().all(|window| window.to_ms.is_none()) && faults.cut().is_empty());
    }
}
