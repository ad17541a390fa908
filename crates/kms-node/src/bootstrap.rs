//! The first two steps of a Region's life: its Raft group, and the entry that says what the Region is.
//!
//! Only the node with `bootstrap = true` does this, only on an empty log, and only when no node that it asked knows of any
//! members; everybody else waits to be contacted.

use kms_crypto::{DomainKey, RootKey};
use kms_state::{Command, Directory, Origin, Outcome, Proposal, Refusal};
use kms_types::{Entropy, ProposalId};
use std::{sync::Arc, time::Duration};

use crate::{
    config::{ConfigError, NodeConfig},
    entropy::OsEntropy,
    group::Group,
};

/// A Region that cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The configuration contradicts itself.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The consensus group refuses its first members.
    #[error("the Raft group cannot be initialised: {0}")]
    Initialize(String),
    /// The identity key cannot be made.
    #[error("the identity key cannot be made: {0}")]
    IdentityKey(String),
    /// The first entry was refused.
    #[error("the Region cannot be bootstrapped: {0}")]
    Refused(Refusal),
}

/// Creates the Region if this node is told to and nobody has yet.
pub(crate) async fn bootstrap(
    config: &NodeConfig,
    group: &Group,
    root: Option<&RootKey>,
    joining: Option<Directory>,
) -> Result<(), BootstrapError> {
    if !config.bootstrap || group.applied().state.is_bootstrapped() {
        return Ok(());
    }
    // A node with an empty disk whose Region has members was added to it, and is not the first.
    let founding = group.until_admitted().await;
    if !founding && group.standings().own().last.is_none() {
        return Ok(());
    }
    group
        .initialize(config.initial_members())
        .await
        .map_err(|e| BootstrapError::Initialize(e.to_string()))?;
    let proposal = first_entry(config, root, joining)?;
    loop {
        // The same proposal id each time: at most one of the attempts has effect (invariant B4).
        match group.propose(proposal.clone()).await {
            Ok(Outcome::Refused(Refusal::AlreadyBootstrapped)) | Ok(Outcome::Applied) => return Ok(()),
            Ok(Outcome::Refused(refusal)) => return Err(BootstrapError::Refused(refusal)),
            Ok(_) => return Ok(()),
            Err(error) => tracing::info!(%error, "waiting for the other nodes of the Region"),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        if group.applied().state.is_bootstrapped() {
            return Ok(());
        }
    }
}

/// A Region that joins a deployment begins with the directory of its invitation, and gets the identity key from the
/// others.
fn first_entry(
    config: &NodeConfig,
    root: Option<&RootKey>,
    joining: Option<Directory>,
) -> Result<Arc<Proposal>, BootstrapError> {
    let entropy: &mut dyn Entropy = &mut OsEntropy;
    let domain = root.map(|root| (root, Arc::new(DomainKey::generate(1, entropy))));
    let wrapped = domain.as_ref().map(|(root, domain)| root.wrap_domain_key(domain, entropy));
    let is_home = joining.is_none() && config.identity_home() == Some(&config.region);
    let identity_key = match domain.filter(|_| is_home) {
        Some((_, domain)) => {
            let key = kms_ops::create_identity_key(config.deployment, domain, entropy);
            Some(Box::new(key.map_err(|e| BootstrapError::IdentityKey(e.to_string()))?))
        }
        None => None,
    };
    Ok(Arc::new(Proposal {
        id: ProposalId::from_random(entropy.array()),
        origin: Origin::Service { node: config.node },
        expect: None,
        command: Command::Bootstrap {
            deployment: config.deployment,
            region: config.region.clone(),
            incarnation: config.incarnation,
            directory: match joining {
                Some(directory) => directory,
                None => config.directory()?,
            },
            domain_keys: wrapped.into_iter().collect(),
            clock: config.clock(),
            identity_key,
        },
    }))
}
