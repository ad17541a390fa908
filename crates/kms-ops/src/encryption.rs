//! Sealing and opening by any encryption algorithm: symmetric blobs with a header of ours, or bare RSA ciphertext.

use kms_crypto::rsa_oaep;
use kms_types::{EncryptionAlgorithm, EncryptionContext, MaterialId};
use zeroize::Zeroizing;

use crate::{Env, Error, authorize::Authorized, material};

/// A ciphertext, and the material that made it where the API tells it: of symmetric keys.
pub(crate) struct Sealed {
    pub(crate) blob: Vec<u8>,
    pub(crate) material: Option<MaterialId>,
}

/// Seals under a key that was checked to take `algorithm`. RSA needs the public key only.
pub(crate) fn seal<A>(
    env: &mut Env<'_>,
    key: &Authorized<'_, A>,
    algorithm: EncryptionAlgorithm,
    context: &EncryptionContext,
    plaintext: &[u8],
) -> Result<Sealed, Error> {
    if algorithm == EncryptionAlgorithm::SymmetricDefault {
        let (material, blob) = material::seal(env, key.key(), key.arn(), context, plaintext)?;
        return Ok(Sealed { blob, material: Some(material) });
    }
    let spec = key.key().spec;
    let most = algorithm.max_plaintext_bytes(spec).unwrap_or_default();
    if plaintext.len() > most {
        return Err(Error::Validation(format!(
            "Algorithm {algorithm} and key spec {spec} cannot encrypt data larger than {most} bytes."
        )));
    }
    let public_key = material::public_key(key.key(), key.arn())?;
    let blob = rsa_oaep::encrypt(spec, public_key, algorithm, plaintext)
        .map_err(|_| Error::Internal("RSA encryption failed"))?;
    Ok(Sealed { blob, material: None })
}

/// Opens RSA ciphertext. It names neither key nor material, so every failure is the same one.
pub(crate) fn open_asymmetric<A>(
    env: &Env<'_>,
    key: &Authorized<'_, A>,
    algorithm: EncryptionAlgorithm,
    blob: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let material = material::unwrap_current(env, key.key(), key.arn())?;
    rsa_oaep::decrypt(&material, algorithm, blob).map_err(|_| Error::InvalidCiphertext)
}
