//! What a test can do to a running cluster: end, freeze, cut off, slow down, fill disks, set clocks wrong, move time, promote.
//!
//! A target is a Region (`eu-west-1`), a node (`eu-west-1/2`), or whoever leads (`eu-west-1/leader`).

use serde::de::IgnoredAny;

use crate::{
    cluster::Cluster,
    error::{Error, io_error},
    status::NodeStatus,
    wait::wait_until,
};
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

    /// Delays everything between two targets, in each direction: a round trip takes twice as much longer.
    pub async fn delay(&self, one: &str, other: &str, by: Duration) -> Result<(), Error> {
        self.link(&["local", "delay", one, other, &as_words(by)]).await
    }

    /// The same, up to `jitter` more or less at random.
    pub async fn delay_with_jitter(
        &self,
        one: &str,
        other: &str,
        by: Duration,
        jitter: Duration,
    ) -> Result<(), Error> {
        self.link(&["local", "delay", one, other, &as_words(by), "--jitter", &as_words(jitter)]).await
    }

    /// Loses this share of the segments between two targets, at each try. What is lost is sent again, later.
    pub async fn loss(&self, one: &str, other: &str, percent: u8) -> Result<(), Error> {
        self.link(&["local", "loss", one, other, &format!("{percent}%")]).await
    }

    /// Lets only so much pass between two targets, in each direction, all connections together.
    pub async fn rate(&self, one: &str, other: &str, bits_per_s: u64) -> Result<(), Error> {
        self.link(&["local", "rate", one, other, &format!("{bits_per_s}bit")]).await
    }

    /// Sets the round-trip times between Regions, each pair once: `("us-east-1", "eu-west-1", 80 ms)`. Half is spent each way.
    pub async fn latency(&self, round_trips: &[(&str, &str, Duration)]) -> Result<(), Error> {
        let line =
            |(one, other, time): &(&str, &str, Duration)| format!("{one} {other} {}\n", as_words(*time));
        let text: String = round_trips.iter().map(line).collect();
        let action = "write a matrix of latencies";
        let file = tempfile::NamedTempFile::new().map_err(io_error(action))?;
        std::fs::write(file.path(), text).map_err(io_error(action))?;
        self.link(&["local", "latency", &file.path().to_string_lossy()]).await
    }

    /// Key material waits for so long before it is installed on the other side, and a Region before it takes over a key:
    /// `Creating` and `Updating` last for as long.
    pub async fn slow_replication(&self, one: &str, other: &str, by: Duration) -> Result<(), Error> {
        self.link(&["local", "slow-replication", one, other, &as_words(by)]).await
    }

    /// Fills the disks of `target`: from now on none of its files can grow. A node that has to write ends, and stays down
    /// until [`Cluster::disk_free`].
    pub async fn disk_full(&self, target: &str) -> Result<(), Error> {
        self.link(&["local", "disk-full", target]).await
    }

    /// Makes room again; a node that ended for want of it is started. Returns when `target` serves.
    pub async fn disk_free(&self, target: &str) -> Result<(), Error> {
        self.link(&["local", "disk-free", target]).await?;
        self.wait_ready(Some(target)).await
    }

    /// Sets the clocks of `target` wrong: so many seconds ahead of the machine's, or behind; 0 ends it. Region time follows a
    /// majority of a Region's clocks.
    pub async fn skew(&self, target: &str, ahead_s: i64) -> Result<(), Error> {
        let skew = if ahead_s == 0 { "0".to_owned() } else { format!("{ahead_s:+}s") };
        self.link(&["local", "skew", target, &skew]).await
    }

    /// Ends every fault but killed and paused nodes, everywhere.
    pub async fn heal(&self) -> Result<(), Error> {
        self.link(&["local", "heal"]).await
    }

    /// Ends every fault of the network between two targets.
    pub async fn heal_between(&self, one: &str, other: &str) -> Result<(), Error> {
        self.link(&["local", "heal", one, other]).await
    }

    /// The faults in force, a line each, as `meridian local faults` prints them: `delay 80ms  us-east-1 <-> eu-west-1`.
    pub async fn faults(&self) -> Result<Vec<String>, Error> {
        Ok(self.status().await?.faults)
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

/// A time as commands read it.
fn as_words(time: Duration) -> String {
    format!("{}us", time.as_micros())
}
