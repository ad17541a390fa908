//! Data key pairs: a fresh pair, its private half given out in the clear, under a KMS key, or both (section 4.7).

use kms_crypto::key_pair;
use kms_types::{DataKeyPairSpec, EncryptionContext, KeyOrigin, MaterialId};
use zeroize::Zeroizing;

use crate::{
    AuditFacts, Env, Error, authorize::Authorized, cryptography::end_dry_run, error::china_only, material,
};

/// A pair, and the blob of its private half as Encrypt would make it.
pub(crate) struct DataKeyPair {
    pub(crate) private_key: Zeroizing<Vec<u8>>,
    pub(crate) public_key: Vec<u8>,
    pub(crate) blob: Vec<u8>,
    pub(crate) material: MaterialId,
}

/// Refuses what no key, or not this one, makes pairs for.
pub(crate) fn check<A>(key: &Authorized<'_, A>, spec: DataKeyPairSpec) -> Result<(), Error> {
    if spec.key_spec().is_china_only() {
        return Err(china_only("KeyPairSpec", spec.as_str()));
    }
    match key.key().origin {
        KeyOrigin::AwsKms | KeyOrigin::External => Ok(()),
        origin @ (KeyOrigin::AwsCloudHsm | KeyOrigin::ExternalKeyStore) => {
            Err(Error::UnsupportedOrigin { arn: key.arn().clone(), origin })
        }
    }
}

/// A dry run ends before a pair is drawn, which may take seconds, and after the sealing material was found.
pub(crate) fn make<A>(
    key: &Authorized<'_, A>,
    spec: DataKeyPairSpec,
    context: &EncryptionContext,
    dry_run: bool,
    env: &mut Env<'_>,
    facts: &mut AuditFacts,
) -> Result<DataKeyPair, Error> {
    if dry_run {
        material::unwrap_current(env, key.key(), key.arn())?;
        end_dry_run(dry_run)?;
    }
    let pair =
        key_pair::generate(spec, env.entropy).map_err(|_| Error::Internal("drawing a key pair failed"))?;
    let (material, blob) = material::seal(env, key.key(), key.arn(), context, &pair.private_key)?;
    facts.key_material_id = Some(material);
    Ok(DataKeyPair { private_key: pair.private_key, public_key: pair.public_key, blob, material })
}
