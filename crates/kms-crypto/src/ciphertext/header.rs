//! The blob's header: which key and material opens it. Reading it authenticates nothing.

use kms_types::{KeyId, MaterialId, limits};

use crate::{
    CryptoError,
    aead::TAG_BYTES,
    transcript::{key_id_bytes, parse_key_id},
};

pub(super) const HEADER_BYTES: usize = 115;
pub(super) const VERSION: u8 = 1;
/// HKDF-SHA-512 and AES-256-GCM.
pub(super) const SUITE: u8 = 1;

/// The names in a blob's header, to find the material that opens it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The key that sealed the blob.
    pub key_id: KeyId,
    /// The material of that key.
    pub material_id: MaterialId,
}

/// A blob cut at its fixed offsets.
pub(super) struct Parts<'a> {
    pub(super) header: &'a [u8; HEADER_BYTES],
    pub(super) salt: &'a [u8; 32],
    pub(super) commitment: &'a [u8; 32],
    pub(super) body: &'a [u8],
}

impl Header {
    /// Reads the header of a blob. What it says is proven only by [`super::open`].
    pub fn parse(blob: &[u8]) -> Result<Self, CryptoError> {
        split(blob).map(|(header, _)| header)
    }

    pub(super) fn encode(&self, salt: &[u8; 32], commitment: &[u8; 32]) -> [u8; HEADER_BYTES] {
        let key_id = key_id_bytes(&self.key_id);
        let fields: [&[u8]; 5] = [&[VERSION, SUITE], &key_id, self.material_id.bytes(), salt, commitment];
        let mut bytes = [0; HEADER_BYTES];
        bytes.iter_mut().zip(fields.concat()).for_each(|(to, from)| *to = from);
        bytes
    }
}

/// Cuts a blob of any known version.
pub(super) fn split(blob: &[u8]) -> Result<(Header, Parts<'_>), CryptoError> {
    let within = (HEADER_BYTES + TAG_BYTES..=limits::MAX_CIPHERTEXT_BYTES).contains(&blob.len());
    if !within {
        return Err(CryptoError::InvalidCiphertext);
    }
    split_v1(blob).ok_or(CryptoError::InvalidCiphertext)
}

fn split_v1(blob: &[u8]) -> Option<(Header, Parts<'_>)> {
    let (header, body) = blob.split_first_chunk::<HEADER_BYTES>()?;
    let ([version, suite, kind], rest) = header.split_first_chunk::<3>()?;
    if (*version, *suite) != (VERSION, SUITE) {
        return None;
    }
    let (id, rest) = rest.split_first_chunk::<16>()?;
    let (material_id, rest) = rest.split_first_chunk::<32>()?;
    let (salt, rest) = rest.split_first_chunk::<32>()?;
    let (commitment, _) = rest.split_first_chunk::<32>()?;
    let key_id = parse_key_id(*kind, *id)?;
    let names = Header { key_id, material_id: MaterialId::from_bytes(*material_id) };
    Some((names, Parts { header, salt, commitment, body }))
}
