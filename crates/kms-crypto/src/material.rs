//! Key material and the two public values derived from it. Never prints, copies or serializes the bytes.

use hmac::{Hmac, KeyInit, Mac};
use kms_types::{Entropy, KeyId, MaterialId};
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

use crate::{Commitment, transcript::key_id_bytes};

/// 256 bits of key material of one KMS key; wiped on drop, boxed so that a move leaves no copy.
///
/// It cannot be copied:
/// ```compile_fail
/// fn copy(m: &kms_crypto::KeyMaterial) -> kms_crypto::KeyMaterial { m.clone() }
/// ```
/// nor serialized:
/// ```compile_fail
/// fn write(m: &kms_crypto::KeyMaterial) -> String { serde_json::to_string(m).unwrap() }
/// ```
/// nor displayed, nor read outside this crate:
/// ```compile_fail
/// fn show(m: &kms_crypto::KeyMaterial) -> String { m.to_string() }
/// ```
/// ```compile_fail
/// fn read(m: &kms_crypto::KeyMaterial) -> [u8; 32] { *m.expose() }
/// ```
/// What may leave memory is [`crate::WrappedMaterial`] and [`crate::Envelope`].
pub struct KeyMaterial(Box<Zeroizing<[u8; 32]>>);

impl KeyMaterial {
    /// Fresh random material.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        let mut bytes = Box::new(Zeroizing::new([0; 32]));
        entropy.fill(bytes.as_mut_slice());
        Self(bytes)
    }

    pub(crate) fn from_boxed(bytes: Box<Zeroizing<[u8; 32]>>) -> Self {
        Self(bytes)
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The plaintext bytes, for the test that looks for them on disks, in logs and in traffic (F1).
    ///
    /// Exists only under the feature `reveal-material`, which no crate of this workspace enables.
    #[cfg(feature = "reveal-material")]
    pub fn reveal_for_test(&self) -> &[u8; 32] {
        self.expose()
    }
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyMaterial(..)")
    }
}

const ID_LABEL: &[u8] = b"meridian/v1/material-id";
const COMMITMENT_LABEL: &[u8] = b"meridian/v1/material-commitment";

/// The id of `material` under `key`: equal bytes under one key have one id, under two keys two unrelated ids.
pub fn material_id(key: &KeyId, material: &KeyMaterial) -> MaterialId {
    MaterialId::from_bytes(keyed_digest(ID_LABEL, key, material))
}

/// The commitment that every holder checks before it installs `material` (C4); unrelated to the id.
pub fn commitment(key: &KeyId, material: &KeyMaterial) -> Commitment {
    Commitment(keyed_digest(COMMITMENT_LABEL, key, material))
}

/// HMAC-SHA-256 keyed by the material. Keys of one length make it collision resistant, hence binding; 256 unknown
/// bits make it hiding. The labels end differently and the key id has a fixed length, so inputs never coincide.
fn keyed_digest(label: &[u8], key: &KeyId, material: &KeyMaterial) -> [u8; 32] {
    let mut mac = hmac_sha256(material.expose());
    mac.update(label);
    mac.update(&key_id_bytes(key));
    mac.finalize().into_bytes().into()
}

/// HMAC-SHA-256 under a 32-byte key.
#[expect(clippy::expect_used, reason = "HMAC takes keys of every length [RFC2104]")]
pub(crate) fn hmac_sha256(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy_rng::test_entropy::Seeded;
    use kms_types::KeyIdKind;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", KeyMaterial::generate(&mut Seeded::new(1))), "KeyMaterial(..)");
    }

    #[test]
    fn ids_and_commitments_differ_by_key_kind_and_material() {
        let (a, b) = (KeyMaterial::generate(&mut Seeded::new(1)), KeyMaterial::generate(&mut Seeded::new(2)));
        let multi = KeyId::from_parts(KeyIdKind::MultiRegion, [1; 16]);
        let single = KeyId::from_parts(KeyIdKind::SingleRegion, [1; 16]);
        assert_eq!(material_id(&multi, &a), material_id(&multi, &a));
        assert_ne!(material_id(&multi, &a), material_id(&multi, &b));
        assert_ne!(material_id(&multi, &a), material_id(&single, &a));
        assert_ne!(commitment(&multi, &a), commitment(&single, &a));
        assert_ne!(commitment(&multi, &a).0, *material_id(&multi, &a).bytes());
    }
}
