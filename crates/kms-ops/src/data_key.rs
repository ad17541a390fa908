//! Data keys: random bytes, given out in the clear, under a KMS key, or both (section 4.7).

use kms_types::{DataKeySpec, EncryptionContext, MaterialId, limits};
use zeroize::Zeroizing;

use crate::{Env, Error, authorize::Authorized, material};

/// A data key and its blob, as Encrypt would make it.
pub(crate) struct DataKey {
    pub(crate) plaintext: Zeroizing<Vec<u8>>,
    pub(crate) blob: Vec<u8>,
    pub(crate) material: MaterialId,
}

/// Exactly one of the two members says how long the key is.
pub(crate) fn length_bytes(spec: Option<DataKeySpec>, number_of_bytes: Option<u32>) -> Result<usize, Error> {
    match (spec, number_of_bytes) {
        (Some(DataKeySpec::Aes256), None) => Ok(32),
        (Some(DataKeySpec::Aes128), None) => Ok(16),
        (None, Some(length)) => random_length(length),
        _ => Err(Error::Validation("Please specify either number of bytes or key spec.".into())),
    }
}

/// The model's bounds, for callers that get here without the shape's check.
pub(crate) fn random_length(length: u32) -> Result<usize, Error> {
    match usize::try_from(length) {
        Ok(bytes) if (1..=limits::MAX_RANDOM_BYTES).contains(&length) => Ok(bytes),
        _ => Err(Error::Validation(format!(
            "1 validation error detected: Value '{length}' at 'numberOfBytes' failed to satisfy constraint: \
             Member must have value between 1 and {}",
            limits::MAX_RANDOM_BYTES
        ))),
    }
}

pub(crate) fn random(env: &mut Env<'_>, length_bytes: usize) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(vec![0; length_bytes]);
    env.entropy.fill(&mut bytes);
    bytes
}

pub(crate) fn make<A>(
    key: &Authorized<'_, A>,
    context: &EncryptionContext,
    length_bytes: usize,
    env: &mut Env<'_>,
) -> Result<DataKey, Error> {
    let plaintext = random(env, length_bytes);
    let (material, blob) = material::seal(env, key.key(), key.arn(), context, &plaintext)?;
    Ok(DataKey { plaintext, blob, material })
}
