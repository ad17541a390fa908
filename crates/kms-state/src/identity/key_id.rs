use kms_types::{DeploymentId, KeyId, KeyIdKind};
use sha2::{Digest, Sha256};

/// The id of the deployment's identity key: the same in every Region, and not one that CreateKey draws except by a
/// chance of 2^-128, in which case the state machine refuses it as taken.
pub fn identity_key_id(deployment: DeploymentId) -> KeyId {
    let hash =
        Sha256::new().chain_update(b"meridian/v1/identity-key").chain_update(deployment.bytes()).finalize();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    KeyId::from_parts(KeyIdKind::MultiRegion, bytes)
}
