//! The Region's domain key, under which every key material rests. Knows neither where it is kept nor when it rotates.

use hmac::Mac;
use kms_types::{Entropy, KeyId, KeySpec, MaterialId};
use std::fmt;
use zeroize::Zeroizing;

use crate::{
    CryptoError, KeyMaterial, WrappedMaterial,
    aead::{self, NONCE_BYTES},
    material::hmac_sha256,
    transcript::Transcript,
};

/// One version of a Region's domain key; wiped on drop.
///
/// ```compile_fail
/// fn copy(k: &kms_crypto::DomainKey) -> kms_crypto::DomainKey { k.clone() }
/// ```
/// ```compile_fail
/// fn write(k: &kms_crypto::DomainKey) -> String { serde_json::to_string(k).unwrap() }
/// ```
pub struct DomainKey {
    version: u32,
    bytes: Box<Zeroizing<[u8; 32]>>,
}

const WRAP_LABEL: &str = "meridian/v1/wrap-material";

impl DomainKey {
    /// A fresh random domain key; versions count from 1.
    pub fn generate(version: u32, entropy: &mut dyn Entropy) -> Self {
        let mut bytes = Box::new(Zeroizing::new([0; 32]));
        entropy.fill(bytes.as_mut_slice());
        Self { version, bytes }
    }

    pub(crate) fn from_boxed(version: u32, bytes: Box<Zeroizing<[u8; 32]>>) -> Self {
        Self { version, bytes }
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The version that a [`WrappedMaterial`] names.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Wraps `material` so that it unwraps only as this material of this key under this version.
    ///
    /// A random 96-bit nonce is safe for 2^32 seals per key [SP800-38D §8.3]; a Region makes far fewer materials.
    #[expect(
        clippy::expect_used,
        reason = "AES-GCM refuses only inputs of 64 GiB and more, these are a few KiB"
    )]
    pub fn wrap(
        &self,
        key: &KeyId,
        material_id: &MaterialId,
        material: &KeyMaterial,
        entropy: &mut dyn Entropy,
    ) -> WrappedMaterial {
        let nonce = entropy.array::<NONCE_BYTES>();
        let aad = self.aad(key, material.spec(), material_id);
        let sealed =
            aead::seal_secret(&self.bytes, &nonce, &aad, material.expose()).expect("a material always seals");
        WrappedMaterial { domain_version: self.version, nonce, sealed }
    }

    /// Unwraps what [`Self::wrap`] made for the same key, spec, material id and version.
    pub fn unwrap_key(
        &self,
        key: &KeyId,
        spec: KeySpec,
        material_id: &MaterialId,
        wrapped: &WrappedMaterial,
    ) -> Result<KeyMaterial, CryptoError> {
        if wrapped.domain_version != self.version {
            return Err(CryptoError::WrongDomainVersion {
                wrapped: wrapped.domain_version,
                held: self.version,
            });
        }
        aead::open_secret(&self.bytes, &wrapped.nonce, &self.aad(key, spec, material_id), &wrapped.sealed)
            .ok()
            .and_then(|bytes| KeyMaterial::from_canonical(spec, bytes))
            .ok_or(CryptoError::InvalidWrappedKey)
    }

    /// A key for another use than wrapping materials; one label, one use.
    pub(crate) fn derive(&self, label: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut mac = hmac_sha256(&self.bytes);
        mac.update(label);
        Zeroizing::new(mac.finalize().into_bytes().into())
    }

    fn aad(&self, key: &KeyId, spec: KeySpec, material_id: &MaterialId) -> Vec<u8> {
        Transcript::new(WRAP_LABEL)
            .key_id(key)
            .field(material_id.bytes())
            .number(u64::from(self.version))
            .spec(spec)
            .into_bytes()
    }
}

impl fmt::Debug for DomainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DomainKey(v{}, ..)", self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        entropy_rng::test_entropy::{Seeded, of_every_kind, symmetric},
        material_id,
    };
    use kms_types::KeyIdKind;

    #[test]
    fn material_unwraps_only_under_its_own_names() {
        let entropy = &mut Seeded::new(3);
        let domain = DomainKey::generate(1, entropy);
        let (key, other) = (key(1), key(2));
        let material = symmetric(entropy);
        let id = material_id(&key, &material);
        let wrapped = domain.wrap(&key, &id, &material, entropy);
        assert_eq!(
            domain.unwrap_key(&key, KeySpec::SymmetricDefault, &id, &wrapped).unwrap().expose(),
            material.expose()
        );
        let other_id = material_id(&other, &material);
        let refused = domain.unwrap_key(&key, KeySpec::Hmac256, &id, &wrapped).unwrap_err();
        assert_eq!(refused, CryptoError::InvalidWrappedKey, "another spec");
        for (k, i) in [(&other, &id), (&key, &other_id)] {
            assert_eq!(
                domain.unwrap_key(k, KeySpec::SymmetricDefault, i, &wrapped).unwrap_err(),
                CryptoError::InvalidWrappedKey
            );
        }
    }

    #[test]
    fn material_of_every_length_wraps() {
        let entropy = &mut Seeded::new(8);
        let domain = DomainKey::generate(1, entropy);
        for material in of_every_kind(entropy) {
            let spec = material.spec();
            let id = material_id(&key(1), &material);
            let wrapped = domain.wrap(&key(1), &id, &material, entropy);
            let unwrapped = domain.unwrap_key(&key(1), spec, &id, &wrapped).unwrap();
            assert_eq!((unwrapped.spec(), unwrapped.expose()), (spec, material.expose()));
            let other = if spec == KeySpec::Hmac224 { KeySpec::Hmac256 } else { KeySpec::Hmac224 };
            assert!(domain.unwrap_key(&key(1), other, &id, &wrapped).is_err());
        }
    }

    #[test]
    fn another_version_is_named_in_the_error_and_cannot_be_forged() {
        let entropy = &mut Seeded::new(4);
        let one = DomainKey::generate(1, entropy);
        let two = DomainKey::from_boxed(2, one.bytes.clone());
        let (key, material) = (key(1), symmetric(entropy));
        let id = material_id(&key, &material);
        let mut wrapped = one.wrap(&key, &id, &material, entropy);
        let refused = two.unwrap_key(&key, KeySpec::SymmetricDefault, &id, &wrapped).unwrap_err();
        assert_eq!(refused, CryptoError::WrongDomainVersion { wrapped: 1, held: 2 });
        wrapped.domain_version = 2;
        assert_eq!(
            two.unwrap_key(&key, KeySpec::SymmetricDefault, &id, &wrapped).unwrap_err(),
            CryptoError::InvalidWrappedKey
        );
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let entropy = &mut Seeded::new(5);
        let (domain, key, material) = (DomainKey::generate(7, entropy), key(9), symmetric(entropy));
        let id = material_id(&key, &material);
        let wrapped = domain.wrap(&key, &id, &material, entropy);
        for bit in 0..wrapped.sealed.len() * 8 {
            let mut changed = wrapped.clone();
            changed.sealed[bit / 8] ^= 1 << (bit % 8);
            assert!(domain.unwrap_key(&key, KeySpec::SymmetricDefault, &id, &changed).is_err(), "bit {bit}");
        }
    }

    fn key(byte: u8) -> KeyId {
        KeyId::from_random(KeyIdKind::MultiRegion, [byte; 16])
    }
}
