//! `replace-node`: a node's disk is lost; a new node with a new number takes its place, by the operators' commands, while
//! clients go on.

use kms_transport::{AdminClient, admin_messages as messages};
use kms_types::Region;
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    admin::Operator,
    drill::{callers::Callers, definition::Aim, in_force::Ill, stage::Stage, steps::missed, verify::sweep},
    entropy::OsEntropy,
    failure::{Failure, io_error},
    local::{
        control::{self, Action, Request},
        generate::certificate,
        layout::{NodeKey, NodePlan, RegionPlan},
        ports,
        regions::ended,
    },
    probe::Probe,
};

const LEADER_TIMEOUT: Duration = Duration::from_secs(30);
const READY_TIMEOUT: Duration = Duration::from_secs(60);
const NOTICE_TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);

impl Stage<'_> {
    pub(super) async fn replace_node(&mut self, aim: &Aim) -> Result<(), Failure> {
        let nodes = self.nodes(aim).await?;
        let [old] = nodes.as_slice() else { return Err(missed("one node is replaced at a time")) };
        self.lose_disk(old).await?;
        let (new, plan) = self.equip(old)?;
        let mut region = self.plan_of(&old.region)?;
        region.nodes.push(plan.clone());
        self.set_region(&region).await?;
        self.observer.event(format!("{new} starts with an empty disk, in the place of {old}"));
        self.change_members(old, &new, &plan).await?;
        region.nodes.retain(|node| node.id != old.id);
        self.serves_in_place_of(old, &new, &plan).await?;
        self.set_region(&region).await
    }

    /// Kills the node and deletes its data: a disk that is gone.
    async fn lose_disk(&mut self, node: &NodeKey) -> Result<(), Failure> {
        self.disturbance_begins();
        let at_ms = self.observer.event(format!("{node} is killed, and its disk is gone"));
        self.act(Action::Kill, std::slice::from_ref(node)).await?;
        self.faults.nodes(format!("{node}: disk lost"), std::slice::from_ref(node), Ill::Down, at_ms);
        let _ = tokio::time::timeout(NOTICE_TIMEOUT, self.watchman.broken(&node.region)).await;
        ended(&self.scene.dir, std::slice::from_ref(node)).await?;
        let data = self.scene.dir.node(node).join("data");
        std::fs::remove_dir_all(&data).map_err(io_error("remove", &data))
    }

    /// Gives the new node its number, ports and certificate.
    fn equip(&self, old: &NodeKey) -> Result<(NodeKey, NodePlan), Failure> {
        let used = self.plan_of(&old.region)?.nodes.iter().map(|node| node.id).max().unwrap_or(0);
        let mut free = ports::choose(None, 2, &mut OsEntropy)?;
        let mut port = || free.next().ok_or(Failure::NoFreePorts(2));
        let plan = NodePlan { id: used + 1, api: port()?, cluster: port()? };
        let new = NodeKey { region: old.region.clone(), id: plan.id };
        certificate(&self.scene.dir, &new)?;
        Ok((new, plan))
    }

    fn plan_of(&self, region: &Region) -> Result<RegionPlan, Failure> {
        let plan = self.scene.region(region);
        plan.ok_or_else(|| missed(format!("there is no {region}")))
    }

    /// The supervisor runs these nodes from now on, and the gateway routes to them.
    async fn set_region(&self, plan: &RegionPlan) -> Result<(), Failure> {
        control::request(&self.scene.dir, &Request::SetRegion { plan: plan.clone() }).await?;
        self.scene.refresh()
    }

    /// As docs/operations/members.md says: add, promote, then remove the dead one.
    async fn change_members(&self, old: &NodeKey, new: &NodeKey, plan: &NodePlan) -> Result<(), Failure> {
        let add = messages::AddNodeRequest {
            node: new.id,
            cluster: plan.cluster().to_string(),
            api: plan.api().to_string(),
        };
        let told = |result: Result<messages::ChangeReply, kms_transport::AdminError>| {
            let reply = result.map_err(|error| missed(format!("members of {}: {error}", old.region)))?;
            self.observer.event(format!("{}: {}", old.region, reply.summary));
            Ok::<(), Failure>(())
        };
        told(self.region_leader(&old.region).await?.add_node(add).await)?;
        told(
            self.region_leader(&old.region).await?.promote_node(messages::NodeRequest { node: new.id }).await,
        )?;
        told(self.region_leader(&old.region).await?.remove_node(messages::NodeRequest { node: old.id }).await)
    }

    pub(super) async fn region_leader(&self, region: &Region) -> Result<AdminClient, Failure> {
        let operator = Operator::of_cluster(&self.scene.dir)?;
        let plan = self.plan_of(region)?;
        let until = Instant::now() + LEADER_TIMEOUT;
        loop {
            match operator.connect_leader(&plan).await {
                Err(_) if Instant::now() < until => tokio::time::sleep(POLL).await,
                done => return done,
            }
        }
    }

    /// The new node answers probes, and opens every ciphertext by itself.
    async fn serves_in_place_of(
        &mut self,
        old: &NodeKey,
        new: &NodeKey,
        plan: &NodePlan,
    ) -> Result<(), Failure> {
        let (probe, until) = (Probe::new(), Instant::now() + READY_TIMEOUT);
        while probe.ready(plan.api(), POLL * 5).await != Some(true) {
            if Instant::now() > until {
                return Err(missed(format!("{new} does not serve after {READY_TIMEOUT:?}")));
            }
            tokio::time::sleep(POLL).await;
        }
        let old_api = self.scene.cluster().nodes().find(|(key, _)| key == old).map(|(_, plan)| plan.api());
        if let Some(old_api) = old_api {
            self.watchman.replace(&old.region, old_api, plan.api());
        }
        let at_ms = self.observer.event(format!("{new} serves"));
        self.faults.mended(std::slice::from_ref(old), at_ms);
        let endpoint = format!("http://{}", plan.api());
        let direct = Callers::new(&endpoint, std::slice::from_ref(&new.region), Arc::clone(&self.observer));
        let found = sweep(&direct, self.observer.every_sealed(), std::slice::from_ref(&new.region)).await;
        let fine = format!("{} ciphertexts", found.decrypts);
        self.checks.none(format!("{new} opens every ciphertext by itself"), &found.failures, fine);
        Ok(())
    }

    /// Deletes what `snapshot` steps put aside.
    pub(super) fn delete_snapshots(&self) {
        let _ = std::fs::remove_dir_all(snapshots(self.scene.dir.root()));
    }
}

/// Where `snapshot` steps put their copies.
pub(super) fn snapshots(root: &Path) -> std::path::PathBuf {
    root.join("snapshots")
}
