//! `replace-node`: a node's disk is lost; a new node with a new number takes its place, by the operators' commands, while
//! clients go on.

use kms_node::disturbance::Disturbance;
use kms_transport::{
    AdminClient, admin_messages as messages,
    pki::{Authority, PkiError},
};
use kms_types::Region;
use rustix::process::Signal;
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

use crate::{
    admin::Operator,
    clock::now,
    drill::{callers::Callers, definition::Aim, in_force::Ill, stage::Stage, steps::missed, verify::sweep},
    entropy::OsEntropy,
    failure::{Failure, io_error},
    local::{
        control::Action,
        generate::private_dir,
        layout::{NodeKey, NodePlan},
        node_config, ports,
        process::{Launcher, NodeProcess},
        running::own_program,
        supervisor::Event,
    },
    probe::Probe,
};

const LEADER_TIMEOUT: Duration = Duration::from_secs(30);
const READY_TIMEOUT: Duration = Duration::from_secs(60);
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);

/// A node that the supervisor does not know; it ends with the drill.
pub struct Replacement {
    process: NodeProcess,
    ended: mpsc::UnboundedReceiver<Event>,
}

impl Replacement {
    /// Stops it and waits until it is gone.
    pub async fn stop(mut self) {
        self.process.signal(Signal::TERM);
        if tokio::time::timeout(STOP_TIMEOUT, self.ended.recv()).await.is_err() {
            self.process.signal(Signal::KILL);
            let _ = tokio::time::timeout(STOP_TIMEOUT, self.ended.recv()).await;
        }
    }
}

impl Stage<'_> {
    pub(super) async fn replace_node(&mut self, aim: &Aim) -> Result<(), Failure> {
        let nodes = self.nodes(aim).await?;
        let [old] = nodes.as_slice() else { return Err(missed("one node is replaced at a time")) };
        self.lose_disk(old).await?;
        let (new, plan) = self.equip(old)?;
        let (events, ended) = mpsc::unbounded_channel();
        let launcher = Launcher { program: own_program()?, dir: self.scene.dir.clone() };
        let process = launcher.spawn(&new, &Disturbance::default(), 1, events)?;
        self.replacements.push(Replacement { process, ended });
        self.observer.event(format!("{new} starts with an empty disk, in the place of {old}"));
        self.change_members(old, &new, &plan).await?;
        self.serves_in_place_of(old, &new, &plan).await
    }

    /// Kills the node and deletes its data: a disk that is gone.
    async fn lose_disk(&mut self, node: &NodeKey) -> Result<(), Failure> {
        self.disturbance_begins();
        let at_ms = self.observer.event(format!("{node} is killed, and its disk is gone"));
        self.act(Action::Kill, std::slice::from_ref(node)).await?;
        self.faults.nodes(format!("{node}: disk lost"), std::slice::from_ref(node), Ill::Down, at_ms);
        let _ = tokio::time::timeout(STOP_TIMEOUT, self.watchman.broken(&node.region)).await;
        let data = self.scene.dir.node(node).join("data");
        std::fs::remove_dir_all(&data).map_err(io_error("remove", &data))
    }

    /// Gives the new node its number, ports, certificate and configuration.
    fn equip(&self, old: &NodeKey) -> Result<(NodeKey, NodePlan), Failure> {
        let dir = &self.scene.dir;
        let mut cluster = (*self.scene.cluster).clone();
        let none = || missed(format!("there is no {}", old.region));
        let region = cluster.regions.iter_mut().find(|region| region.name == old.region).ok_or_else(none)?;
        let used = region.nodes.iter().map(|node| node.id).max().unwrap_or(0);
        let id = used + 1 + self.replacements.len() as u64;
        let mut free = ports::choose(None, 2, &mut OsEntropy)?;
        let mut port = || free.next().ok_or(Failure::NoFreePorts(2));
        let plan = NodePlan { id, api: port()?, cluster: port()? };
        region.nodes.retain(|node| node.id != old.id);
        region.nodes.push(plan.clone());
        let new = NodeKey { region: old.region.clone(), id };
        private_dir(&dir.node(&new))?;
        let created = |error: PkiError| Failure::Create {
            what: format!("the certificate of {new}"),
            why: error.to_string(),
        };
        let authority = Authority::load(&dir.pki()).map_err(created)?;
        let issued = authority.issue_node(&new.region, id, now()).map_err(created)?;
        issued.write(&dir.node(&new), "node").map_err(created)?;
        node_config::write_one(dir, &cluster, &new)?;
        Ok((new, plan))
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
        let plan =
            self.scene.cluster.region(region).ok_or_else(|| missed(format!("there is no {region}")))?;
        let until = Instant::now() + LEADER_TIMEOUT;
        loop {
            match operator.connect_leader(plan).await {
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
        let old_api = self.scene.cluster.nodes().find(|(key, _)| key == old).map(|(_, plan)| plan.api());
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

    /// Ends the nodes that the supervisor does not know.
    pub(super) async fn stop_replacements(&mut self) {
        for replacement in self.replacements.drain(..) {
            replacement.stop().await;
        }
        let _ = std::fs::remove_dir_all(snapshots(self.scene.dir.root()));
    }
}

/// Where `snapshot` steps put their copies.
pub(super) fn snapshots(root: &Path) -> std::path::PathBuf {
    root.join("snapshots")
}
