//! What the operations on imported material share: who may have it, unwrapping it, and how it is shown.

use kms_crypto::{
    CryptoError, KeyMaterial,
    import::{WrappingKey, token_domain_version},
};
use kms_state::{Key, MaterialInfo, MaterialStatus};
use kms_types::{ExpirationModel, ImportState, KeyOrigin, KeySpec, MaterialId, Timestamp};

use crate::{Env, Error, ImportFault, ImportedEntry, authorize::Authorized, case::Case};

/// Message 9 of section 3: only keys of origin EXTERNAL take material from outside.
pub(crate) fn check_external<A>(key: &Authorized<'_, A>) -> Result<(), Error> {
    match key.key().origin {
        KeyOrigin::External => Ok(()),
        origin => Err(Error::UnsupportedOrigin { arn: key.arn().clone(), origin }),
    }
}

/// Opens the token, checks that it is for this key and still valid, and unwraps what came with it.
pub(crate) fn unwrap<A>(
    case: &Case<'_>,
    env: &Env<'_>,
    key: &Authorized<'_, A>,
    token: &[u8],
    encrypted: &[u8],
) -> Result<KeyMaterial, Error> {
    let version = token_domain_version(token).ok_or(Error::InvalidImportToken)?;
    let domain = env.keyring.domain_key(version).ok_or(Error::InvalidImportToken)?;
    let wrapping_key = WrappingKey::from_token(&domain, token).map_err(|_| Error::InvalidImportToken)?;
    let terms = wrapping_key.terms();
    if terms.key != key.key().id {
        return Err(Error::InvalidImportToken);
    }
    if terms.expires_at <= case.now() {
        return Err(Error::ExpiredImportToken { expired_at: terms.expires_at });
    }
    wrapping_key.unwrap_material(key.key().spec, encrypted).map_err(|error| match error {
        CryptoError::InvalidKeyMaterial { spec } => {
            Error::IncorrectKeyMaterial { arn: key.arn().clone(), fault: ImportFault::NotOfSpec { spec } }
        }
        CryptoError::InvalidCiphertext => Error::InvalidCiphertext,
        _ => Error::Internal("imported material could not be unwrapped"),
    })
}

/// Material ids are shown for symmetric encryption keys only.
pub(crate) fn shown_id(key: &Key, id: MaterialId) -> Option<MaterialId> {
    (key.spec == KeySpec::SymmetricDefault).then_some(id)
}

/// `ExpirationModel` and `ValidTo` of the whole key: while material that belongs to it is here, the earliest expiry.
pub(crate) fn expiration(key: &Key) -> (Option<ExpirationModel>, Option<Timestamp>) {
    let belongs = |id: &MaterialId| key.material(id).is_some_and(|m| m.status == MaterialStatus::Active);
    let present = key.is_external() && key.held.keys().any(belongs);
    let valid_to = key.expiring().filter(|(id, _)| belongs(id)).map(|(_, at)| at).min();
    (present.then(|| model(valid_to)), valid_to.filter(|_| present))
}

fn model(valid_to: Option<Timestamp>) -> ExpirationModel {
    match valid_to {
        Some(_) => ExpirationModel::KeyMaterialExpires,
        None => ExpirationModel::KeyMaterialDoesNotExpire,
    }
}

/// What ListKeyRotations shows of a material of an imported key in this Region; nothing for other origins.
pub(crate) fn entry(key: &Key, material: &MaterialInfo) -> Option<ImportedEntry> {
    let details = key.imports.get(&material.id);
    let held = key.held.contains_key(&material.id);
    let valid_to = details.and_then(|d| d.valid_to).filter(|_| held);
    key.is_external().then(|| ImportedEntry {
        import_state: if held { ImportState::Imported } else { ImportState::PendingImport },
        expiration_model: held.then(|| model(valid_to)),
        valid_to,
        key_material_description: details.and_then(|d| d.description.clone()),
    })
}
