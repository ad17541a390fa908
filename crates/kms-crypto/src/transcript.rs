//! Injective encoding of what a tag, a key or a signature is bound to: every field carries its length.

use kms_types::{KeyId, KeyIdKind, KeySpec};

/// Fields in a fixed order, each behind a 32-bit big-endian length, so that no two lists of fields encode alike.
pub(crate) struct Transcript(Vec<u8>);

impl Transcript {
    /// Starts with the label that separates this use from every other.
    pub(crate) fn new(label: &str) -> Self {
        Self(Vec::with_capacity(256)).field(label.as_bytes())
    }

    /// Appends one field.
    pub(crate) fn field(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(&length_prefix(bytes.len()));
        self.0.extend_from_slice(bytes);
        self
    }

    /// Appends a number as eight big-endian bytes.
    pub(crate) fn number(self, n: u64) -> Self {
        self.field(&n.to_be_bytes())
    }

    /// Appends a key id with its kind.
    pub(crate) fn key_id(self, key: &KeyId) -> Self {
        self.field(&key_id_bytes(key))
    }

    /// Appends a key spec as the last field. SYMMETRIC_DEFAULT, the only spec of the first formats, is told by the
    /// field's absence.
    pub(crate) fn spec(self, spec: KeySpec) -> Self {
        if spec == KeySpec::SymmetricDefault { self } else { self.field(spec.as_str().as_bytes()) }
    }

    /// The encoding.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// The length of a field as written before it.
pub(crate) fn length_prefix(n: usize) -> [u8; 4] {
    // Every field is bounded far below 4 GiB by the limits of requests and link messages.
    u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes()
}

const SINGLE_REGION: u8 = 1;
const MULTI_REGION: u8 = 2;

/// A key id as one kind byte and 16 id bytes, as in the ciphertext header.
pub(crate) fn key_id_bytes(key: &KeyId) -> [u8; 17] {
    let mut bytes = [0; 17];
    let (kind, id) = bytes.split_at_mut(1);
    kind.fill(if key.is_multi_region() { MULTI_REGION } else { SINGLE_REGION });
    id.copy_from_slice(key.bytes());
    bytes
}

/// Reads [`key_id_bytes`] back; `None` for an unknown kind.
pub(crate) fn parse_key_id(kind: u8, id: [u8; 16]) -> Option<KeyId> {
    match kind {
        SINGLE_REGION => Some(KeyId::from_parts(KeyIdKind::SingleRegion, id)),
        MULTI_REGION => Some(KeyId::from_parts(KeyIdKind::MultiRegion, id)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_a_byte_between_fields_changes_the_encoding() {
        let a = Transcript::new("t").field(b"ab").field(b"c").into_bytes();
        let b = Transcript::new("t").field(b"a").field(b"bc").into_bytes();
        assert_ne!(a, b);
    }

    #[test]
    fn key_ids_of_both_kinds_round_trip() {
        for kind in [KeyIdKind::SingleRegion, KeyIdKind::MultiRegion] {
            let key = KeyId::from_random(kind, [7; 16]);
            assert_eq!(parse_key_id(key_id_bytes(&key)[0], *key.bytes()), Some(key));
        }
        assert_eq!(parse_key_id(0, [0; 16]), None);
    }
}
