//! The one task that owns a local cluster's processes: starts them, obeys fault commands, reports, stops everything.
//!
//! Does not restart what dies unless told to: a cluster for failure drills must not hide a failure.

use rustix::process::Signal;
use std::{
    collections::BTreeMap,
    io,
    process::ExitStatus,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{
    failure::Failure,
    local::{
        attendants::Attendants,
        control::{Action, Reply, Request},
        gateway::Gateway,
        health::HealthTable,
        layout::{Cluster, NodeKey, RegionPlan, loopback},
        links::{Links, Sides},
        node_faults::NodeFault,
        process::Launcher,
        report::{NodeReport, ProcessState, RegionReport, Report},
    },
};

mod shape;
mod slot;

#[cfg(test)]
mod tests;

use slot::{RESTART_AFTER, Slot, how_it_ended};

/// How long a node may take to stop before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
const RESTART_AFTER_MOST: Duration = Duration::from_secs(8);
/// A node that ran this long was started well: the next restart begins again with the short delay.
const SETTLED: Duration = Duration::from_secs(30);

/// What the supervisor's task waits for.
pub enum Event {
    /// A node's process ended.
    Exited {
        /// The node.
        node: NodeKey,
        /// Which of its processes.
        generation: u64,
        /// How.
        status: io::Result<ExitStatus>,
    },
    /// A delayed restart falls due.
    Restart {
        /// The node.
        node: NodeKey,
        /// The process that had ended.
        generation: u64,
    },
    /// A client asks.
    Request(Request, oneshot::Sender<Reply>),
}

/// Whether nodes that die by themselves are started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// They stay down and are reported.
    Never,
    /// They are started again, with growing delays.
    Backoff,
}

/// What a supervisor works on.
pub struct Parts {
    /// What the cluster consists of.
    pub cluster: Arc<Cluster>,
    /// Starts nodes.
    pub launcher: Launcher,
    /// What happens to nodes that die.
    pub restart: Restart,
    /// Which nodes serve.
    pub health: Arc<HealthTable>,
    /// The connections between nodes.
    pub links: Arc<Links>,
    /// The way of clients to nodes.
    pub gateway: Arc<Gateway>,
    /// What runs around nodes and Regions.
    pub attendants: Attendants,
}

/// The state behind the task.
pub struct Supervisor {
    cluster: Arc<Cluster>,
    launcher: Launcher,
    restart: Restart,
    health: Arc<HealthTable>,
    links: Arc<Links>,
    gateway: Arc<Gateway>,
    attendants: Attendants,
    nodes: BTreeMap<NodeKey, Slot>,
    /// Counts processes. A node that comes back under its old name must not be taken for the one that was.
    generations: u64,
    events: mpsc::UnboundedSender<Event>,
    stop: CancellationToken,
}

impl Supervisor {
    /// A supervisor that has started nothing yet; `stop` is cancelled by a `down` request.
    pub fn new(parts: Parts, events: mpsc::UnboundedSender<Event>, stop: CancellationToken) -> Self {
        let Parts { cluster, launcher, restart, health, links, gateway, attendants } = parts;
        let nodes = cluster.nodes().map(|(key, _)| (key, Slot::new())).collect();
        let generations = 0;
        Self {
            cluster,
            launcher,
            restart,
            health,
            links,
            gateway,
            attendants,
            nodes,
            generations,
            events,
            stop,
        }
    }

    /// Starts every node.
    pub fn start_all(&mut self) -> Result<(), Failure> {
        let keys: Vec<NodeKey> = self.nodes.keys().cloned().collect();
        keys.iter().try_for_each(|key| self.start(key))
    }

