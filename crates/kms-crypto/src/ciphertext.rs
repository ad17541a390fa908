//! The ciphertext blob, version 1 (ADR 0003). Does not decide which key may open it, nor find the material.
//!
//! ```text
//!  0      1       2           19            51        83            115
//!  ├ ver ─┼ suite ┼ key id ───┼ material id ┼ salt ───┼ commitment ─┼ ciphertext ‖ tag (16)
//!    1       1      1 + 16       32            32         32
//!
//!  key ‖ nonce ‖ commitment = HKDF-SHA-512(salt, material, label ‖ suite ‖ key id ‖ material id)
//!  AAD = header (115 bytes) ‖ length of binding (4) ‖ binding ‖ canonical encryption context
//! ```
//!
//! Each blob has its own key and nonce, so no nonce repeats and no count of messages per material is needed (E1).

mod header;
mod message_keys;
#[cfg(test)]
mod tests;

use kms_types::{EncryptionAlgorithm, EncryptionContext, Entropy, KeyId, KeySpec, MaterialId, limits};
use zeroize::Zeroizing;

use crate::{
    CryptoError, KeyMaterial,
    aead::{self, TAG_BYTES},
    transcript::length_prefix,
};
use header::HEADER_BYTES;
pub use header::Header;
use message_keys::MessageKeys;

/// What a blob is bound to; to open it, the same must be given as to seal it (E2).
#[derive(Debug, Clone, Copy)]
pub struct SealRequest<'a> {
    /// The key.
    pub key_id: KeyId,
    /// The material of that key.
    pub material_id: MaterialId,
    /// The owner: the full key ARN of a single-Region key, the account id of a multi-Region key.
    pub binding: &'a str,
    /// The caller's encryption context.
    pub context: &'a EncryptionContext,
}

/// Seals `plaintext`, at most [`limits::MAX_PLAINTEXT_BYTES`], into a fresh blob.
pub fn seal(
    request: &SealRequest<'_>,
    material: &KeyMaterial,
    plaintext: &[u8],
    entropy: &mut dyn Entropy,
) -> Result<Vec<u8>, CryptoError> {
    let most_bytes = limits::MAX_PLAINTEXT_BYTES;
    if plaintext.len() > most_bytes {
        return Err(CryptoError::PlaintextTooLong { length_bytes: plaintext.len(), most_bytes });
    }
    check_spec(material)?;
    let header = Header { key_id: request.key_id, material_id: request.material_id };
    let salt = entropy.array();
    let keys = MessageKeys::derive(material, &salt, &header);
    let header_bytes = header.encode(&salt, &keys.commitment);
    let mut body = Zeroizing::new(plaintext.to_vec());
    let tag = aead::seal_in_place(&keys.key, &keys.nonce, &aad(&header_bytes, request), &mut body)?;
    Ok([header_bytes.as_slice(), &body, &tag].concat())
}

/// Opens a blob that was sealed for the same request under the same material.
///
/// Every failure of the blob is [`CryptoError::InvalidCiphertext`]. The commitment and the tag are both checked whatever the
/// other says, so that an altered header and an altered body also take the same time (E3).
pub fn open(
    request: &SealRequest<'_>,
    material: &KeyMaterial,
    blob: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    check_spec(material)?;
    let (header, parts) = header::split(blob)?;
    if (header.key_id, header.material_id) != (request.key_id, request.material_id) {
        return Err(CryptoError::InvalidCiphertext);
    }
    let (body, tag) = parts.body.split_last_chunk::<TAG_BYTES>().ok_or(CryptoError::InvalidCiphertext)?;
    let keys = MessageKeys::derive(material, parts.salt, &header);
    let mut plaintext = Zeroizing::new(body.to_vec());
    let opened =
        aead::open_in_place(&keys.key, &keys.nonce, &aad(parts.header, request), &mut plaintext, tag).is_ok();
    // A blob may carry a valid tag under a second key; the commitment leaves it one key. `&`, not `&&`.
    if opened & keys.commits_to(parts.commitment) {
        Ok(plaintext)
    } else {
        Err(CryptoError::InvalidCiphertext)
    }
}

/// Only SYMMETRIC_DEFAULT has blobs of this format.
fn check_spec(material: &KeyMaterial) -> Result<(), CryptoError> {
    let (spec, algorithm) = (material.spec(), EncryptionAlgorithm::SymmetricDefault.as_str());
    if spec == KeySpec::SymmetricDefault {
        Ok(())
    } else {
        Err(CryptoError::WrongAlgorithm { spec, algorithm })
    }
}

fn aad(header: &[u8; HEADER_BYTES], request: &SealRequest<'_>) -> Vec<u8> {
    let binding = request.binding.as_bytes();
    let context = request.context.canonical_bytes();
    [header.as_slice(), &length_prefix(binding.len()), binding, &context].concat()
}
