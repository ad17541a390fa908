//! The bytes of an import token.
//!
//! ```text
//!  0     1                  5         17
//!  ├ ver ┼ domain version ──┼ nonce ──┼ ciphertext ‖ tag (16) ─┤
//!     1      4                 12
//!
//!  plaintext = key id (1 + 16) ‖ algorithm (1) ‖ wrapping key spec (1) ‖ expires at, ms (8) ‖ PKCS#8 private key
//!  AAD       = the first five bytes
//! ```

use kms_types::{Entropy, Timestamp, WrappingAlgorithm, WrappingKeySpec};
use zeroize::Zeroizing;

use super::{ImportTerms, WrappingKey, rsa_spec};
use crate::{
    CryptoError, DomainKey,
    aead::{self, NONCE_BYTES},
    asymmetric::rsa,
    transcript::{key_id_bytes, parse_key_id},
};

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 5;
const LABEL: &[u8] = b"meridian/v1/import-token";

/// One byte each, never to change while tokens are out.
const ALGORITHMS: [(u8, WrappingAlgorithm); 4] = [
    (1, WrappingAlgorithm::RsaesOaepSha1),
    (2, WrappingAlgorithm::RsaesOaepSha256),
    (3, WrappingAlgorithm::RsaAesKeyWrapSha1),
    (4, WrappingAlgorithm::RsaAesKeyWrapSha256),
];
const SPECS: [(u8, WrappingKeySpec); 3] =
    [(1, WrappingKeySpec::Rsa2048), (2, WrappingKeySpec::Rsa3072), (3, WrappingKeySpec::Rsa4096)];

fn code<T: PartialEq>(table: &[(u8, T)], value: &T) -> Option<u8> {
    table.iter().find(|(_, v)| v == value).map(|(code, _)| *code)
}

fn value<T: Copy>(table: &[(u8, T)], code: u8) -> Option<T> {
    table.iter().find(|(c, _)| *c == code).map(|(_, v)| *v)
}

/// A random 96-bit nonce is safe for 2^32 seals per key [SP800-38D §8.3]; every token costs an RSA key.
pub(super) fn seal(
    key: &WrappingKey,
    domain: &DomainKey,
    entropy: &mut dyn Entropy,
) -> Result<Vec<u8>, CryptoError> {
    let [a, b, c, d] = domain.version().to_be_bytes();
    let header = [VERSION, a, b, c, d];
    let nonce = entropy.array::<NONCE_BYTES>();
    let plaintext = encode(key).ok_or(CryptoError::InvalidImportToken)?;
    let sealed = aead::seal_secret(&domain.derive(LABEL), &nonce, &header, &plaintext)?;
    Ok([header.as_slice(), &nonce, &sealed].concat())
}

fn encode(key: &WrappingKey) -> Option<Zeroizing<Vec<u8>>> {
    let terms = &key.terms;
    let codes = [code(&ALGORITHMS, &terms.algorithm)?, code(&SPECS, &terms.wrapping_key_spec)?];
    let expires_at = terms.expires_at.as_millis().to_be_bytes();
    Some(Zeroizing::new([&key_id_bytes(&terms.key)[..], &codes, &expires_at, &key.private_key].concat()))
}

pub(super) fn domain_version(token: &[u8]) -> Option<u32> {
    let (header, _) = token.split_first_chunk::<HEADER_BYTES>()?;
    let [version, a, b, c, d] = *header;
    (version == VERSION).then_some(u32::from_be_bytes([a, b, c, d]))
}

pub(super) fn open(domain: &DomainKey, token: &[u8]) -> Result<WrappingKey, CryptoError> {
    let wrapped = domain_version(token).ok_or(CryptoError::InvalidImportToken)?;
    if wrapped != domain.version() {
        return Err(CryptoError::WrongDomainVersion { wrapped, held: domain.version() });
    }
    decrypt(domain, token).and_then(|plaintext| decode(&plaintext)).ok_or(CryptoError::InvalidImportToken)
}

fn decrypt(domain: &DomainKey, token: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (header, rest) = token.split_first_chunk::<HEADER_BYTES>()?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>()?;
    aead::open_secret(&domain.derive(LABEL), nonce, header, sealed).ok()
}

fn decode(plaintext: &[u8]) -> Option<WrappingKey> {
    let (kind, rest) = plaintext.split_first()?;
    let (id, rest) = rest.split_first_chunk::<16>()?;
    let ([algorithm, spec], rest) = rest.split_first_chunk::<2>()?;
    let (expires_at, private_key) = rest.split_first_chunk::<8>()?;
    let terms = ImportTerms {
        key: parse_key_id(*kind, *id)?,
        algorithm: value(&ALGORITHMS, *algorithm)?,
        wrapping_key_spec: value(&SPECS, *spec)?,
        expires_at: Timestamp::from_millis(u64::from_be_bytes(*expires_at)),
    };
    let private_key = rsa::from_pkcs8(rsa_spec(terms.wrapping_key_spec)?, private_key)?;
    Some(WrappingKey { terms, private_key })
}
