//! Unwrapping of imported material: OAEP alone, or OAEP and AES key wrap with padding [RFC5649 §3] one after the other.

use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded};
use zeroize::Zeroizing;

use super::Scheme;
use crate::{
    CryptoError,
    asymmetric::rsa::{oaep_decrypt, oaep_key_bytes},
};

const AES_256_BYTES: usize = 32;

pub(super) fn unwrap_bytes(
    scheme: Scheme,
    private_key: &[u8],
    encrypted: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    match scheme {
        Scheme::Oaep(hash) => oaep_decrypt(private_key, hash, encrypted),
        Scheme::OaepThenKeyWrap(hash) => {
            let at = oaep_key_bytes(private_key)?;
            let (wrapping_key, wrapped) =
                encrypted.split_at_checked(at).ok_or(CryptoError::InvalidCiphertext)?;
            let ephemeral = oaep_decrypt(private_key, hash, wrapping_key)?;
            key_unwrap(&ephemeral, wrapped).ok_or(CryptoError::InvalidCiphertext)
        }
    }
}

/// `None` unless the key has 256 bits and everything that the algorithm can check is right.
pub(crate) fn key_unwrap(key: &[u8], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if key.len() != AES_256_BYTES {
        return None;
    }
    let mut buffer = Zeroizing::new(vec![0; wrapped.len()]);
    let unwrapped = AesKek::new(&AES_256, key).ok()?.unwrap_with_padding(wrapped, &mut buffer).ok()?;
    Some(Zeroizing::new(unwrapped.to_vec()))
}

#[cfg(test)]
pub(super) fn key_wrap(key: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut buffer = vec![0; plaintext.len() + 15];
    let kek = AesKek::new(&AES_256, key).unwrap();
    kek.wrap_with_padding(plaintext, &mut buffer).unwrap().to_vec()
}
