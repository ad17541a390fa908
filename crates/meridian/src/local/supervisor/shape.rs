//! Regions and nodes that come and go while the cluster runs. Only processes, ports and files: who votes and who is a member is
//! for the Regions to decide, before or after.

use kms_types::Region;
use std::{collections::BTreeMap, sync::Arc};

use super::{Slot, Supervisor};
use crate::{
    failure::Failure,
    local::{
        env_files, gateway, health,
        layout::{NodeKey, NodePlan, RegionPlan},
        links::Exit,
        node_config,
    },
    probe::Probe,
};
use rustix::process::Signal;

impl Supervisor {
    /// From now on the Region is as `plan` says: it may be new, have more nodes, or fewer. New nodes are started, those that
    /// are not in it any more are killed. Their keys and certificates must be there.
    pub(super) fn set_region(&mut self, plan: &RegionPlan) -> Result<(), Failure> {
        let before = self.cluster.region(&plan.name).cloned();
        let old = nodes(before.as_ref());
        let new = nodes(Some(plan));
        if let Some((key, _)) = new.iter().find(|(key, node)| old.get(key).is_some_and(|old| old != *node)) {
            return Err(Failure::Refused(format!("`{key}` cannot move to other ports")));
        }
        let added: Vec<NodeKey> = new.keys().filter(|key| !old.contains_key(key)).cloned().collect();
        // What can fail comes first.
        let exits = self.links.open(&added)?;
        let addresses = exits.iter().map(Exit::address).collect::<Result<_, _>>()?;
        let door = if before.is_none() { gateway::region_door(plan)? } else { None };
        let cluster = Arc::new(self.cluster.with(plan.clone()));
        node_config::write_some(&self.launcher.dir, &cluster, &added, &addresses)?;
        cluster.save(&self.launcher.dir)?;
        env_files::write(&self.launcher.dir, &cluster)?;

        self.links.set_cluster(cluster.clone());
        self.cluster = cluster;
        old.keys().filter(|key| !new.contains_key(key)).for_each(|gone| self.forget_node(gone));
        exits.into_iter().for_each(|exit| self.attendants.of_node(&exit.node().clone(), exit.serve()));
        for (key, node) in new.iter().filter(|(key, _)| added.contains(key)) {
            self.nodes.insert(key.clone(), Slot::new());
            self.health.add(key.clone());
            let (probe, table) = (Probe::new(), self.health.clone());
            self.attendants.of_node(key, health::watch_node(probe, key.clone(), node.api(), table));
        }
        self.gateway.set(plan);
        if let Some(door) = door {
            self.attendants.of_region(&plan.name, self.gateway.clone().serve(door));
        }
        self.tell_slowness();
        added.iter().try_for_each(|node| self.start(node))
    }

    /// The Region is no more: its nodes are killed, and nobody is routed to it. Its files stay.
    pub(super) fn drop_region(&mut self, region: &Region) -> Result<(), Failure> {
        let plan = self.cluster.region(region).cloned();
        let plan = plan.ok_or_else(|| Failure::Refused(format!("the cluster has no Region `{region}`")))?;
        let cluster = Arc::new(self.cluster.without(region));
        if cluster.data_regions().next().is_none() {
            return Err(Failure::Refused(format!("`{region}` is the cluster's only data Region")));
        }
        cluster.save(&self.launcher.dir)?;
        env_files::write(&self.launcher.dir, &cluster)?;
        self.gateway.forget(region);
        self.attendants.dismiss_region(region);
        nodes(Some(&plan)).keys().for_each(|gone| self.forget_node(gone));
        self.links.set_cluster(cluster.clone());
        self.cluster = cluster;
        Ok(())
    }

    /// Its end is reported later, and then nobody knows it.
    fn forget_node(&mut self, node: &NodeKey) {
        if let Some(process) = self.nodes.remove(node).and_then(|slot| slot.process) {
            process.signal(Signal::KILL);
            process.signal(Signal::CONT);
        }
        self.health.remove(node);
        self.attendants.dismiss_node(node);
    }
}

fn nodes(region: Option<&RegionPlan>) -> BTreeMap<NodeKey, NodePlan> {
    let keyed = |region: &RegionPlan| {
        let name = region.name.clone();
        region
            .nodes
            .iter()
            .map(move |node| (NodeKey { region: name.clone(), id: node.id }, node.clone()))
            .collect()
    };
    region.map(keyed).unwrap_or_default()
}
