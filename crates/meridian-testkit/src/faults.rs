//! What a test can do to a running cluster: end, freeze, cut off, move time, promote.
//!
//! A target is a Region (`eu-west-1`), a node (`eu-west-1/2`), or whoever leads (`eu-west-1/leader`).

use serde::de::IgnoredAny;

use crate::{cluster::Cluster, error::Error, status::NodeStatus, wait::wait_until};
use std::time::Duration;

/// How long a signal may take to show.
const FAULT_LIMIT: Duration = Duration::from_secs(30);

impl Cluster {
    /// Ends `target` with SIGKILL; returns when no process of it is left. It stays down until [`Cluster::start`].
    pub async fn kill(&self, target: &str) -> Result<(), Error> {
        let nodes = self.fault("kill", target).await?;
        self.wait_nodes(&nodes, "is gone", |node| node.state == "killed" && node.pid.is_none()).await
    }

    /// Freezes `target` with SIGSTOP: connections stay open, and nothing answers.
    pub async fn pause(&self, target: &str) -> Result<(), Error> {
        let nodes = self.fault("pause", target).await?;
        self.wait_nodes(&nodes, "is paused", |node| node.state == "paused").await
    }

    /// Lets a paused `target` run on; returns when it serves.
    pub async fn resume(&self, target: &str) -> Result<(), Error> {
        self.fault("resume", target).await?;
        self.wait_ready(Some(target)).await
    }

    /// Starts a `target` that is down, on its old data; returns when it serves.
    pub async fn start(&self, target: &str) -> Result<(), Error> {
        self.fault("start", target).await?;
        self.wait_ready(Some(target)).await
    }

    /// Moves the time of every Region forward; returns when the rotations, deletions and expiries of these days have
    /// happened everywhere.
    pub async fn advance_clock(&self, days: u32) -> Result<(), Error> {
        let by = format!("{days}d");
        self.ask::<IgnoredAny>(&["local", "clock", "advance", &by]).await.map(drop)
    }

    /// Makes `region` primary of every multi-Region key whose primary was in the Region `lost`.
    pub async fn promote(&self, lost: &str, region: &str) -> Result<(), Error> {
        self.ask::<IgnoredAny>(&["region", "promote", lost, "--in", region]).await.map(drop)
    }

    /// Does `verb` to `target`; the answer is which nodes that was, by name.
    async fn fault(&self, verb: &str, target: &str) -> Result<Vec<String>, Error> {
        #[derive(serde::Deserialize)]
        struct Answer {
            nodes: Vec<String>,
        }
        Ok(self.ask::<Answer>(&["local", verb, target]).await?.nodes)
    }

    async fn wait_nodes(
        &self,
        names: &[String],
        what: &str,
        holds: impl Fn(&NodeStatus) -> bool,
    ) -> Result<(), Error> {
        wait_until(format!("{} {what}", names.join(", ")), FAULT_LIMIT, || async {
            let status = self.status().await.ok()?;
            let mut nodes = names.iter().flat_map(|name| status.nodes(name));
            nodes.all(&holds).then_some(())
        })
        .await
    }
}
