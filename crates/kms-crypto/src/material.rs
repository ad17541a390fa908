//! Key material of every spec and the two public values derived from it. Never prints, copies or serializes the bytes.

use hmac::{Hmac, KeyInit, Mac};
use kms_types::{Entropy, KeyId, KeySpec, MaterialId};
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

use crate::{
    Commitment, CryptoError,
    transcript::{Transcript, key_id_bytes},
};

/// The material of one KMS key, in the canonical form of its spec; wiped on drop, on the heap so that a move leaves no
/// copy.
///
/// | Spec | Canonical bytes |
/// |---|---|
/// | SYMMETRIC_DEFAULT | 32 random bytes |
/// | HMAC_224 / 256 / 384 / 512 | 28 / 32 / 48 / 64 random bytes |
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
/// fn read(m: &kms_crypto::KeyMaterial) -> &[u8] { m.expose() }
/// ```
/// What may leave memory is [`crate::WrappedMaterial`] and [`crate::Envelope`].
pub struct KeyMaterial {
    spec: KeySpec,
    bytes: Zeroizing<Vec<u8>>,
}

impl KeyMaterial {
    /// Fresh random material. Refuses only specs that this service does not offer.
    pub fn generate(spec: KeySpec, entropy: &mut dyn Entropy) -> Result<Self, CryptoError> {
        match spec {
            KeySpec::SymmetricDefault => Ok(Self::random(spec, 32, entropy)),
            KeySpec::Hmac224 => Ok(Self::random(spec, 28, entropy)),
            KeySpec::Hmac256 => Ok(Self::random(spec, 32, entropy)),
            KeySpec::Hmac384 => Ok(Self::random(spec, 48, entropy)),
            KeySpec::Hmac512 => Ok(Self::random(spec, 64, entropy)),
            KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => {
                Err(CryptoError::UnsupportedSpec { spec })
            }
            KeySpec::EccNistP256 | KeySpec::EccNistP384 | KeySpec::EccNistP521 => {
                Err(CryptoError::UnsupportedSpec { spec })
            }
            KeySpec::EccSecgP256k1 | KeySpec::EccNistEdwards25519 => {
                Err(CryptoError::UnsupportedSpec { spec })
            }
            KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87 => {
                Err(CryptoError::UnsupportedSpec { spec })
            }
            KeySpec::MlKem512 | KeySpec::MlKem768 | KeySpec::MlKem1024 => {
                Err(CryptoError::UnsupportedSpec { spec })
            }
            KeySpec::Sm2 => Err(CryptoError::UnsupportedSpec { spec }),
        }
    }

    fn random(spec: KeySpec, length_bytes: usize, entropy: &mut dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new(vec![0; length_bytes]);
        entropy.fill(&mut bytes);
        Self { spec, bytes }
    }

    /// Takes over bytes in canonical form, as [`Self::expose`] gave them; `None` when their length says they are not.
    pub(crate) fn from_canonical(spec: KeySpec, bytes: Zeroizing<Vec<u8>>) -> Option<Self> {
        let fits = match spec {
            KeySpec::SymmetricDefault => bytes.len() == 32,
            _ => !bytes.is_empty(),
        };
        fits.then_some(Self { spec, bytes })
    }

    /// What kind of key this is material of.
    pub fn spec(&self) -> KeySpec {
        self.spec
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.bytes
    }

    /// The plaintext bytes, for the test that looks for them on disks, in logs and in traffic (F1).
    ///
    /// Exists only under the feature `reveal-material`, which no crate of this workspace enables.
    #[cfg(feature = "reveal-material")]
    pub fn reveal_for_test(&self) -> &[u8] {
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
const FRAME_LABEL: &str = "meridian/v1/framed-material";

/// The id of `material` under `key`: equal bytes under one key have one id, under two keys two unrelated ids.
pub fn material_id(key: &KeyId, material: &KeyMaterial) -> MaterialId {
    MaterialId::from_bytes(keyed_digest(ID_LABEL, key, material))
}

/// The commitment that every holder checks before it installs `material` (C4); unrelated to the id.
pub fn commitment(key: &KeyId, material: &KeyMaterial) -> Commitment {
    Commitment(keyed_digest(COMMITMENT_LABEL, key, material))
}

/// HMAC-SHA-256 keyed by the material. Keys of one length make it collision resistant, hence binding; at least 224
/// unknown bits make it hiding. The labels end differently and the key id has a fixed length, so inputs never coincide.
fn keyed_digest(label: &[u8], key: &KeyId, material: &KeyMaterial) -> [u8; 32] {
    let mut mac = hmac_sha256(&hmac_key(material));
    mac.update(label);
    mac.update(&key_id_bytes(key));
    mac.finalize().into_bytes().into()
}

/// Always 32 bytes: HMAC pads short keys with zeros and hashes long ones, so that raw keys of several lengths collide
/// [RFC2104 §2]. All but the 32 bytes of SYMMETRIC_DEFAULT are hashed first, together with their spec and length.
fn hmac_key(material: &KeyMaterial) -> Zeroizing<[u8; 32]> {
    let bytes = material.expose();
    match (material.spec, <&[u8; 32]>::try_from(bytes)) {
        (KeySpec::SymmetricDefault, Ok(key)) => Zeroizing::new(*key),
        (spec, _) => {
            let frame =
                Transcript::new(FRAME_LABEL).field(spec.as_str().as_bytes()).number(bytes.len() as u64);
            Zeroizing::new(
                Sha256::new().chain_update(frame.into_bytes()).chain_update(bytes).finalize().into(),
            )
        }
    }
}

/// HMAC-SHA-256 under a 32-byte key.
#[expect(clippy::expect_used, reason = "HMAC takes keys of every length [RFC2104]")]
pub(crate) fn hmac_sha256(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length")
}

#[cfg(test)]
mod tests;
