//! A running cluster, and what tests talk to.

use aws_sdk_kms::{Client, config::Builder as ConfigBuilder};
use serde::de::DeserializeOwned;
use std::{collections::BTreeMap, ffi::OsStr, fmt, path::Path, time::Duration};

use crate::{
    builder::Builder,
    client, command,
    error::Error,
    status::{NodeStatus, Status},
    supervisor::{Announced, Supervisor},
    wait::wait_until,
};

/// How long a node that was started, healed or resumed may take to serve.
const READY_LIMIT: Duration = Duration::from_secs(90);

/// Regions of real processes on free ports of this machine. Dropping it ends them and deletes their data.
pub struct Cluster {
    supervisor: Supervisor,
    endpoint: String,
    pub(crate) regions: Vec<String>,
}

impl Cluster {
    /// A cluster to describe and start.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn new(supervisor: Supervisor, announced: Announced, regions: Vec<String>) -> Self {
        Self { supervisor, endpoint: announced.endpoint, regions }
    }

    /// The data Regions, in the order in which they were named or came.
    pub fn regions(&self) -> &[String] {
        &self.regions
    }

    /// The endpoint that serves every Region; the Region that a request is signed for chooses.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A client of `region`, through whichever of its nodes serves.
    pub fn client(&self, region: &str) -> Client {
        Client::from_conf(self.config(region).build())
    }

    /// What [`Cluster::client`] is made of, to change before use: other credentials, retries, timeouts.
    pub fn config(&self, region: &str) -> ConfigBuilder {
        client::config(&self.endpoint, region)
    }

    /// A client of one node, `eu-west-1/2` or `eu-west-1/leader`.
    pub async fn node_client(&self, node: &str) -> Result<Client, Error> {
        let region = node.split('/').next().unwrap_or(node);
        let status = self.status().await?;
        let [found] = status.nodes(node)[..] else { return Err(Error::NotOneNode(node.to_owned())) };
        let endpoint = format!("http://{}", found.api);
        Ok(Client::from_conf(client::config(&endpoint, region).build()))
    }

    /// The environment in which other programs, such as the aws CLI, find the cluster.
    pub async fn env(&self) -> Result<BTreeMap<String, String>, Error> {
        self.ask(&["local", "env"]).await
    }

    /// The cluster's directory: configuration, nodes' logs, data. It goes with the cluster, unless the environment
    /// variable MERIDIAN_TESTKIT_KEEP is set.
    pub fn data_dir(&self) -> &Path {
        self.supervisor.data_dir()
    }

    /// The process that owns the nodes.
    pub fn supervisor_pid(&self) -> u32 {
        self.supervisor.pid()
    }

    /// What every Region and node is doing.
    pub async fn status(&self) -> Result<Status, Error> {
        self.ask(&["local", "status"]).await
    }

    /// Waits until every node of `target` serves: a Region, a node, or the whole cluster if `None`.
    pub async fn wait_ready(&self, target: Option<&str>) -> Result<(), Error> {
        let what = format!("every node of {} serves", target.unwrap_or("the cluster"));
        wait_until(what, READY_LIMIT, || async {
            let status = self.status().await.ok()?;
            let nodes: Vec<&NodeStatus> = match target {
                Some(target) => status.nodes(target),
                None => status.regions.iter().flat_map(|region| &region.nodes).collect(),
            };
            (!nodes.is_empty() && nodes.iter().all(|node| node.ready)).then_some(())
        })
        .await
    }

    /// The JSON answer of any `meridian` command about this cluster, for example `["local", "clock", "show"]`.
    pub async fn command(&self, words: &[&str]) -> Result<serde_json::Value, Error> {
        self.ask(words).await
    }

    pub(crate) async fn ask<T: DeserializeOwned>(&self, arguments: &[impl AsRef<OsStr>]) -> Result<T, Error> {
        command::ask(&self.supervisor, arguments).await
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, regions, .. } = self;
        f.debug_struct("Cluster")
            .field("endpoint", endpoint)
            .field("regions", regions)
            .finish_non_exhaustive()
    }
}
