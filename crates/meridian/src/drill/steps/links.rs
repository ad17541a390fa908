//! Steps on links: partition, isolate, delay, loss, rate, slow-replication, latency, heal. The supervisor disturbs connections
//! between nodes; clients and operators still reach every node.

use kms_types::Region;
use std::collections::BTreeSet;

use crate::{
    drill::{
        definition::{Aim, Delay, Latencies, Loss, Partition, Place, Rate, SlowReplication},
        in_force::Link,
        stage::Stage,
        steps::missed,
    },
    failure::Failure,
    local::{
        latency::Matrix,
        layout::NodeKey,
        links::{Latency, LinkFault, Sides, Way},
        network,
    },
};

/// The two sides of a fault, with their names.
struct Between {
    a: String,
    b: String,
    sides: Sides,
}

impl Between {
    /// Who is concerned, with `there` between the names.
    fn named(&self, way: Way) -> String {
        match way {
            Way::Both => format!("{} and {}", self.a, self.b),
            Way::OneWay => format!("{} to {}", self.a, self.b),
        }
    }
}

fn way(one_way: bool) -> Way {
    if one_way { Way::OneWay } else { Way::Both }
}

impl Stage<'_> {
    pub(super) async fn partition(&mut self, wanted: &Partition) -> Result<(), Failure> {
        let between = self.between(&wanted.between).await?;
        let what = match way(wanted.one_way) {
            Way::OneWay => format!("{} does not hear {}", between.b, between.a),
            Way::Both => format!("{} cannot hear each other", between.named(Way::Both)),
        };
        self.disturb(what, LinkFault::Partition, between.sides, way(wanted.one_way)).await
    }

    pub(super) async fn delay(&mut self, wanted: &Delay) -> Result<(), Failure> {
        let (between, way) = (self.between(&wanted.between).await?, way(wanted.one_way));
        let jitter = wanted.jitter.map_or_else(String::new, |jitter| format!(" ± {jitter}"));
        let what = format!("{}: {}{jitter} apart", between.named(way), wanted.by);
        self.disturb(what, wanted.fault(), between.sides, way).await
    }

    pub(super) async fn loss(&mut self, wanted: &Loss) -> Result<(), Failure> {
        let (between, way) = (self.between(&wanted.between).await?, way(wanted.one_way));
        let what = format!("{}: {} is lost", between.named(way), wanted.share.0);
        self.disturb(what, wanted.fault(), between.sides, way).await
    }

    pub(super) async fn rate(&mut self, wanted: &Rate) -> Result<(), Failure> {
        let (between, way) = (self.between(&wanted.between).await?, way(wanted.one_way));
        let what = format!("{}: {} per second", between.named(way), wanted.at.0);
        self.disturb(what, wanted.fault(), between.sides, way).await
    }

    pub(super) async fn slow_replication(&mut self, wanted: &SlowReplication) -> Result<(), Failure> {
        let between = self.between(&wanted.between).await?;
        let what = format!("{}: key material takes {}", between.named(Way::Both), wanted.by);
        self.disturb(what, wanted.fault(), between.sides, Way::Both).await
    }

    /// Pairs of Regions that the cluster lacks are left out of a preset.
    pub(super) async fn latency(&mut self, wanted: &Latencies) -> Result<(), Failure> {
        let pairs = match wanted {
            Latencies::Preset(preset) => {
                let all = Matrix::of_preset(*preset)?;
                let here = |region: &Region| self.scene.region(region).is_some();
                all.pairs().iter().filter(|(a, b, _)| here(a) && here(b)).cloned().collect()
            }
            Latencies::RoundTrips(pairs) => pairs
                .iter()
                .map(|(a, b, time)| Ok((self.region(a)?, self.region(b)?, time.0)))
                .collect::<Result<Vec<_>, Failure>>()?,
        };
        if pairs.is_empty() {
            return Err(missed("no two Regions of the cluster are in the list of latencies"));
        }
        for (a, b, time) in pairs {
            self.round_trip(&a, &b, time).await?;
        }
        Ok(())
    }

    async fn round_trip(&mut self, a: &Region, b: &Region, time: Latency) -> Result<(), Failure> {
        let fault = LinkFault::Delay { delay_us: time.us / 2, jitter_us: 0 };
        let sides = Sides { from: self.nodes_of(a), to: self.nodes_of(b) };
        self.disturb(format!("{a} and {b}: a round trip takes {time}"), fault, sides, Way::Both).await
    }

    pub(super) async fn isolate(&mut self, aim: &Aim) -> Result<(), Failure> {
        let from = self.nodes(aim).await?;
        let to = self.scene.cluster().nodes().map(|(key, _)| key).filter(|key| !from.contains(key)).collect();
        let what = format!("{} is cut off from everybody else", self.side_name(&from));
        self.disturb(what, LinkFault::Partition, Sides { from, to }, Way::Both).await
    }

    /// Cuts everything from `a` to `others`, and back unless it is one way.
    pub(super) async fn cut(
        &mut self,
        what: String,
        a: &Region,
        others: &[Region],
        way: Way,
    ) -> Result<(), Failure> {
        let to = others.iter().flat_map(|region| self.nodes_of(region)).collect();
        self.disturb(what, LinkFault::Partition, Sides { from: self.nodes_of(a), to }, way).await
    }

    /// Puts a fault in force, and writes it down.
    async fn disturb(
        &mut self,
        what: String,
        fault: LinkFault,
        sides: Sides,
        way: Way,
    ) -> Result<(), Failure> {
        self.disturbance_begins();
        let at_ms = self.observer.event(what.clone());
        let regions =
            |nodes: &[NodeKey]| nodes.iter().map(|node| node.region.clone()).collect::<BTreeSet<_>>();
        let (from, to) = (regions(&sides.from), regions(&sides.to));
        network::disturb(&self.scene.dir, fault, sides, way).await?;
        let links = from.iter().flat_map(|a| to.iter().map(move |b| Link::between(a, b)));
        self.faults.links(what, links, fault.into(), at_ms);
        self.tell_changes();
        Ok(())
    }

    pub(super) async fn heal(&mut self, places: &[Place]) -> Result<(), Failure> {
        let regions = places.iter().map(|place| self.region(place)).collect::<Result<Vec<_>, _>>()?;
        match regions.as_slice() {
            [] => self.heal_all().await,
            [a] => {
                let all: Vec<Region> =
                    self.scene.cluster().regions.iter().map(|plan| plan.name.clone()).collect();
                self.heal_between(a, &all).await
            }
            [a, rest @ ..] => self.heal_between(a, rest).await,
        }
    }

    /// Mends every link, disk and clock. Nodes that ended for want of room are started, and not waited for.
    pub(super) async fn heal_all(&mut self) -> Result<(), Failure> {
        network::mend(&self.scene.dir, None).await?;
        let at_ms = self.observer.event("every link, disk and clock is mended");
        self.faults.healed(|_| true, at_ms);
        self.faults.cured(|_, _| true, at_ms);
        self.tell_changes();
        Ok(())
    }

    /// Mends the links from `a` to each of `others`.
    async fn heal_between(&mut self, a: &Region, others: &[Region]) -> Result<(), Failure> {
        let to = others.iter().flat_map(|region| self.nodes_of(region)).collect();
        network::mend(&self.scene.dir, Some(Sides { from: self.nodes_of(a), to })).await?;
        let names: Vec<&str> = others.iter().filter(|b| *b != a).map(Region::as_str).collect();
        let at_ms = self.observer.event(format!("mended: {a} and {}", names.join(", ")));
        self.faults.healed(|link| others.iter().any(|b| *link == Link::between(a, b)), at_ms);
        self.tell_changes();
        Ok(())
    }

    /// A node that both sides name counts for the first.
    async fn between(&mut self, [a, b]: &[Aim; 2]) -> Result<Between, Failure> {
        let from = self.nodes(a).await?;
        let to: Vec<NodeKey> = self.nodes(b).await?.into_iter().filter(|node| !from.contains(node)).collect();
        if to.is_empty() {
            return Err(missed(format!("`{a}` and `{b}` are the same: there is nothing between them")));
        }
        Ok(Between { a: self.side_name(&from), b: self.side_name(&to), sides: Sides { from, to } })
    }

    /// A whole Region by its name, otherwise the nodes.
    fn side_name(&self, nodes: &[NodeKey]) -> String {
        let whole = nodes.first().and_then(|node| self.scene.region(&node.region));
        match whole.filter(|region| region.nodes.len() == nodes.len()) {
            Some(region) => region.name.to_string(),
            None => nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        }
    }

    pub(super) fn others(&self, region: &Region) -> Vec<Region> {
        let cluster = self.scene.cluster();
        cluster.regions.iter().map(|plan| &plan.name).filter(|name| *name != region).cloned().collect()
    }

    pub(super) fn nodes_of(&self, region: &Region) -> Vec<NodeKey> {
        self.scene.cluster().nodes().map(|(key, _)| key).filter(|key| key.region == *region).collect()
    }
}
