//! The Regions, the one key and its materials, by short names.

use kms_crypto::{Commitment, WrappedMaterial};
use kms_state::NewMaterial;
use kms_types::{Incarnation, KeyId, KeyIdKind, MaterialId, Region};

/// The Region with a short name: `a` is `test-a-1`.
pub(crate) fn region(name: &str) -> Region {
    format!("test-{name}-1").parse().expect("short names make valid Regions")
}

/// The short name of a Region.
pub(crate) fn short(region: &Region) -> String {
    region.as_str().split('-').nth(1).unwrap_or("?").to_owned()
}

/// The incarnation that a Region begins with.
pub(crate) fn first_incarnation(region: &Region) -> Incarnation {
    Incarnation::from_random([short(region).bytes().next().unwrap_or_default(); 16])
}

/// The incarnation that a Region comes back with after it has lost everything.
pub(crate) fn rebuilt_incarnation(region: &Region) -> Incarnation {
    Incarnation::from_random([short(region).bytes().next().unwrap_or_default() ^ 0xff; 16])
}

/// The one key of every scenario.
pub(crate) fn key_id() -> KeyId {
    KeyId::from_parts(KeyIdKind::MultiRegion, [7; 16])
}

/// Material number `n`. A stand-in: its bytes are its number, and its commitment is its bytes.
pub(crate) fn material(n: u8) -> NewMaterial {
    NewMaterial {
        id: MaterialId::from_bytes([n; 32]),
        commitment: Commitment([n; 32]),
        public_key: None,
        wrapped: wrapped(n),
    }
}

/// The stored form of material `n`.
pub(crate) fn wrapped(n: u8) -> WrappedMaterial {
    WrappedMaterial { domain_version: 1, nonce: [n; 12], sealed: vec![n; 32] }
}

/// The number of a material.
pub(crate) fn number(id: &MaterialId) -> u8 {
    id.bytes().first().copied().unwrap_or_default()
}
