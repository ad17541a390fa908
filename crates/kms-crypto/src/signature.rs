//! The signatures of Sign and Verify, for every signing algorithm. Private material signs, public keys verify, and nothing
//! here knows where either is kept.
//!
//! ```
//! use kms_crypto::{KeyMaterial, signature::{self, Message}};
//! use kms_types::{KeySpec, MessageType, SigningAlgorithm};
//! # struct Entropy;
//! # impl kms_types::Entropy for Entropy { fn fill(&mut self, bytes: &mut [u8]) { bytes.fill(7) } }
//! let (spec, algorithm) = (KeySpec::EccNistP256, SigningAlgorithm::EcdsaSha256);
//! let material = KeyMaterial::generate(spec, &mut Entropy)?;
//! let message = Message { message_type: MessageType::Raw, bytes: b"hello" };
//! let signed = signature::sign(&material, algorithm, message, &mut Entropy)?;
//! let public_key = material.public_key()?.expect("the spec is asymmetric");
//! signature::verify(spec, &public_key, algorithm, message, &signed)?;
//! # Ok::<(), kms_crypto::CryptoError>(())
//! ```

use aws_lc_rs::digest::{self, Digest};
use kms_types::{Entropy, KeySpec, KeyUsage, MessageType, SigningAlgorithm};

use crate::{
    CryptoError, KeyMaterial,
    asymmetric::{Family, ec, ed25519, ml_dsa, rsa},
};

/// What is signed: the message itself, its hash, or the mu of ML-DSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// How `bytes` are to be understood.
    pub message_type: MessageType,
    /// The message, the hash or mu.
    pub bytes: &'a [u8],
}

/// Signs `message`; the lengths and encodings of signatures are AWS's [KMS:Sign]. Every signature is verified before it is
/// returned (E4). AWS-LC draws salts and nonces itself; `entropy` hedges ML-DSA with an external mu.
///
/// # Errors
/// [`CryptoError::WrongAlgorithm`] for an algorithm that the material's spec does not have;
/// [`CryptoError::WrongMessageType`]; [`CryptoError::MessageLength`].
pub fn sign(
    material: &KeyMaterial,
    algorithm: SigningAlgorithm,
    message: Message<'_>,
    entropy: &mut dyn Entropy,
) -> Result<Vec<u8>, CryptoError> {
    let (spec, key) = (material.spec(), material.expose());
    match check(spec, algorithm, message)? {
        Family::Rsa => rsa::sign(key, algorithm, &digest_of(algorithm, message)?),
        Family::Ec(curve) => ec::sign(curve, key, &digest_of(algorithm, message)?),
        Family::Ed25519 if algorithm == SigningAlgorithm::Ed25519PhSha512 => {
            ed25519::sign_prehashed(key, message.bytes)
        }
        Family::Ed25519 => ed25519::sign(key, message.bytes),
        Family::MlDsa if message.message_type == MessageType::ExternalMu => {
            ml_dsa::sign_mu(spec, key, message.bytes, entropy)
        }
        Family::MlDsa => ml_dsa::sign(spec, key, message.bytes),
        Family::MlKem => Err(wrong_algorithm(spec, algorithm)),
    }
}

/// Checks a signature with the public key of a key of `spec`.
///
/// # Errors
/// [`CryptoError::InvalidSignature`] for everything that is not a signature of this message by this key, whatever is wrong
/// with it; else as [`sign`].
pub fn verify(
    spec: KeySpec,
    public_key: &[u8],
    algorithm: SigningAlgorithm,
    message: Message<'_>,
    signature: &[u8],
) -> Result<(), CryptoError> {
    match check(spec, algorithm, message)? {
        Family::Rsa => rsa::verify(public_key, algorithm, &digest_of(algorithm, message)?, signature),
        Family::Ec(curve) => ec::verify(curve, public_key, &digest_of(algorithm, message)?, signature),
        Family::Ed25519 if algorithm == SigningAlgorithm::Ed25519PhSha512 => {
            ed25519::verify_prehashed(public_key, message.bytes, signature)
        }
        Family::Ed25519 => ed25519::verify(public_key, message.bytes, signature),
        Family::MlDsa if message.message_type == MessageType::ExternalMu => {
            ml_dsa::verify_mu(spec, public_key, message.bytes, signature)
        }
        Family::MlDsa => ml_dsa::verify(spec, public_key, message.bytes, signature),
        Family::MlKem => Err(wrong_algorithm(spec, algorithm)),
    }
}

fn check(spec: KeySpec, algorithm: SigningAlgorithm, message: Message<'_>) -> Result<Family, CryptoError> {
    let Message { message_type, bytes } = message;
    if !spec.signing_algorithms(KeyUsage::SignVerify).contains(&algorithm) {
        return Err(wrong_algorithm(spec, algorithm));
    }
    if !algorithm.message_types().contains(&message_type) {
        return Err(CryptoError::WrongMessageType { algorithm, message_type });
    }
    if !algorithm.admits_length(message_type, bytes.len()) {
        return Err(CryptoError::MessageLength { length_bytes: bytes.len() });
    }
    Family::of(spec).ok_or(CryptoError::UnsupportedSpec { spec })
}

fn wrong_algorithm(spec: KeySpec, algorithm: SigningAlgorithm) -> CryptoError {
    CryptoError::WrongAlgorithm { spec, algorithm: algorithm.as_str() }
}

/// The hash that RSA and ECDSA sign.
fn digest_of(algorithm: SigningAlgorithm, message: Message<'_>) -> Result<Digest, CryptoError> {
    let hash = match algorithm.digest_bytes() {
        32 => &digest::SHA256,
        48 => &digest::SHA384,
        _ => &digest::SHA512,
    };
    match message.message_type {
        MessageType::Raw => Ok(digest::digest(hash, message.bytes)),
        MessageType::Digest | MessageType::ExternalMu => Digest::import_less_safe(message.bytes, hash)
            .map_err(|_| CryptoError::MessageLength { length_bytes: message.bytes.len() }),
    }
}

#[cfg(test)]
mod tests;
