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

    /// Cuts every link between two targets, both ways: bytes are held, as by a cable that is out, until [`Cluster::heal`].
    /// Clients still reach every node.
    pub async fn partition(&self, one: &str, other: &str) -> Result<(), Error> {
        self.link(&["local", "partition", one, other]).await
    }

    /// As [`Cluster::partition`], but only what `from` sends to `to` is held.
    pub async fn partition_one_way(&self, from: &str, to: &str) -> Result<(), Error> {
        self.link(&["local", "partition", from, to, "--one-way"]).await
    }

    /// Cuts `target` off from everything else in the cluster.
    pub async fn isolate(&self, target: &str) -> Result<(), Error> {
        self.link(&["local", "isolate", target]).await
    }

    /// Delays everything between two targets, in each direction.
    pub async fn delay(&self, one: &str, other: &str, by: Duration) -> Result<(), Error> {
        self.link(&["local", "delay", one, other, &format!("{}ms", by.as_millis())]).await
    }

    /// Loses this share of the segments between two targets, at each try.
    pub async fn loss(&self, one: &str, other: &str, percent: u8) -> Result<(), Error> {
        self.link(&["local", "loss", one, other, &format!("{percent}%")]).await
    }

    /// Ends partitions, delays and losses everywhere.
    pub async fn heal(&self) -> Result<(), Error> {
        self.link(&["local", "heal"]).await
    }

    /// Ends partitions, delays and losses between two targets.
    pub async fn heal_between(&self, one: &str, other: &str) -> Result<(), Error> {
        self.link(&["local", "heal", one, other]).await
    }

    async fn link(&self, arguments: &[&str]) -> Result<(), Error> {
        self.ask::<IgnoredAny>(arguments).await.map(drop)
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
