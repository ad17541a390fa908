//! How key material travels from one Region to another: HPKE [RFC9180 §5.1], base mode, one fresh receiver key per offer.
//! Who sent an envelope is proven by the signature of the message that carries it, not here.
//!
//! Suite: X-Wing (ML-KEM-768 with X25519), HKDF-SHA-256, AES-256-GCM. A recorded envelope stays closed as long as
//! either half of the KEM holds.

mod binding;
mod receiver;
#[cfg(test)]
mod tests;

use hpke::{
    Deserializable, OpModeR, OpModeS, Serializable,
    aead::{AeadTag, AesGcm256},
    inout::InOutBuf,
    kdf::HkdfSha256,
    kem::XWing,
    single_shot_open_inout_detached, single_shot_seal_inout_detached_with_rng,
};
use kms_types::Entropy;
use serde::{Deserialize, Serialize};
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{CryptoError, KeyMaterial, commitment, entropy_rng::EntropyRng, material_id};
pub use binding::EnvelopeBinding;
pub use receiver::{ReceiverKey, ReceiverPublic};

type EncappedKey = <XWing as hpke::Kem>::EncappedKey;
const TAG_BYTES: usize = 16;

/// One key material, sealed for one receiver key under one [`EnvelopeBinding`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The encapsulated key.
    pub encapsulated: Vec<u8>,
    /// Ciphertext and 16-byte tag.
    pub sealed: Vec<u8>,
}

/// Seals `material` for a receiver; refuses material that the binding does not name.
pub fn seal_envelope(
    receiver: &ReceiverPublic,
    binding: &EnvelopeBinding,
    material: &KeyMaterial,
    entropy: &mut dyn Entropy,
) -> Result<Envelope, CryptoError> {
    check_names(binding, material)?;
    let mut body = Zeroizing::new(material.expose().to_vec());
    let (encapsulated, tag) = single_shot_seal_inout_detached_with_rng::<AesGcm256, HkdfSha256, XWing>(
        &OpModeS::Base,
        &receiver.parsed()?,
        &binding.info(),
        InOutBuf::from(body.as_mut_slice()),
        b"",
        &mut EntropyRng(entropy),
    )
    .map_err(|_| CryptoError::Primitive { primitive: "HPKE seal" })?;
    let sealed = [body.as_slice(), &tag.to_bytes()].concat();
    Ok(Envelope { encapsulated: encapsulated.to_bytes().to_vec(), sealed })
}

impl ReceiverKey {
    /// Opens an envelope that was sealed for this key under exactly this binding, and checks that it holds the
    /// material which the binding names (F2, C4).
    pub fn open(&self, binding: &EnvelopeBinding, envelope: &Envelope) -> Result<KeyMaterial, CryptoError> {
        let material = self.decrypt(binding, envelope).ok_or(CryptoError::InvalidEnvelope)?;
        check_names(binding, &material)?;
        Ok(material)
    }

    fn decrypt(&self, binding: &EnvelopeBinding, envelope: &Envelope) -> Option<KeyMaterial> {
        let encapsulated = EncappedKey::from_bytes(&envelope.encapsulated).ok()?;
        let (body, tag) = envelope.sealed.split_last_chunk::<TAG_BYTES>()?;
        let mut bytes = Zeroizing::new(body.to_vec());
        single_shot_open_inout_detached::<AesGcm256, HkdfSha256, XWing>(
            &OpModeR::Base,
            self.private(),
            &encapsulated,
            &binding.info(),
            InOutBuf::from(bytes.as_mut_slice()),
            b"",
            &AeadTag::from_bytes(tag).ok()?,
        )
        .ok()?;
        KeyMaterial::from_canonical(binding.spec, bytes)
    }
}

/// Both names are checked: the id is what the key's record lists, the commitment what its holders agreed on.
fn check_names(binding: &EnvelopeBinding, material: &KeyMaterial) -> Result<(), CryptoError> {
    let id = material_id(&binding.key, material).bytes().ct_eq(binding.material.bytes());
    let committed = commitment(&binding.key, material).0.ct_eq(&binding.commitment.0);
    if material.spec() == binding.spec && (id & committed).into() {
        Ok(())
    } else {
        Err(CryptoError::MaterialMismatch)
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Envelope({} + {} bytes)", self.encapsulated.len(), self.sealed.len())
    }
}
