//! How customers bring key material [KMS:GetParametersForImport], [KMS:ImportKeyMaterial]: a wrapping key pair whose private
//! half travels inside the import token, so that no node has to remember it. Knows no clock: who opens a token compares its
//! expiry with Region time.
//!
//! ```text
//! issue ──► public key ──► customer wraps material ──► encrypted material ─┐
//!       └─► import token ──────────────────────────────► open ──► unwrap ──┴─► KeyMaterial
//! ```

mod token;
mod unwrap;

pub(crate) use unwrap::key_unwrap;

use kms_types::{Entropy, KeyId, KeySpec, Timestamp, WrappingAlgorithm, WrappingKeySpec};
use std::fmt;
use zeroize::Zeroizing;

use crate::{
    CryptoError, DomainKey, KeyMaterial,
    asymmetric::rsa::{self, OaepHash},
};

/// What a wrapping key may be used for, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportTerms {
    /// The one key that the material may be imported into.
    pub key: KeyId,
    /// How the customer wraps.
    pub algorithm: WrappingAlgorithm,
    /// The size of the wrapping key.
    pub wrapping_key_spec: WrappingKeySpec,
    /// When token and wrapping key expire, in Region time.
    pub expires_at: Timestamp,
}

/// An RSA key pair made for one import.
pub struct WrappingKey {
    terms: ImportTerms,
    private_key: Zeroizing<Vec<u8>>,
}

impl WrappingKey {
    /// A fresh wrapping key. Takes as long as making an RSA key of this size: up to seconds.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedWrapping`] for RSAES_PKCS1_V1_5, which nothing may be wrapped with any more, and for what is
    /// offered in China only.
    pub fn generate(terms: ImportTerms) -> Result<Self, CryptoError> {
        let scheme = Scheme::of(terms.algorithm).zip(rsa_spec(terms.wrapping_key_spec));
        let (_, spec) = scheme.ok_or(CryptoError::UnsupportedWrapping {
            algorithm: terms.algorithm,
            wrapping_key_spec: terms.wrapping_key_spec,
        })?;
        Ok(Self { terms, private_key: rsa::generate(spec)? })
    }

    /// What the customer wraps to: SubjectPublicKeyInfo in DER.
    pub fn public_key(&self) -> Result<Vec<u8>, CryptoError> {
        rsa::public_key(&self.private_key)
    }

    /// What the key may be used for.
    pub fn terms(&self) -> &ImportTerms {
        &self.terms
    }

    /// The import token: this key and its terms, encrypted and authenticated under a key derived from `domain`. At most
    /// [`kms_types::limits::MAX_CIPHERTEXT_BYTES`] long; opens any number of times.
    pub fn to_token(&self, domain: &DomainKey, entropy: &mut dyn Entropy) -> Result<Vec<u8>, CryptoError> {
        token::seal(self, domain, entropy)
    }

    /// Opens a token that [`Self::to_token`] made under the same domain key.
    ///
    /// # Errors
    /// [`CryptoError::WrongDomainVersion`] when another version made it, see [`token_domain_version`];
    /// [`CryptoError::InvalidImportToken`] for everything else.
    pub fn from_token(domain: &DomainKey, token: &[u8]) -> Result<Self, CryptoError> {
        token::open(domain, token)
    }

    /// Unwraps what the customer wrapped and checks that it is material of `spec`.
    ///
    /// # Errors
    /// [`CryptoError::InvalidCiphertext`] when it does not unwrap; [`CryptoError::InvalidKeyMaterial`] when it does, but is
    /// no material of this spec.
    pub fn unwrap_material(&self, spec: KeySpec, encrypted: &[u8]) -> Result<KeyMaterial, CryptoError> {
        let scheme = Scheme::of(self.terms.algorithm).ok_or(CryptoError::InvalidCiphertext)?;
        let bytes = unwrap::unwrap_bytes(scheme, &self.private_key, encrypted)?;
        KeyMaterial::import(spec, &bytes)
    }
}

/// The version of the domain key that opens a token; `None` for what is no token. Not authenticated: it only says which key
/// to try.
pub fn token_domain_version(token: &[u8]) -> Option<u32> {
    token::domain_version(token)
}

/// The wrapping algorithms that are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    /// The material itself under OAEP.
    Oaep(OaepHash),
    /// An AES-256 key under OAEP, followed by the material under that key.
    OaepThenKeyWrap(OaepHash),
}

impl Scheme {
    fn of(algorithm: WrappingAlgorithm) -> Option<Self> {
        match algorithm {
            WrappingAlgorithm::RsaesOaepSha1 => Some(Self::Oaep(OaepHash::Sha1)),
            WrappingAlgorithm::RsaesOaepSha256 => Some(Self::Oaep(OaepHash::Sha256)),
            WrappingAlgorithm::RsaAesKeyWrapSha1 => Some(Self::OaepThenKeyWrap(OaepHash::Sha1)),
            WrappingAlgorithm::RsaAesKeyWrapSha256 => Some(Self::OaepThenKeyWrap(OaepHash::Sha256)),
            WrappingAlgorithm::RsaesPkcs1V15 | WrappingAlgorithm::Sm2pke => None,
        }
    }
}

fn rsa_spec(spec: WrappingKeySpec) -> Option<KeySpec> {
    match spec {
        WrappingKeySpec::Rsa2048 => Some(KeySpec::Rsa2048),
        WrappingKeySpec::Rsa3072 => Some(KeySpec::Rsa3072),
        WrappingKeySpec::Rsa4096 => Some(KeySpec::Rsa4096),
        WrappingKeySpec::Sm2 => None,
    }
}

impl fmt::Debug for WrappingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappingKey({:?}, ..)", self.terms)
    }
}

#[cfg(test)]
mod tests;
