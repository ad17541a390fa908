//! Steps on nodes: kill, stop, pause, resume, start, restart, transfer-leader; and the clock of the local cluster.

use kms_transport::admin_messages as messages;
use std::time::{Duration, Instant};

use crate::{
    admin::Operator,
    drill::{
        definition::{Aim, Place},
        in_force::Ill,
        stage::Stage,
        steps::missed,
    },
    failure::Failure,
    local::{
        clock::{self, Span},
        control::{self, Action, Request},
        layout::NodeKey,
        target::{Selector, Target},
    },
};

/// Probes notice within this time that a node is gone.
const GONE_TIMEOUT: Duration = Duration::from_secs(5);
/// Generous: debug builds on a busy machine.
const RESTART_TIMEOUT: Duration = Duration::from_secs(90);
const CLOCK_TIMEOUT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(50);

impl Stage<'_> {
    pub(super) async fn kill(&mut self, aim: &Aim) -> Result<(), Failure> {
        self.take_down(aim, Action::Kill, "killed").await
    }

    pub(super) async fn stop_nodes(&mut self, aim: &Aim) -> Result<(), Failure> {
        self.take_down(aim, Action::Stop, "stopped").await
    }

    pub(super) async fn pause(&mut self, aim: &Aim) -> Result<(), Failure> {
        self.take_down(aim, Action::Pause, "frozen").await
    }

    async fn take_down(&mut self, aim: &Aim, action: Action, past: &str) -> Result<(), Failure> {
        let nodes = self.nodes(aim).await?;
        let what = format!("{}: {past}", self.named(&nodes));
        let ill = if action == Action::Pause { Ill::Frozen } else { Ill::Down };
        self.disturbance_begins();
        let at_ms = self.observer.event(format!("{} goes down", what.replace(&format!(": {past}"), "")));
        self.act(action, &nodes).await?;
        self.faults.nodes(what, &nodes, ill, at_ms);
        Ok(())
    }

    pub(super) async fn resume(&mut self, aim: &Aim) -> Result<(), Failure> {
        let nodes = self.ill_among(aim, Ill::Frozen)?;
        self.bring_up(Action::Resume, nodes).await
    }

    /// Starts those of the nodes that are down.
    pub(super) async fn start(&mut self, aim: &Aim) -> Result<(), Failure> {
        let nodes = self.ill_among(aim, Ill::Down)?;
        self.bring_up(Action::Start, nodes).await
    }

    pub(super) async fn bring_up(&mut self, action: Action, nodes: Vec<NodeKey>) -> Result<(), Failure> {
        let verb = if action == Action::Resume { "resuming" } else { "starting" };
        let at_ms = self.observer.event(format!("{verb} {}", self.named(&nodes)));
        // Otherwise the probes' last word may still be that of before the fault.
        self.seen_broken(&nodes).await;
        self.act(action, &nodes).await?;
        self.faults.mended(&nodes, at_ms);
        Ok(())
    }

    async fn seen_broken(&self, nodes: &[NodeKey]) {
        for region in nodes.iter().map(|node| &node.region) {
            let _ = tokio::time::timeout(GONE_TIMEOUT, self.watchman.broken(region)).await;
        }
    }

    fn ill_among(&self, aim: &Aim, ill: Ill) -> Result<Vec<NodeKey>, Failure> {
        let region = self.region(&aim.place)?;
        let chosen = |node: &NodeKey| match aim.nodes {
            Selector::Id(id) => node.id == id,
            // Who leads now is no matter: the one that led is meant, and it is down.
            Selector::All | Selector::Leader => true,
        };
        let nodes: Vec<NodeKey> =
            self.faults.ill(ill).into_iter().filter(|node| node.region == region && chosen(node)).collect();
        let none = || {
            missed(format!(
                "no such node of {region} is {}",
                if ill == Ill::Down { "down" } else { "frozen" }
            ))
        };
        if nodes.is_empty() { Err(none()) } else { Ok(nodes) }
    }

    /// Stops and starts each of the nodes, when the one before serves again.
    pub(super) async fn restart(&mut self, aim: &Aim) -> Result<(), Failure> {
        for node in self.nodes(aim).await? {
            let one = std::slice::from_ref(&node);
            self.disturbance_begins();
            let at_ms = self.observer.event(format!("restarting {node}"));
            self.faults.nodes(format!("{node}: restart"), one, Ill::Down, at_ms);
            self.act(Action::Stop, one).await?;
            self.act(Action::Start, one).await?;
            self.ready(&node).await?;
            let ready_ms = self.observer.event(format!("{node} serves again"));
            self.faults.mended(one, ready_ms);
            let took = ready_ms.saturating_sub(at_ms);
            self.figures.restart_ms = self.figures.restart_ms.max(Some(took));
        }
        Ok(())
    }

    /// The supervisor takes a node for ready only after the process that it asked for has answered.
    pub(super) async fn ready(&self, node: &NodeKey) -> Result<(), Failure> {
        let until = Instant::now() + RESTART_TIMEOUT;
        loop {
            let report = control::report(&self.scene.dir).await?;
            if report
                .nodes()
                .any(|(region, seen)| region.name == node.region && seen.id == node.id && seen.ready)
            {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(missed(format!("{node} does not serve after {RESTART_TIMEOUT:?}")));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    pub(super) async fn transfer_leader(&mut self, place: &Place) -> Result<(), Failure> {
        let region = self.region(place)?;
        let plan = self.scene.region(&region).ok_or_else(|| missed(format!("there is no {region}")))?;
        let operator = Operator::of_cluster(&self.scene.dir)?;
        if let Some(leader) = operator.leader(&self.scene.cluster(), &region).await {
            self.old_leaders.insert(region.clone(), leader);
        }
        let mut client = operator.connect_leader(&plan).await?;
        let request = messages::TransferLeaderRequest { node: None };
        let reply = client.transfer_leader(request).await.map_err(|error| missed(error.to_string()))?;
        self.observer.event(format!("{region}: {}", reply.summary));
        Ok(())
    }

    pub(super) async fn advance_clock(&mut self, by: Span) -> Result<(), Failure> {
        self.observer.event(format!("moving the time of every Region forward by {by}"));
        clock::move_forward(&self.scene.dir, by, CLOCK_TIMEOUT).await
    }

    /// The nodes that are meant. A leader that is about to be hurt is remembered.
    pub(super) async fn nodes(&mut self, aim: &Aim) -> Result<Vec<NodeKey>, Failure> {
        let nodes = self.resolve(aim).await?;
        if let (true, [leader]) = (aim.is_leader(), nodes.as_slice()) {
            self.old_leaders.insert(leader.region.clone(), leader.id);
        }
        Ok(nodes)
    }

    /// The nodes that are meant.
    pub(super) async fn resolve(&self, aim: &Aim) -> Result<Vec<NodeKey>, Failure> {
        let region = self.region(&aim.place)?;
        let leader = match aim.is_leader() {
            true => Operator::of_cluster(&self.scene.dir)?.leader(&self.scene.cluster(), &region).await,
            false => None,
        };
        Target { region, nodes: aim.nodes }.resolve(&self.scene.cluster(), leader)
    }

    pub(super) async fn act(&self, action: Action, nodes: &[NodeKey]) -> Result<(), Failure> {
        let request = Request::Fault { action, nodes: nodes.to_vec() };
        control::request(&self.scene.dir, &request).await.map(|_| ())
    }

    /// Nodes in words: a whole Region by its name.
    pub(super) fn named(&self, nodes: &[NodeKey]) -> String {
        let whole = nodes.first().and_then(|node| self.scene.region(&node.region));
        match whole.filter(|region| region.nodes.len() == nodes.len() && nodes.len() > 1) {
            Some(region) => format!("every node of {}", region.name),
            None => nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        }
    }
}
