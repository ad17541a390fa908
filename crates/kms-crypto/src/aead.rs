//! AES-256-GCM over buffers in place; the only file that names the AEAD crate. Chooses no keys and no nonces.

use aes_gcm::{Aes256Gcm, Key, KeyInit, Nonce, aead::AeadInOut};
use zeroize::{Zeroize, Zeroizing};

use crate::CryptoError;

pub(crate) const TAG_BYTES: usize = 16;
pub(crate) const NONCE_BYTES: usize = 12;

/// Encrypts `buffer` in place and returns the tag.
pub(crate) fn seal_in_place(
    key: &[u8; 32],
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    buffer: &mut [u8],
) -> Result<[u8; TAG_BYTES], CryptoError> {
    let tag = cipher(key)
        .encrypt_inout_detached(&Nonce::from(*nonce), aad, buffer.into())
        .map_err(|_| CryptoError::Primitive { primitive: "AES-256-GCM seal" })?;
    Ok(tag.into())
}

/// A tag that does not match; callers map it to their own one error.
#[derive(Debug)]
pub(crate) struct TagMismatch;

/// Decrypts `buffer` in place; wipes it when the tag does not match (E3).
pub(crate) fn open_in_place(
    key: &[u8; 32],
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    buffer: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), TagMismatch> {
    let opened =
        cipher(key).decrypt_inout_detached(&Nonce::from(*nonce), aad, (&mut *buffer).into(), &(*tag).into());
    opened.map_err(|_| {
        buffer.zeroize();
        TagMismatch
    })
}

/// Seals a secret of any length: ciphertext followed by the tag.
pub(crate) fn seal_secret(
    under: &[u8; 32],
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    secret: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let mut buffer = Zeroizing::new(secret.to_vec());
    let tag = seal_in_place(under, nonce, aad, buffer.as_mut_slice())?;
    Ok([buffer.as_slice(), &tag].concat())
}

/// Opens what [`seal_secret`] made, into a buffer that is wiped on drop.
pub(crate) fn open_secret(
    under: &[u8; 32],
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, TagMismatch> {
    let (body, tag) = sealed.split_last_chunk::<TAG_BYTES>().ok_or(TagMismatch)?;
    let mut secret = Zeroizing::new(body.to_vec());
    open_in_place(under, nonce, aad, secret.as_mut_slice(), tag)?;
    Ok(secret)
}

/// Opens a sealed 32-byte key, into a boxed buffer that is wiped on drop.
pub(crate) fn open_key(
    under: &[u8; 32],
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Box<Zeroizing<[u8; 32]>>, TagMismatch> {
    let (body, tag) = sealed.split_last_chunk::<TAG_BYTES>().ok_or(TagMismatch)?;
    let body: &[u8; 32] = body.try_into().map_err(|_| TagMismatch)?;
    let mut key = Box::new(Zeroizing::new(*body));
    open_in_place(under, nonce, aad, key.as_mut_slice(), tag)?;
    Ok(key)
}

fn cipher(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(<&Key<Aes256Gcm>>::from(key))
}
