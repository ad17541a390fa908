//! Ed25519 signatures [RFC8032 §5.1] over messages between Regions and audit heads; each use has its own context.
//! Keeps no key anywhere and signs nothing for API callers.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use kms_types::Entropy;
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

use crate::{CryptoError, transcript::Transcript};

/// A private signing key; neither copied, printed nor serialized.
///
/// ```compile_fail
/// fn copy(k: &kms_crypto::SigningKey) -> kms_crypto::SigningKey { k.clone() }
/// ```
/// ```compile_fail
/// fn write(k: &kms_crypto::SigningKey) -> String { serde_json::to_string(k).unwrap() }
/// ```
pub struct SigningKey {
    pair: Ed25519KeyPair,
    verifying: VerifyingKey,
}

/// The public half of a [`SigningKey`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VerifyingKey(pub [u8; 32]);

/// A signature of 64 bytes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct Signature([u8; 64]);

const LABEL: &str = "meridian/v1/signature";

impl SigningKey {
    /// The key of this seed [RFC8032 §5.1.5]. Who must find the key again keeps the seed.
    #[expect(clippy::expect_used, reason = "every 32-byte seed is an Ed25519 key [RFC8032 §5.1.5]")]
    pub fn from_seed(seed: Zeroizing<[u8; 32]>) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).expect("every 32-byte seed is a key");
        let mut public = [0; 32];
        public.iter_mut().zip(pair.public_key().as_ref()).for_each(|(to, from)| *to = *from);
        Self { pair, verifying: VerifyingKey(public) }
    }

    /// A fresh random key.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        entropy.fill(seed.as_mut_slice());
        Self::from_seed(seed)
    }

    /// The public half.
    pub fn verifying(&self) -> VerifyingKey {
        self.verifying
    }

    /// Signs `message` for one use; the signature verifies under the same `context` only.
    pub fn sign(&self, context: &str, message: &[u8]) -> Signature {
        let mut bytes = [0; 64];
        let made = self.pair.sign(&to_be_signed(context, message));
        bytes.iter_mut().zip(made.as_ref()).for_each(|(to, from)| *to = *from);
        Signature(bytes)
    }
}

impl VerifyingKey {
    /// Checks that the holder of the private half signed `message` for this `context`.
    pub fn verify(&self, context: &str, message: &[u8], signature: &Signature) -> Result<(), CryptoError> {
        UnparsedPublicKey::new(&ED25519, self.0)
            .verify(&to_be_signed(context, message), &signature.0)
            .map_err(|_| CryptoError::InvalidSignature)
    }
}

impl Signature {
    /// The 64 bytes.
    pub fn bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

fn to_be_signed(context: &str, message: &[u8]) -> Vec<u8> {
    Transcript::new(LABEL).field(context.as_bytes()).field(message).into_bytes()
}

impl TryFrom<Vec<u8>> for Signature {
    type Error = CryptoError;
    fn try_from(bytes: Vec<u8>) -> Result<Self, CryptoError> {
        let length_bytes = bytes.len();
        bytes.try_into().map(Self).map_err(|_| CryptoError::InvalidSignatureLength { length_bytes })
    }
}

impl From<Signature> for Vec<u8> {
    fn from(signature: Signature) -> Self {
        signature.0.to_vec()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?}, ..)", self.verifying)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", hex::encode(self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy_rng::test_entropy::Seeded;

    #[test]
    fn signature_verifies_for_its_own_key_context_and_message_only() {
        let (key, other) =
            (SigningKey::generate(&mut Seeded::new(1)), SigningKey::generate(&mut Seeded::new(2)));
        let signature = key.sign("region-link", b"hello");
        assert_eq!(key.verifying().verify("region-link", b"hello", &signature), Ok(()));
        for (by, context, message) in [
            (other.verifying(), "region-link", b"hello".as_slice()),
            (key.verifying(), "region-lin", b"hello"),
            (key.verifying(), "region-lin", b"khello"),
            (key.verifying(), "region-link", b"hellp"),
        ] {
            assert_eq!(by.verify(context, message, &signature), Err(CryptoError::InvalidSignature));
        }
    }

    #[test]
    fn signatures_round_trip_through_serde_and_wrong_lengths_are_refused() {
        let signature = SigningKey::generate(&mut Seeded::new(1)).sign("c", b"m");
        let text = serde_json::to_string(&signature).unwrap();
        assert_eq!(serde_json::from_str::<Signature>(&text).unwrap(), signature);
        assert!(serde_json::from_str::<Signature>("[1,2,3]").is_err());
    }

    #[test]
    fn bytes_that_are_no_point_verify_nothing() {
        let signature = SigningKey::generate(&mut Seeded::new(1)).sign("c", b"m");
        assert!(VerifyingKey([0xff; 32]).verify("c", b"m", &signature).is_err());
    }
}
