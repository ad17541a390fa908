//! Which rule applies between which nodes, and the same in the words of the commands.

use kms_types::Region;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::rule::{LinkFault, Rate, Rule};
use crate::local::layout::{Cluster, NodeKey};

/// A direction between two nodes: from, to.
type Pair = (NodeKey, NodeKey);

/// Both directions, or only from the first to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// Both directions.
    Both,
    /// From the first to the second.
    OneWay,
}

/// The nodes on the two sides of a fault. A node that is on both sides is not cut off from itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides {
    /// The one side.
    pub from: Vec<NodeKey>,
    /// The other side.
    pub to: Vec<NodeKey>,
}

impl Sides {
    fn pairs(&self) -> impl Iterator<Item = Pair> {
        let of = |from: &NodeKey| self.to.iter().map(|to| (from.clone(), to.clone())).collect::<Vec<_>>();
        self.from.iter().flat_map(of).filter(|(from, to)| from != to)
    }
}

/// A fault in force, in the widest words that are true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkReport {
    /// What is wrong.
    #[serde(flatten)]
    pub fault: LinkFault,
    /// A Region or a node.
    pub from: String,
    /// A Region or a node.
    pub to: String,
    /// In which directions.
    pub way: Way,
}

impl fmt::Display for LinkReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrow = match self.way {
            Way::Both => "<->",
            Way::OneWay => "-->",
        };
        write!(f, "{}  {} {arrow} {}", self.fault, self.from, self.to)
    }
}

/// The rules that are in force. Who is not in it is not disturbed.
#[derive(Debug, Clone, Default)]
pub(super) struct Table(BTreeMap<Pair, Rule>);

impl Table {
    pub(super) fn rule(&self, from: &NodeKey, to: &NodeKey) -> Rule {
        if self.0.is_empty() {
            return Rule::default();
        }
        self.0.get(&(from.clone(), to.clone())).cloned().unwrap_or_default()
    }

    /// Puts a fault in force. All pairs of one direction share a rate.
    pub(super) fn disturb(&mut self, fault: LinkFault, sides: &Sides, way: Way) {
        let turned = Sides { from: sides.to.clone(), to: sides.from.clone() };
        let both = [Some(sides), (way == Way::Both).then_some(&turned)];
        for sides in both.into_iter().flatten() {
            let rate = match fault {
                LinkFault::Rate { bits_per_s } => Some(Rate::new(bits_per_s)),
                LinkFault::Partition
                | LinkFault::Delay { .. }
                | LinkFault::SlowReplication { .. }
                | LinkFault::Loss { .. } => None,
            };
            for pair in sides.pairs() {
                let rule = self.0.remove(&pair).unwrap_or_default().with(fault, rate.as_ref());
                if !rule.is_clear() {
                    self.0.insert(pair, rule);
                }
            }
        }
    }

    /// Ends every fault between the sides, in both directions; without sides, every fault.
    pub(super) fn heal(&mut self, sides: Option<&Sides>) {
        match sides {
            None => self.0.clear(),
            Some(sides) => sides.pairs().for_each(|(from, to)| {
                self.0.remove(&(to.clone(), from.clone()));
                self.0.remove(&(from, to));
            }),
        }
    }

    /// Forgets what is about other nodes than these.
    pub(super) fn keep(&mut self, known: &BTreeSet<NodeKey>) {
        self.0.retain(|(from, to), _| known.contains(from) && known.contains(to));
    }

    /// How much later key material from each Region counts at `to`, in milliseconds.
    pub(super) fn slowness(&self, to: &NodeKey) -> BTreeMap<Region, u64> {
        let mut slow = BTreeMap::new();
        for ((from, _), rule) in self.0.iter().filter(|((_, at), _)| at == to) {
            let ms = u64::try_from(rule.slow_replication.as_millis()).unwrap_or(u64::MAX);
            if ms > 0 && from.region != to.region {
                let slowest = slow.entry(from.region.clone()).or_insert(ms);
                *slowest = ms.max(*slowest);
            }
        }
        slow
    }

    /// What is in force. `cluster` says which nodes make up a Region.
    pub(super) fn report(&self, cluster: &Cluster) -> Vec<LinkReport> {
        let mut by_fault: BTreeMap<LinkFault, BTreeSet<Pair>> = BTreeMap::new();
        for (pair, rule) in &self.0 {
            rule.faults().for_each(|fault| {
                by_fault.entry(fault).or_default().insert(pair.clone());
            });
        }
        let places = Places::new(cluster);
        by_fault.into_iter().flat_map(|(fault, pairs)| places.lines(fault, pairs)).collect()
    }
}

fn turned((from, to): &Pair) -> Pair {
    (to.clone(), from.clone())
}

/// Regions and nodes, by name.
struct Places {
    regions: Vec<(String, Vec<NodeKey>)>,
    nodes: Vec<(String, Vec<NodeKey>)>,
}

impl Places {
    fn new(cluster: &Cluster) -> Self {
        let nodes_of = |region: &crate::local::layout::RegionPlan| {
            cluster.nodes().map(|(key, _)| key).filter(|key| key.region == region.name).collect()
        };
        Self {
            regions: cluster
                .regions
                .iter()
                .map(|region| (region.name.to_string(), nodes_of(region)))
                .collect(),
            nodes: cluster.nodes().map(|(key, _)| (key.to_string(), vec![key])).collect(),
        }
    }

    /// What has the fault in both directions, then what has it in one.
    fn lines(&self, fault: LinkFault, pairs: BTreeSet<Pair>) -> Vec<LinkReport> {
        let (both, one): (BTreeSet<Pair>, BTreeSet<Pair>) =
            pairs.iter().cloned().partition(|pair| pairs.contains(&turned(pair)));
        let ways = [(Way::Both, both), (Way::OneWay, one)];
        ways.into_iter()
            .flat_map(|(way, pairs)| {
                self.widest(way, pairs).into_iter().map(move |(from, to)| LinkReport { fault, from, to, way })
            })
            .collect()
    }

    /// Names for all of `pairs`: Region to Region where every pair of theirs is in it, then a Region and a node, then nodes.
    fn widest(&self, way: Way, mut pairs: BTreeSet<Pair>) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let (regions, nodes) = (&self.regions, &self.nodes);
        for (froms, tos) in [(regions, regions), (regions, nodes), (nodes, regions), (nodes, nodes)] {
            for (from, to) in froms.iter().flat_map(|from| tos.iter().map(move |to| (from, to))) {
                let sides = Sides { from: from.1.clone(), to: to.1.clone() };
                let mut all = sides.pairs().peekable();
                if all.peek().is_some() && all.all(|pair| pairs.contains(&pair)) {
                    sides.pairs().for_each(|pair| {
                        pairs.remove(&pair);
                        if way == Way::Both {
                            pairs.remove(&turned(&pair));
                        }
                    });
                    found.push((from.0.clone(), to.0.clone()));
                }
                if pairs.is_empty() {
                    return found;
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests;
