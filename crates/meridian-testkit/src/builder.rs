//! What a cluster is to be: Regions, nodes, a witness, the program that runs it.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{binary, cluster::Cluster, error::Error, supervisor::Supervisor};

const REGIONS: [&str; 3] = ["us-east-1", "eu-west-1", "ap-southeast-2"];

/// A cluster that is not started yet. The default is three Regions of one node, which start fastest.
#[derive(Debug, Clone)]
pub struct Builder {
    regions: Vec<String>,
    nodes: u8,
    witness: Option<String>,
    binary: Option<PathBuf>,
    environment: Vec<(OsString, OsString)>,
    start_limit: Duration,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            regions: REGIONS.map(str::to_owned).to_vec(),
            nodes: 1,
            witness: None,
            binary: None,
            environment: Vec::new(),
            start_limit: Duration::from_secs(120),
        }
    }
}

impl Builder {
    /// The data Regions. The first is home to IAM's users and roles.
    #[must_use]
    pub fn regions<R: Into<String>>(mut self, regions: impl IntoIterator<Item = R>) -> Self {
        self.regions = regions.into_iter().map(Into::into).collect();
        self
    }

    /// Nodes per data Region, 1 to 9. With three a Region survives the loss of one.
    #[must_use]
    pub fn nodes(mut self, nodes: u8) -> Self {
        self.nodes = nodes;
        self
    }

    /// One more Region, of one node, that votes between Regions and holds no key material: with it two data Regions
    /// suffice to lose one and promote the other.
    #[must_use]
    pub fn witness(mut self, region: impl Into<String>) -> Self {
        self.witness = Some(region.into());
        self
    }

    /// The `meridian` program, in the place of the one that would be found.
    #[must_use]
    pub fn binary(mut self, path: impl AsRef<Path>) -> Self {
        self.binary = Some(path.as_ref().to_owned());
        self
    }

    /// A variable in the environment of every node, for example `MERIDIAN_QUOTAS=keys_per_account=10`.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// How long all nodes together may take to serve; two minutes unless named.
    #[must_use]
    pub fn start_limit(mut self, limit: Duration) -> Self {
        self.start_limit = limit;
        self
    }

    /// Starts the cluster and returns when every node of every Region serves.
    pub async fn start(self) -> Result<Cluster, Error> {
        let binary = binary::find(self.binary.as_deref())?;
        let (arguments, environment) = (self.arguments(), self.environment);
        let start = move || Supervisor::start(&binary, &arguments, &environment);
        // Blocking, and not cancelled with the caller: a start that is given up ends in `Supervisor::drop`.
        let started = tokio::task::spawn_blocking(start).await;
        let (supervisor, announced) =
            started.map_err(|error| Error::NotStarted { output: error.to_string() })??;
        Ok(Cluster::new(supervisor, announced, self.regions))
    }

    fn arguments(&self) -> Vec<String> {
        let seconds = self.start_limit.as_secs().max(1).to_string();
        let mut arguments = ["--regions", &self.regions.join(",")].map(str::to_owned).to_vec();
        arguments.extend(["--nodes".to_owned(), self.nodes.to_string(), "--wait".to_owned(), seconds]);
        arguments.extend(self.witness.iter().flat_map(|region| ["--witness".to_owned(), region.clone()]));
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wish_becomes_a_flag() {
        let wish = Builder::default().regions(["a-b-1", "c-d-2"]).nodes(3).witness("e-f-3");
        let expected = ["--regions", "a-b-1,c-d-2", "--nodes", "3", "--wait", "120", "--witness", "e-f-3"];
        assert_eq!(wish.arguments(), expected);
    }
}
