//! Nodes that are set back to an earlier state of their disk (A5): they must take no part until they are removed and added
//! again, and nobody else may be refused.
//!
//! Set back are only nodes of which every other node of the Region durably remembers more than the earlier state holds. That
//! is the whole limit: a node of which somebody that can admit it remembers nothing looks like one that was merely away
//! (docs/adr/0021-admission.md).

use crate::address::Address;
use crate::deployment::Deployment;
use crate::disk::DiskImage;
use crate::host::Host;
use crate::invariants::{Violation, broken};
use crate::repair::Repair;
use crate::standing::KnownHistories;
use kms_node::group::Stage;
use kms_raft::{NodeIncarnation, Seen};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub(crate) struct Rollbacks {
    images: BTreeMap<Address, DiskImage>,
    /// Who durably remembers what of whom. Stays true while a node is down: no power cut takes what an fsync covered.
    remembered: BTreeMap<(Address, Address), Seen>,
    /// Set back, and not replaced yet.
    back: BTreeSet<Address>,
    /// Which history of each Region all this is about.
    histories: KnownHistories,
}

/// What became of an attempt.
pub(crate) enum Attempt {
    /// The disk is remembered, for a later attempt.
    Kept,
    /// The node runs on an earlier state of its disk.
    SetBack,
    /// Somebody remembers no more than the earlier state: the node goes on with its own disk.
    Undone,
    /// Another node of the Region is on its way back, or this one does not vote.
    Passed,
}

impl Rollbacks {
    /// Sets a node back, if there is an earlier state of its disk and the others remember more.
    pub(crate) fn attempt(
        &mut self,
        deployment: &mut Deployment,
        victim: Address,
        mending: impl Fn(Address) -> bool,
        start: &mut dyn FnMut(&mut Host) -> Result<(), Violation>,
    ) -> Result<Attempt, Violation> {
        let near: Vec<Address> =
            deployment.of_region(victim.region).map(|host| host.address).filter(|a| *a != victim).collect();
        let busy = |address: &Address| mending(*address) || self.back.contains(address);
        let Some(life) = life_of_voter(deployment, victim) else { return Ok(Attempt::Passed) };
        if near.len() < 2 || near.iter().any(busy) || busy(&victim) {
            return Ok(Attempt::Passed);
        }
        self.follow_histories(deployment);
        let Some(image) = self.images.remove(&victim) else {
            self.keep_images(deployment, victim);
            return Ok(Attempt::Kept);
        };
        self.observe(deployment);
        let Some(host) = deployment.hosts.get_mut(&victim) else { return Ok(Attempt::Passed) };
        host.kill();
        let present = host.disk.image();
        host.disk.restore(image);
        host.disk.survive_power_cut();
        start(host)?;
        if self.everybody_remembers(deployment, victim, life, &near) {
            self.back.insert(victim);
            self.remembered.retain(|(by, _), _| *by != victim);
            return Ok(Attempt::SetBack);
        }
        if let Some(host) = deployment.hosts.get_mut(&victim) {
            host.kill();
            host.disk.restore(present);
            start(host)?;
        }
        Ok(Attempt::Undone)
    }

    /// A node does not open the data directory of another incarnation, so what a Region had in another history is over.
    fn follow_histories(&mut self, deployment: &Deployment) {
        for region in self.histories.begun(&deployment.standings, deployment.regions()) {
            self.images.retain(|of, _| of.region != region);
            self.back.retain(|of| of.region != region);
            self.remembered.retain(|(by, _), _| by.region != region);
        }
    }

    /// What is on the disks of a Region now.
    fn keep_images(&mut self, deployment: &Deployment, near: Address) {
        for host in deployment.of_region(near.region) {
            self.images.insert(host.address, host.disk.image());
        }
    }

    /// Looks at what everybody remembers.
    pub(crate) fn observe(&mut self, deployment: &Deployment) {
        self.follow_histories(deployment);
        for (by, host) in &deployment.hosts {
            let Some(node) = host.node() else { continue };
            for of in deployment.of_region(by.region).map(|host| host.address) {
                if let Some(seen) = node.group.standings().stored(of.node) {
                    self.remembered.insert((*by, of), seen);
                }
            }
        }
    }

    fn everybody_remembers(
        &self,
        deployment: &Deployment,
        victim: Address,
        life: NodeIncarnation,
        near: &[Address],
    ) -> bool {
        let own = deployment.hosts.get(&victim).and_then(Host::node).map(|node| node.group.standings().own());
        own.is_some_and(|own| {
            near.iter().all(|by| {
                let seen = self.remembered.get(&(*by, victim));
                seen.is_some_and(|seen| seen.incarnation == life && own.forgotten(seen).is_some())
            })
        })
    }

    /// True while a node runs on an earlier state of its disk.
    pub(crate) fn is_back(&self, address: Address) -> bool {
        self.back.contains(&address)
    }

    /// Nodes with another disk are back on their way.
    pub(crate) fn forget(&mut self, repairs: &[Repair]) {
        for repair in repairs.iter().filter(|repair| repair.has_replaced_disk()) {
            self.back.remove(&repair.address);
            self.images.remove(&repair.address);
            self.remembered.retain(|(by, _), _| *by != repair.address);
        }
    }

    /// Who went back takes no part, and who did not is not refused (A5).
    pub(crate) fn check(&self, deployment: &Deployment, repairs: &[Repair]) -> Result<(), Violation> {
        for (address, host) in &deployment.hosts {
            let Some(node) = host.node() else { continue };
            if self.back.contains(address) {
                if node.group.is_admitted() {
                    return broken("A5", format!("{address} takes part although it was set back"));
                }
            } else if let Stage::Refused(why) = node.group.stage()
                && !repairs.iter().any(|repair| repair.address == *address)
            {
                return broken("A5", format!("{address} is refused although it was not set back: {why}"));
            }
        }
        Ok(())
    }
}

fn life_of_voter(deployment: &Deployment, address: Address) -> Option<NodeIncarnation> {
    let newest = deployment.newest(address.region)?;
    let votes = newest.membership.voter_ids().any(|voter| voter == address.node);
    let mut members = newest.membership.nodes().filter(|_| votes);
    members.find(|(node, _)| **node == address.node).map(|(_, peer)| peer.incarnation)
}
