//! What a Region that joins a deployment is started with: the directory that it is in, and where the others are.

use kms_crypto::VerifyingKey;
use kms_state::{Directory, Voter};
use kms_types::{DeploymentId, Region};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use crate::config::NodeConfig;

/// An invitation, as JSON in the file that `invitation` of the configuration names. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Invitation {
    /// The deployment.
    pub deployment: DeploymentId,
    /// The directory that the Region comes in with.
    pub directory: Directory,
    /// Where the nodes of the Regions are reached.
    pub nodes: BTreeMap<Region, Vec<String>>,
}

/// An invitation that a node cannot be started with.
#[derive(Debug, thiserror::Error)]
pub enum InvitationError {
    /// The file cannot be read.
    #[error("cannot read the invitation `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is no invitation.
    #[error("`{}` is not an invitation of `meridian region invite`", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// It is for somebody else.
    #[error("the invitation is not for this Region: its {0} differs")]
    Foreign(&'static str),
}

impl Invitation {
    /// Reads the file.
    pub(crate) fn read(path: &Path) -> Result<Self, InvitationError> {
        let io = |source| InvitationError::Io { path: path.to_owned(), source };
        let damaged = |source| InvitationError::Damaged { path: path.to_owned(), source };
        serde_json::from_slice(&fs::read(path).map_err(io)?).map_err(damaged)
    }

    /// Refuses an invitation of another Region, incarnation or key before anything is written.
    pub(crate) fn check(&self, config: &NodeConfig, signing: VerifyingKey) -> Result<(), InvitationError> {
        let foreign = |what| Err(InvitationError::Foreign(what));
        if self.deployment != config.deployment {
            return foreign("deployment");
        }
        match self.directory.voters.get(&config.region) {
            None => foreign("name"),
            Some(Voter { incarnation, .. }) if *incarnation != config.incarnation => foreign("incarnation"),
            Some(Voter { role, .. }) if *role != config.role.into() => foreign("role"),
            Some(Voter { verifying_key, .. }) if *verifying_key != signing => foreign("signing key"),
            Some(_) => Ok(()),
        }
    }
}
