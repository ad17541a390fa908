//! How an operator's command reaches a Region: through a local cluster's directory, or an address and certificate files.

use clap::Args;
use kms_transport::AdminClient;
use kms_types::Region;
use std::{path::PathBuf, time::Duration};

use crate::{
    admin::Operator,
    failure::Failure,
    local::{DirArgs, layout::Cluster},
};

/// A Region elects a leader well within this time.
const LEADER_ATTEMPTS: u32 = 20;
const LEADER_PAUSE: Duration = Duration::from_millis(250);

/// Where to send commands.
#[derive(Debug, Clone, Args)]
pub struct AccessArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// The cluster address of a node of the Region to command, instead of a local cluster.
    #[arg(long, value_name = "HOST:PORT", requires_all = ["ca", "cert", "key_file"])]
    admin: Option<String>,
    /// The deployment's certificate authority (PEM).
    #[arg(long, value_name = "FILE", requires = "admin")]
    ca: Option<PathBuf>,
    /// The operator's certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "admin")]
    cert: Option<PathBuf>,
    /// The operator's private key (PEM).
    #[arg(long = "key-file", value_name = "FILE", requires = "admin")]
    key_file: Option<PathBuf>,
}

/// Where commands go, with everything loaded.
pub enum Access {
    /// A cluster of this machine.
    Local {
        /// What it consists of.
        cluster: Cluster,
        /// Its operator.
        operator: Operator,
    },
    /// One node.
    Remote {
        /// Its cluster address.
        address: String,
        /// The operator.
        operator: Operator,
    },
}

impl AccessArgs {
    /// Loads what the flags name.
    pub fn open(&self) -> Result<Access, Failure> {
        match (&self.admin, &self.ca, &self.cert, &self.key_file) {
            (Some(address), Some(ca), Some(cert), Some(key)) => {
                Ok(Access::Remote { address: address.clone(), operator: Operator::load(ca, cert, key)? })
            }
            _ => {
                let dir = self.dir.data_dir()?;
                Ok(Access::Local { cluster: Cluster::open(&dir)?, operator: Operator::of_cluster(&dir)? })
            }
        }
    }
}

impl Access {
    /// A connection to the leader of `region`; without a name, to the node of `--admin` or the cluster's first Region.
    pub async fn leader(&self, region: Option<&Region>) -> Result<AdminClient, Failure> {
        match self {
            Self::Remote { address, operator } => remote(operator, address, region).await,
            Self::Local { cluster, operator } => {
                let unknown = || {
                    Failure::Usage(
                        "the cluster has no such Region; `meridian local status` lists them".into(),
                    )
                };
                let region = match region {
                    Some(name) => cluster.region(name),
                    None => cluster.regions.first(),
                };
                let region = region.ok_or_else(unknown)?;
                let mut attempt = 1;
                loop {
                    match operator.connect_leader(region).await {
                        Err(_) if attempt < LEADER_ATTEMPTS => tokio::time::sleep(LEADER_PAUSE).await,
                        done => return done,
                    }
                    attempt += 1;
                }
            }
        }
    }

    /// The addresses of every node that can be asked.
    pub fn addresses(&self) -> Vec<String> {
        match self {
            Self::Remote { address, .. } => vec![address.clone()],
            Self::Local { cluster, .. } => {
                cluster.nodes().map(|(_, node)| node.cluster().to_string()).collect()
            }
        }
    }

    /// Who asks.
    pub fn operator(&self) -> &Operator {
        match self {
            Self::Local { operator, .. } | Self::Remote { operator, .. } => operator,
        }
    }

    /// The local cluster, if it is one.
    pub fn cluster(&self) -> Option<&Cluster> {
        match self {
            Self::Local { cluster, .. } => Some(cluster),
            Self::Remote { .. } => None,
        }
    }
}

/// Follows the leader that the addressed node knows; a node of another Region than the named one is refused.
async fn remote(operator: &Operator, address: &str, region: Option<&Region>) -> Result<AdminClient, Failure> {
    let view = operator.status(address).await?;
    if let Some(region) = region.filter(|region| region.as_str() != view.region) {
        return Err(Failure::Usage(format!("node at {address} is of `{}`, not of `{region}`", view.region)));
    }
    let leader = view.leader.and_then(|leader| view.members.iter().find(|member| member.node == leader));
    operator.connect(leader.map_or(address, |member| &member.cluster)).await
}

/// An error of a command, as the operator reads it.
pub fn refused(error: kms_transport::AdminError) -> Failure {
    Failure::Admin(error.to_string())
}
