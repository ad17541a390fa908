//! `snapshot` and `restore`: an earlier state of a node's or Region's disks comes back.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    drill::{
        definition::Aim,
        in_force::Ill,
        stage::Stage,
        steps::{missed, replacement::snapshots},
    },
    failure::{Failure, io_error},
    local::{control::Action, layout::NodeKey},
};

const END_TIMEOUT: Duration = Duration::from_secs(20);

impl Stage<'_> {
    pub(super) async fn snapshot(&mut self, aim: &Aim) -> Result<(), Failure> {
        let nodes = self.nodes(aim).await?;
        let region = self.region(&aim.place)?;
        self.disturbance_begins();
        let at_ms = self.observer.event(format!("stopping {} for a copy of its disks", self.named(&nodes)));
        self.act(Action::Stop, &nodes).await?;
        self.faults.nodes(format!("{}: stopped for a copy", self.named(&nodes)), &nodes, Ill::Down, at_ms);
        self.ended(&nodes).await?;
        for node in &nodes {
            let (from, to) = (self.data(node), self.copy_of(node));
            copy_tree(&from, &to)?;
        }
        self.bring_up(Action::Start, nodes).await?;
        self.serving(&region, crate::drill::definition::Time::from_ms(90_000)).await
    }

    /// The nodes run on an earlier state of their disks.
    pub(super) async fn restore(&mut self, aim: &Aim) -> Result<(), Failure> {
        let nodes = self.nodes(aim).await?;
        if let Some(node) = nodes.iter().find(|node| !self.copy_of(node).exists()) {
            return Err(missed(format!("there is no copy of {node}: a `snapshot` step comes first")));
        }
        self.disturbance_begins();
        let at_ms = self.observer.event(format!("{} goes back to the copy", self.named(&nodes)));
        self.act(Action::Kill, &nodes).await?;
        self.faults.nodes(format!("{}: restored", self.named(&nodes)), &nodes, Ill::Down, at_ms);
        self.ended(&nodes).await?;
        for node in &nodes {
            let data = self.data(node);
            fs::remove_dir_all(&data).map_err(io_error("remove", &data))?;
            copy_tree(&self.copy_of(node), &data)?;
        }
        self.bring_up(Action::Start, nodes).await
    }

    fn data(&self, node: &NodeKey) -> PathBuf {
        self.scene.dir.node(node).join("data")
    }

    fn copy_of(&self, node: &NodeKey) -> PathBuf {
        snapshots(self.scene.dir.root()).join(node.region.as_str()).join(node.id.to_string())
    }

    /// Waits until the processes are gone: who reaps them removes the files with their ids.
    async fn ended(&self, nodes: &[NodeKey]) -> Result<(), Failure> {
        let until = Instant::now() + END_TIMEOUT;
        while let Some(node) = nodes.iter().find(|node| self.scene.dir.node_pid(node).exists()) {
            if Instant::now() > until {
                return Err(missed(format!("{node} has not ended after {END_TIMEOUT:?}")));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

fn copy_tree(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to).map_err(io_error("create", to))?;
    for entry in fs::read_dir(from).map_err(io_error("read", from))? {
        let entry = entry.map_err(io_error("read", from))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_tree(&path, &target)?;
        } else {
            fs::copy(&path, &target).map_err(io_error("copy", &path))?;
        }
    }
    Ok(())
}
