//! The file that ties a data directory to one node of one Region's history.
//!
//! A directory that belongs to another node, Region or incarnation is refused before anything is opened (invariant A5).

use kms_types::{DeploymentId, Incarnation, NodeId, Region};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::config::NodeConfig;

const FILE_NAME: &str = "node.json";

/// Whose data a directory holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    format: u32,
    deployment: DeploymentId,
    region: Region,
    incarnation: Incarnation,
    node: NodeId,
}

/// A data directory that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The directory belongs to somebody else.
    #[error("`{}` belongs to node {found_node} of Region `{found_region}` (incarnation {found_incarnation}); this is \
             node {node} of `{region}` (incarnation {incarnation}): give each node its own data_dir", path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// What the file says.
        found_node: NodeId,
        /// What the file says.
        found_region: Region,
        /// What the file says.
        found_incarnation: Incarnation,
        /// What the configuration says.
        node: NodeId,
        /// What the configuration says.
        region: Region,
        /// What the configuration says.
        incarnation: Incarnation,
    },
    /// The identity file does not parse.
    #[error("`{}` is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The directory or file cannot be read or written.
    #[error("cannot use `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Claims the data directory for this node, or confirms that it is this node's.
pub(crate) fn claim(config: &NodeConfig) -> Result<(), IdentityError> {
    let path = config.data_dir.join(FILE_NAME);
    let io = |source| IdentityError::Io { path: path.clone(), source };
    fs::create_dir_all(&config.data_dir).map_err(io)?;
    let own = Identity {
        format: 1,
        deployment: config.deployment,
        region: config.region.clone(),
        incarnation: config.incarnation,
        node: config.node,
    };
    match fs::read(&path) {
        Ok(bytes) => confirm(&path, &bytes, &own),
        Err(error) if error.kind() == io::ErrorKind::NotFound => write(&path, &own).map_err(io),
        Err(error) => Err(io(error)),
    }
}

fn confirm(path: &Path, bytes: &[u8], own: &Identity) -> Result<(), IdentityError> {
    let found: Identity = serde_json::from_slice(bytes)
        .map_err(|source| IdentityError::Damaged { path: path.to_owned(), source })?;
    if found == *own {
        return Ok(());
    }
    Err(IdentityError::Foreign {
        path: path.parent().unwrap_or(path).to_owned(),
        found_node: found.node,
        found_region: found.region,
        found_incarnation: found.incarnation,
        node: own.node,
        region: own.region.clone(),
        incarnation: own.incarnation,
    })
}

/// Written aside and renamed, durable before anything else in the directory exists.
fn write(path: &Path, own: &Identity) -> io::Result<()> {
    let aside = path.with_extension("tmp");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&aside)?;
    file.write_all(&serde_json::to_vec_pretty(own)?)?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}
