//! Steps on links: partition, isolate, delay, heal. The supervisor disturbs connections between nodes; clients and operators
//! still reach every node.

use kms_types::Region;

use crate::{
    drill::{
        definition::{Delay, Links, Place},
        in_force::{Bad, Link},
        stage::Stage,
    },
    failure::Failure,
    local::{
        layout::NodeKey,
        links::{LinkFault, Sides, Way},
        network,
    },
};

impl Stage<'_> {
    pub(super) async fn partition(&mut self, links: &Links) -> Result<(), Failure> {
        let [a, b] = self.both(&links.between)?;
        let way = if links.one_way { Way::OneWay } else { Way::Both };
        let what = if links.one_way {
            format!("{b} does not hear {a}")
        } else {
            format!("{a} and {b} cannot hear each other")
        };
        self.cut(what, &a, std::slice::from_ref(&b), way).await
    }

    pub(super) async fn isolate(&mut self, place: &Place) -> Result<(), Failure> {
        let region = self.region(place)?;
        self.isolate_region(&region).await
    }

    /// Cuts a Region off from every other, witnesses included.
    pub(super) async fn isolate_region(&mut self, region: &Region) -> Result<(), Failure> {
        let others = self.others(region);
        self.cut(format!("{region} is cut off from every other Region"), region, &others, Way::Both).await
    }

    /// Cuts the links from `a` to each of `others`.
    pub(super) async fn cut(
        &mut self,
        what: String,
        a: &Region,
        others: &[Region],
        way: Way,
    ) -> Result<(), Failure> {
        self.disturbance_begins();
        let at_ms = self.observer.event(what.clone());
        let to = others.iter().flat_map(|region| self.nodes_of(region)).collect();
        let sides = Sides { from: self.nodes_of(a), to };
        network::disturb(&self.scene.dir, LinkFault::Partition, sides, way).await?;
        self.faults.links(what, others.iter().map(|b| Link::between(a, b)), Bad::Cut, at_ms);
        self.tell_changes();
        Ok(())
    }

    pub(super) async fn delay(&mut self, delay: &Delay) -> Result<(), Failure> {
        let [a, b] = self.both(&delay.between)?;
        let jitter = delay.jitter.map_or_else(String::new, |jitter| format!(" ± {jitter}"));
        let what = format!("{a} and {b} are {}{jitter} apart", delay.by);
        self.disturbance_begins();
        let at_ms = self.observer.event(what.clone());
        let fault = LinkFault::Delay {
            delay_us: delay.by.as_ms() * 1_000,
            jitter_us: delay.jitter.map_or(0, |jitter| jitter.as_ms() * 1_000),
        };
        let sides = Sides { from: self.nodes_of(&a), to: self.nodes_of(&b) };
        network::disturb(&self.scene.dir, fault, sides, Way::Both).await?;
        self.faults.links(what, [Link::between(&a, &b)], Bad::Slow, at_ms);
        Ok(())
    }

    pub(super) async fn heal(&mut self, places: &[Place]) -> Result<(), Failure> {
        let regions = places.iter().map(|place| self.region(place)).collect::<Result<Vec<_>, _>>()?;
        match regions.as_slice() {
            [] => self.heal_all().await,
            [a] => self.heal_between(a, &self.others(a)).await,
            [a, rest @ ..] => self.heal_between(a, rest).await,
        }
    }

    /// Mends every link.
    pub(super) async fn heal_all(&mut self) -> Result<(), Failure> {
        network::mend(&self.scene.dir, None).await?;
        let at_ms = self.observer.event("every link is mended");
        self.faults.healed(|_| true, at_ms);
        Ok(())
    }

    /// Mends the links from `a` to each of `others`.
    pub(super) async fn heal_between(&mut self, a: &Region, others: &[Region]) -> Result<(), Failure> {
        let to = others.iter().flat_map(|region| self.nodes_of(region)).collect();
        network::mend(&self.scene.dir, Some(Sides { from: self.nodes_of(a), to })).await?;
        let names: Vec<&str> = others.iter().map(Region::as_str).collect();
        let at_ms = self.observer.event(format!("mended: {a} and {}", names.join(", ")));
        self.faults.healed(|link| link.has(a) && others.iter().any(|b| link.has(b)), at_ms);
        Ok(())
    }

    fn both(&self, [a, b]: &[Place; 2]) -> Result<[Region; 2], Failure> {
        Ok([self.region(a)?, self.region(b)?])
    }

    pub(super) fn others(&self, region: &Region) -> Vec<Region> {
        self.scene
            .cluster
            .regions
            .iter()
            .map(|plan| &plan.name)
            .filter(|name| *name != region)
            .cloned()
            .collect()
    }

    pub(super) fn nodes_of(&self, region: &Region) -> Vec<NodeKey> {
        self.scene.cluster.nodes().map(|(key, _)| key).filter(|key| key.region == *region).collect()
    }
}
