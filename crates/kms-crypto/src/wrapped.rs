//! What may leave memory: wrapped keys and public values. Nothing here is secret.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Key material under a domain key (AES-256-GCM; AAD binds key id, material id and domain version).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedMaterial {
    /// The version of the domain key that wraps it.
    pub domain_version: u32,
    /// 96-bit random nonce.
    pub nonce: [u8; 12],
    /// Ciphertext and 16-byte tag.
    pub sealed: Vec<u8>,
}

/// A domain key under one root-key recipient.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedDomainKey {
    /// The domain key's version, from 1.
    pub version: u32,
    /// Which root key opens it: the first 16 bytes of a hash of that key.
    pub recipient: RecipientId,
    /// 96-bit random nonce.
    pub nonce: [u8; 12],
    /// Ciphertext and 16-byte tag.
    pub sealed: Vec<u8>,
}

/// Names a root key without revealing it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecipientId(pub [u8; 16]);

/// A binding, hiding commitment to one material of one key (invariant C4): all holders of a material id hold equal bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Commitment(pub [u8; 32]);

impl fmt::Debug for WrappedMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedMaterial(v{}, {} bytes)", self.domain_version, self.sealed.len())
    }
}

impl fmt::Debug for WrappedDomainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedDomainKey(v{} for {:?})", self.version, self.recipient)
    }
}

impl fmt::Debug for RecipientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecipientId({})", hex::encode(self.0))
    }
}

impl fmt::Debug for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Commitment({})", hex::encode(self.0))
    }
}
