//! Lends the caller's [`Entropy`] to crates that want a `rand_core` generator. Draws nothing of its own.

use kms_types::Entropy;
use rand_core::{Infallible, TryCryptoRng, TryRng};

/// A `rand_core` view of an [`Entropy`].
pub(crate) struct EntropyRng<'a>(pub(crate) &'a mut dyn Entropy);

impl TryRng for EntropyRng<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.0.array()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.0.array()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for EntropyRng<'_> {}

#[cfg(test)]
pub(crate) mod test_entropy {
    //! A seeded entropy for this crate's unit tests.

    use crate::{KeyMaterial, asymmetric::rsa::test_keys};
    use kms_types::{Entropy, KeySpec};
    use rand_chacha::{
        ChaCha20Rng,
        rand_core::{Rng, SeedableRng},
    };

    pub(crate) struct Seeded(ChaCha20Rng);

    impl Seeded {
        pub(crate) fn new(seed: u64) -> Self {
            Self(ChaCha20Rng::seed_from_u64(seed))
        }
    }

    /// Fresh material of SYMMETRIC_DEFAULT.
    pub(crate) fn symmetric(entropy: &mut dyn Entropy) -> KeyMaterial {
        KeyMaterial::generate(KeySpec::SymmetricDefault, entropy).unwrap()
    }

    /// One material of each form and length: shared secrets, PKCS#8 up to 2,400 bytes, seeds.
    pub(crate) fn of_every_kind(entropy: &mut dyn Entropy) -> Vec<KeyMaterial> {
        let specs = [
            KeySpec::SymmetricDefault,
            KeySpec::Hmac224,
            KeySpec::Hmac512,
            KeySpec::EccNistP256,
            KeySpec::EccNistP521,
            KeySpec::EccNistEdwards25519,
            KeySpec::MlDsa65,
            KeySpec::MlKem768,
        ];
        let made = specs.map(|spec| KeyMaterial::generate(spec, entropy).unwrap());
        made.into_iter().chain([test_keys::material(KeySpec::Rsa4096)]).collect()
    }

    impl Entropy for Seeded {
        fn fill(&mut self, bytes: &mut [u8]) {
            self.0.fill_bytes(bytes);
        }
    }
}