    /// Obeys events until `stop`, then stops every node.
    pub async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Event>) {
        let stop = self.stop.clone();
        while let Some(Some(event)) = stop.run_until_cancelled(inbox.recv()).await {
            self.handle(event);
        }
        self.stop_all(&mut inbox).await;
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Exited { node, generation, status } => self.ended(&node, generation, status),
            Event::Restart { node, generation } => self.restart_due(&node, generation),
            Event::Request(request, answer) => {
                let reply = self.answer(&request);
                let _ = answer.send(reply);
            }
        }
    }

    fn answer(&mut self, request: &Request) -> Reply {
        match request {
            Request::Status => Reply::Status(self.report()),
            Request::Down => {
                self.stop.cancel();
                Reply::Done
            }
            Request::Fault { action, nodes } => {
                done(nodes.iter().try_for_each(|node| self.fault(*action, node)))
            }
            Request::Link { fault, sides, way } => {
                let disturbed = self.links.disturb(*fault, sides, *way);
                self.tell_slowness();
                done(disturbed)
            }
            Request::Heal { sides } => done(self.heal(sides.as_ref())),
            Request::Node { fault, nodes } => {
                done(nodes.iter().try_for_each(|node| self.disturb(*fault, node)))
            }
            Request::SetRegion { plan } => done(self.set_region(plan)),
            Request::DropRegion { region } => done(self.drop_region(region)),
        }
    }

    fn fault(&mut self, action: Action, node: &NodeKey) -> Result<(), Failure> {
        let slot = self.slot(node)?;
        let running = slot.process.as_ref();
        match (action, running) {
            (Action::Start, None) => return self.start(node),
            (Action::Start, Some(process)) => match slot.state {
                ProcessState::Killed => slot.start_when_ended = true,
                ProcessState::Paused => {
                    process.signal(Signal::CONT);
                    slot.state = ProcessState::Running;
                }
                _ => {}
            },
            (Action::Kill | Action::Stop, Some(process)) => {
                let stop = action == Action::Stop;
                process.signal(if stop { Signal::TERM } else { Signal::KILL });
                // A frozen process would hear of it only later.
                process.signal(Signal::CONT);
                slot.state = ProcessState::Killed;
                slot.start_when_ended = false;
            }
            (Action::Kill | Action::Stop, None) => slot.state = ProcessState::Killed,
            (Action::Pause, Some(process)) => {
                process.signal(Signal::STOP);
                slot.state = ProcessState::Paused;
            }
            (Action::Resume, Some(process)) => {
                process.signal(Signal::CONT);
                slot.state = ProcessState::Running;
            }
            (Action::Pause | Action::Resume, None) => return Err(not_running(node)),
        }
        Ok(())
    }

    /// Ends faults of the network between `sides`; without sides, those of single nodes as well.
    fn heal(&mut self, sides: Option<&Sides>) -> Result<(), Failure> {
        self.links.heal(sides)?;
        self.tell_slowness();
        if sides.is_none() {
            let nodes: Vec<NodeKey> = self.nodes.keys().cloned().collect();
            for node in &nodes {
                self.disturb(NodeFault::Skew { skew_ms: 0 }, node)?;
                self.disturb(NodeFault::DiskFree, node)?;
            }
        }
        Ok(())
    }

    fn disturb(&mut self, fault: NodeFault, node: &NodeKey) -> Result<(), Failure> {
        let slot = self.slot(node)?;
        slot.disturb(|disturbance| match fault {
            NodeFault::DiskFull => disturbance.disk_full = true,
            NodeFault::DiskFree => disturbance.disk_full = false,
            NodeFault::Skew { skew_ms } => disturbance.skew_ms = skew_ms,
        });
        if slot.died_of_full_disk() { self.start(node) } else { Ok(()) }
    }

    /// Tells each node whose keys are slow to come to it.
    fn tell_slowness(&mut self) {
        for (node, slot) in &mut self.nodes {
            let slow = self.links.slowness(node);
            slot.disturb(|disturbance| disturbance.slow_replication_ms = slow);
        }
    }

    fn slot(&mut self, node: &NodeKey) -> Result<&mut Slot, Failure> {
        self.nodes.get_mut(node).ok_or_else(|| Failure::Refused(format!("the cluster has no node `{node}`")))
    }

    fn start(&mut self, node: &NodeKey) -> Result<(), Failure> {
        let (launcher, events, generation) =
            (self.launcher.clone(), self.events.clone(), self.generations + 1);
        let slot = self.slot(node)?;
        slot.process = Some(launcher.spawn(node, &slot.disturbance, generation, events)?);
        slot.state = ProcessState::Running;
        slot.generation = generation;
        slot.started = Instant::now();
        slot.start_when_ended = false;
        slot.met_full_disk = slot.disturbance.disk_full;
        self.generations = generation;
        Ok(())
    }

    fn ended(&mut self, node: &NodeKey, generation: u64, status: io::Result<ExitStatus>) {
        self.health.gone(node);
        let Ok(slot) = self.slot(node) else { return };
        if slot.generation != generation {
            return;
        }
        slot.process = None;
        if std::mem::take(&mut slot.start_when_ended) {
            return self.start_again(node);
        }
        if slot.state != ProcessState::Killed {
            let how = status.map_or_else(|error| error.to_string(), how_it_ended);
            tracing::warn!(%node, %how, "a node died by itself");
            slot.state = ProcessState::Exited { how };
            if slot.died_of_full_disk() {
                return self.start_again(node);
            }
            self.plan_restart(node);
        }
    }

    fn plan_restart(&mut self, node: &NodeKey) {
        if self.restart == Restart::Never {
            return;
        }
        let events = self.events.clone();
        let Ok(slot) = self.slot(node) else { return };
        if slot.started.elapsed() > SETTLED {
            slot.delay = RESTART_AFTER;
        }
        let (delay, generation, node) = (slot.delay, slot.generation, node.clone());
        slot.delay = (delay * 2).min(RESTART_AFTER_MOST);
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            let _ = events.send(Event::Restart { node, generation });
        });
    }

    fn restart_due(&mut self, node: &NodeKey, generation: u64) {
        let Ok(slot) = self.slot(node) else { return };
        let still_down = slot.generation == generation && matches!(slot.state, ProcessState::Exited { .. });
        if still_down {
            slot.restarts += 1;
            self.start_again(node);
        }
    }

    fn start_again(&mut self, node: &NodeKey) {
        if let Err(error) = self.start(node) {
            tracing::error!(%node, error = error.explain(), "cannot start a node again");
        }
    }

    /// Asks all nodes to stop at once, since the last to go would wait in vain for the others; kills who does not.
    async fn stop_all(&mut self, inbox: &mut mpsc::UnboundedReceiver<Event>) {
        self.signal_all(Signal::TERM);
        self.signal_all(Signal::CONT);
        if tokio::time::timeout(STOP_TIMEOUT, self.all_ended(inbox)).await.is_err() {
            tracing::warn!("killing nodes that did not stop in time");
            self.signal_all(Signal::KILL);
            let _ = tokio::time::timeout(STOP_TIMEOUT, self.all_ended(inbox)).await;
        }
    }

    fn signal_all(&self, signal: Signal) {
        self.nodes
            .values()
            .filter_map(|slot| slot.process.as_ref())
            .for_each(|process| process.signal(signal));
    }

    async fn all_ended(&mut self, inbox: &mut mpsc::UnboundedReceiver<Event>) {
        while self.nodes.values().any(|slot| slot.process.is_some()) {
            match inbox.recv().await {
                Some(Event::Exited { node, .. }) => {
                    self.health.gone(&node);
                    if let Ok(slot) = self.slot(&node) {
                        slot.process = None;
                    }
                }
                Some(Event::Request(Request::Status, answer)) => {
                    drop(answer.send(Reply::Status(self.report())))
                }
                Some(_) => {}
                None => return,
            }
        }
    }

    fn report(&self) -> Report {
        Report {
            pid: std::process::id(),
            data_dir: self.launcher.dir.root().to_owned(),
            deployment: self.cluster.deployment,
            endpoint: self.cluster.endpoint(),
            regions: self.cluster.regions.iter().map(|r| self.region_report(r)).collect(),
            links: self.links.report(),
        }
    }

    fn region_report(&self, region: &RegionPlan) -> RegionReport {
        let keyed = region.nodes.iter().map(|n| (NodeKey { region: region.name.clone(), id: n.id }, n));
        let nodes = keyed.filter_map(|(key, plan)| {
            let slot = self.nodes.get(&key)?;
            Some(NodeReport {
                id: plan.id,
                process: slot.state.clone(),
                // A killed process is as good as gone, also while the kernel still takes it apart.
                pid: slot.process.as_ref().filter(|_| slot.state != ProcessState::Killed).map(|p| p.pid),
                ready: slot.state == ProcessState::Running && self.health.is_ready(&key),
                restarts: slot.restarts,
                disk_full: slot.disturbance.disk_full,
                skew_ms: slot.disturbance.skew_ms,
                api: plan.api(),
                cluster: plan.cluster(),
            })
        });
        let endpoint = region.gateway.map(|port| format!("http://{}", loopback(port)));
        RegionReport { name: region.name.clone(), role: region.role, endpoint, nodes: nodes.collect() }
    }
}

fn done(result: Result<(), Failure>) -> Reply {
    result.map_or_else(|error| Reply::Refused { message: error.explain() }, |()| Reply::Done)
}

fn not_running(node: &NodeKey) -> Failure {
    Failure::Refused(format!("node `{node}` is not running: `meridian local start {node}` starts it"))
}
