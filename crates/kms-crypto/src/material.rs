//! Key material of every spec and the two public values derived from it. Never prints, copies or serializes the bytes.

use hmac::{Hmac, KeyInit, Mac};
use kms_types::{Entropy, KeyId, KeySpec, MaterialId};
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

use crate::{
    Commitment, CryptoError,
    asymmetric::{self, Family},
    transcript::{Transcript, key_id_bytes},
};

/// The material of one KMS key, in the canonical form of its spec; wiped on drop, on the heap so that a move leaves no
/// copy.
///
/// | Spec | Canonical bytes |
/// |---|---|
/// | SYMMETRIC_DEFAULT | 32 random bytes |
/// | HMAC_224 / 256 / 384 / 512 | 28 / 32 / 48 / 64 random bytes |
/// | RSA, ECC_NIST, ECC_SECG, ECC_NIST_EDWARDS25519 | PKCS#8 version 1 in DER, as AWS-LC writes it [RFC5958 §2] |
/// | ML_DSA | the 32-byte seed ξ [FIPS204 §6.1] |
/// | ML_KEM | the 64-byte seed d ‖ z [FIPS203 §7.1] |
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
    /// Fresh random material. RSA primes come from AWS-LC's own generator, everything else from `entropy`.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedSpec`] for what is offered in China only.
    pub fn generate(spec: KeySpec, entropy: &mut dyn Entropy) -> Result<Self, CryptoError> {
        let bytes = match (shared_secret_bytes(spec), Family::of(spec)) {
            (Some(length_bytes), _) => {
                let mut bytes = Zeroizing::new(vec![0; length_bytes]);
                entropy.fill(&mut bytes);
                bytes
            }
            (None, Some(family)) => asymmetric::generate(&family, spec, entropy)?,
            (None, None) => return Err(CryptoError::UnsupportedSpec { spec }),
        };
        Ok(Self { spec, bytes })
    }

    /// Material that a customer brings [KMS:ImportKeyMaterial]: raw bytes of a shared secret, exactly as many as
    /// [`Self::generate`] draws, or the PKCS#8 of a private key of exactly this spec with 65537 as RSA exponent, whose parts
    /// belong together. Of a lattice key its PKCS#8 must give the seed; what it expands to may stand beside it.
    ///
    /// Two encodings of one private key are one material: the canonical form is kept, not what came in.
    ///
    /// # Errors
    /// [`CryptoError::InvalidKeyMaterial`]; [`CryptoError::UnsupportedSpec`].
    pub fn import(spec: KeySpec, bytes: &[u8]) -> Result<Self, CryptoError> {
        let canonical = match (shared_secret_bytes(spec), Family::of(spec)) {
            (Some(length_bytes), _) => (bytes.len() == length_bytes).then(|| Zeroizing::new(bytes.to_vec())),
            (None, Some(family)) => asymmetric::from_pkcs8(&family, spec, bytes),
            (None, None) => return Err(CryptoError::UnsupportedSpec { spec }),
        };
        canonical.map(|bytes| Self { spec, bytes }).ok_or(CryptoError::InvalidKeyMaterial { spec })
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

    /// The public half as SubjectPublicKeyInfo in DER; `None` for shared secrets. Computed anew at every call, in up to a
    /// millisecond: who needs it often keeps it.
    ///
    /// # Errors
    /// [`CryptoError::Primitive`] only for material that was damaged in memory.
    pub fn public_key(&self) -> Result<Option<Vec<u8>>, CryptoError> {
        let family = Family::of(self.spec);
        family.map(|family| asymmetric::public_key(&family, self.spec, &self.bytes)).transpose()
    }

    /// The private key as PKCS#8, for a data key pair, which is not kept here.
    pub(crate) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let family = Family::of(self.spec).ok_or(CryptoError::UnsupportedSpec { spec: self.spec })?;
        asymmetric::to_pkcs8(&family, self.spec, &self.bytes)
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

/// How many bytes a shared secret of this spec has; `None` for private keys.
fn shared_secret_bytes(spec: KeySpec) -> Option<usize> {
    match spec {
        KeySpec::SymmetricDefault | KeySpec::Hmac256 => Some(32),
        KeySpec::Hmac224 => Some(28),
        KeySpec::Hmac384 => Some(48),
        KeySpec::Hmac512 => Some(64),
        _ => None,
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
