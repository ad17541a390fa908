//! Drawing, finding and unwrapping key material. Plaintext material lives only inside one decision.

use kms_crypto::{CryptoError, KeyMaterial, SealRequest, ciphertext, commitment, material_id};
use kms_state::{Key, MaterialInfo, MaterialStatus, NewMaterial};
use kms_types::{EncryptionContext, KeyArn, KeyId, KeySpec, MaterialId};
use zeroize::Zeroizing;

use crate::{Env, Error};

/// Draws material for `key` and wraps it.
pub(crate) fn draw(env: &mut Env<'_>, key: &KeyId, spec: KeySpec) -> Result<NewMaterial, Error> {
    let material =
        KeyMaterial::generate(spec, env.entropy).map_err(|_| Error::Internal("key generation failed"))?;
    wrap(env, key, &material)
}

/// Wraps material of `key` under the Region's domain key, so that an entry can carry it (invariant F1).
pub(crate) fn wrap(env: &mut Env<'_>, key: &KeyId, material: &KeyMaterial) -> Result<NewMaterial, Error> {
    let domain = env.keyring.current_domain_key().ok_or(NO_DOMAIN_KEY)?;
    let id = material_id(key, material);
    let wrapped = domain.wrap(key, &id, material, env.entropy);
    let public_key = material.public_key().map_err(|_| Error::Internal("a key has no public half"))?;
    Ok(NewMaterial { id, commitment: commitment(key, material), public_key, wrapped })
}

const NO_DOMAIN_KEY: Error = Error::Internal("this node holds no domain key");

/// Seals under the key's current material, never another (invariants C1, C5).
pub(crate) fn seal(
    env: &mut Env<'_>,
    key: &Key,
    arn: &KeyArn,
    context: &EncryptionContext,
    plaintext: &[u8],
) -> Result<(MaterialId, Vec<u8>), Error> {
    let id = current(key, arn)?.id;
    let material = unwrap_key(env, key, arn, &id)?;
    let binding = binding(key, arn);
    let request = SealRequest { key_id: key.id, material_id: id, binding: &binding, context };
    let blob =
        ciphertext::seal(&request, &material, plaintext, env.entropy).map_err(|error| match error {
            CryptoError::PlaintextTooLong { .. } => too_long(),
            _ => Error::Internal("sealing failed"),
        })?;
    Ok((id, blob))
}

/// The material that seals, signs and is published.
fn current<'k>(key: &'k Key, arn: &KeyArn) -> Result<&'k MaterialInfo, Error> {
    let current = key.current.and_then(|id| key.material(&id));
    current
        .filter(|m| m.status == MaterialStatus::Active)
        .ok_or_else(|| Error::KeyUnavailable { arn: arn.clone() })
}

/// The public half of the current material of an asymmetric key.
pub(crate) fn public_key<'k>(key: &'k Key, arn: &KeyArn) -> Result<&'k [u8], Error> {
    let info = current(key, arn)?;
    info.public_key.as_deref().ok_or(Error::Internal("an asymmetric material has no public key"))
}

/// The current material, in the clear.
pub(crate) fn unwrap_current(env: &Env<'_>, key: &Key, arn: &KeyArn) -> Result<KeyMaterial, Error> {
    let id = current(key, arn)?.id;
    match key.held.contains_key(&id) {
        true => unwrap_key(env, key, arn, &id),
        false => Err(Error::KeyUnavailable { arn: arn.clone() }),
    }
}

/// The model's own words, for callers that get here without the shape's check.
fn too_long() -> Error {
    let most = kms_types::limits::MAX_PLAINTEXT_BYTES;
    Error::Validation(format!(
        "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: \
         Member must have length less than or equal to {most}"
    ))
}

/// Opens a blob whose header names this key and `material`.
pub(crate) fn open(
    env: &Env<'_>,
    key: &Key,
    arn: &KeyArn,
    material: &MaterialId,
    context: &EncryptionContext,
    blob: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    // Pending material opens nothing: nobody but its owner could have sealed with it.
    if key.material(material).is_some_and(|m| m.status.is_pending_import()) {
        return Err(Error::InvalidCiphertext);
    }
    let unwrapped = unwrap_key(env, key, arn, material)?;
    let binding = binding(key, arn);
    let request = SealRequest { key_id: key.id, material_id: *material, binding: &binding, context };
    ciphertext::open(&request, &unwrapped, blob).map_err(|_| Error::InvalidCiphertext)
}

/// A material that is not here may still be on its way from another Region (C9). For a single-Region key there is no
/// other Region, so its id was made up.
fn unwrap_key(env: &Env<'_>, key: &Key, arn: &KeyArn, material: &MaterialId) -> Result<KeyMaterial, Error> {
    let unavailable = || Error::KeyUnavailable { arn: arn.clone() };
    let wrapped = key.held.get(material).ok_or_else(|| match key.multi_region {
        Some(_) => unavailable(),
        None => Error::InvalidCiphertext,
    })?;
    let domain = env.keyring.domain_key(wrapped.domain_version).ok_or_else(unavailable)?;
    domain
        .unwrap_key(&key.id, key.spec, material, wrapped)
        .map_err(|_| Error::Internal("stored material does not unwrap under its domain key"))
}

/// What a blob belongs to: a single-Region blob to its Region, a multi-Region blob to its owner (section 10.2).
fn binding(key: &Key, arn: &KeyArn) -> String {
    match key.multi_region {
        Some(_) => key.account.to_string(),
        None => arn.to_string(),
    }
}
