//! Steps on nodes that go on running: full disks and wrong clocks.

use crate::{
    drill::{
        definition::{Aim, SkewClock},
        in_force::Flaw,
        stage::Stage,
        steps::missed,
    },
    failure::Failure,
    local::{
        control::{self, Request},
        layout::NodeKey,
        node_faults::NodeFault,
    },
};

impl Stage<'_> {
    /// A node that has to write from now on ends; it is not waited for.
    pub(super) async fn disk_full(&mut self, aim: &Aim) -> Result<(), Failure> {
        let nodes = self.nodes(aim).await?;
        self.disturbance_begins();
        let what = format!("{}: disk full", self.named(&nodes));
        let at_ms = self.observer.event(what.clone());
        self.flaw(NodeFault::DiskFull, &nodes).await?;
        self.faults.flawed(what, &nodes, Flaw::DiskFull, at_ms);
        Ok(())
    }

    /// Ends when every one of the nodes serves.
    pub(super) async fn disk_free(&mut self, aim: &Aim) -> Result<(), Failure> {
        let meant = self.resolve(aim).await?;
        let full = self.faults.with(Flaw::DiskFull);
        // Who leads now is no matter: the one that led is meant.
        let of_region = |node: &NodeKey| meant.iter().any(|other| other.region == node.region);
        let chosen = |node: &NodeKey| meant.contains(node) || (aim.is_leader() && of_region(node));
        let nodes: Vec<NodeKey> = full.into_iter().filter(chosen).collect();
        if nodes.is_empty() {
            return Err(missed(format!("no disk of `{aim}` is full")));
        }
        let at_ms = self.observer.event(format!("{}: room on the disk again", self.named(&nodes)));
        self.flaw(NodeFault::DiskFree, &nodes).await?;
        for node in &nodes {
            self.ready(node).await?;
        }
        self.faults.cured(|node, flaw| flaw == Flaw::DiskFull && nodes.contains(node), at_ms);
        Ok(())
    }

    pub(super) async fn skew(&mut self, wanted: &SkewClock) -> Result<(), Failure> {
        let (nodes, skew) = (self.nodes(&wanted.of).await?, wanted.by.0);
        let what = match skew.ms {
            0 => format!("{}: clock set right", self.named(&nodes)),
            _ => format!("{}: clock {skew}", self.named(&nodes)),
        };
        if skew.ms != 0 {
            self.disturbance_begins();
        }
        let at_ms = self.observer.event(what.clone());
        self.flaw(NodeFault::Skew { skew_ms: skew.ms }, &nodes).await?;
        match skew.ms {
            0 => self.faults.cured(|node, flaw| flaw == Flaw::Skewed && nodes.contains(node), at_ms),
            _ => self.faults.flawed(what, &nodes, Flaw::Skewed, at_ms),
        }
        Ok(())
    }

    async fn flaw(&self, fault: NodeFault, nodes: &[NodeKey]) -> Result<(), Failure> {
        let request = Request::Node { fault, nodes: nodes.to_vec() };
        control::request(&self.scene.dir, &request).await.map(drop)
    }
}
