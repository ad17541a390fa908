//! Inputs for the property tests of this crate.

use kms_crypto::KeyMaterial;
use kms_types::{EncryptionContext, Entropy, KeyId, KeyIdKind, KeySpec};
use proptest::prelude::*;
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

/// Entropy from a seed.
pub(crate) struct Seeded(ChaCha20Rng);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha20Rng::seed_from_u64(seed))
    }
}

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

/// Fresh material of SYMMETRIC_DEFAULT.
#[allow(dead_code, reason = "not every property test wants this spec")]
pub(crate) fn symmetric(entropy: &mut dyn Entropy) -> KeyMaterial {
    match KeyMaterial::generate(KeySpec::SymmetricDefault, entropy) {
        Ok(material) => material,
        Err(error) => unreachable!("symmetric material can always be made: {error}"),
    }
}

/// Specs whose materials are random bytes of several lengths.
#[allow(dead_code, reason = "not every property test wants every spec")]
pub(crate) fn shared_secret_spec() -> impl Strategy<Value = KeySpec> {
    prop::sample::select(vec![
        KeySpec::SymmetricDefault,
        KeySpec::Hmac224,
        KeySpec::Hmac256,
        KeySpec::Hmac384,
        KeySpec::Hmac512,
    ])
}

/// Key ids of both kinds.
#[allow(dead_code, reason = "not every property test names a key")]
pub(crate) fn key_id() -> impl Strategy<Value = KeyId> {
    (prop::bool::ANY, any::<[u8; 16]>()).prop_map(|(multi, bytes)| {
        KeyId::from_parts(if multi { KeyIdKind::MultiRegion } else { KeyIdKind::SingleRegion }, bytes)
    })
}

/// Encryption contexts, with empty and non-ASCII texts among them.
#[allow(dead_code, reason = "not every property test seals messages")]
pub(crate) fn context() -> impl Strategy<Value = EncryptionContext> {
    prop::collection::btree_map(".{0,12}", ".{0,12}", 0..5).prop_map(EncryptionContext::new)
}
