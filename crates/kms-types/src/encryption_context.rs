use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Public name-value pairs bound to a ciphertext as additional authenticated data; never secret.
///
/// Kept in the order of the keys' UTF-8 bytes, so that the canonical form does not depend on the request's order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptionContext(BTreeMap<String, String>);

const CANONICAL_TAG: &[u8] = b"meridian/ctx/1";

impl EncryptionContext {
    /// The context with these pairs; an empty map is the same as no context.
    pub fn new(pairs: BTreeMap<String, String>) -> Self {
        Self(pairs)
    }

    /// The pairs in canonical order.
    pub fn pairs(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// True without pairs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An injective encoding: tag, pair count, then each key and value with a 32-bit big-endian length before it.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let mut out = CANONICAL_TAG.to_vec();
        out.extend_from_slice(&length(self.0.len()));
        for (key, value) in &self.0 {
            for field in [key, value] {
                out.extend_from_slice(&length(field.len()));
                out.extend_from_slice(field.as_bytes());
            }
        }
        out
    }
}

fn length(n: usize) -> [u8; 4] {
    // Requests are bounded far below 4 GiB (limits::MAX_REQUEST_BYTES), so this never saturates.
    u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes()
}
