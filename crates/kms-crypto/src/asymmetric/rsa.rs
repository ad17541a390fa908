//! RSA keys, signatures and OAEP, all arithmetic in AWS-LC, which also draws primes, salts and seeds itself.

use aws_lc_rs::{
    digest::Digest,
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{
        KeyPair, KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm,
        OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
    },
    signature::{
        KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
        RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_2048_8192_SHA256,
        RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
        RsaParameters, RsaSignatureEncoding, UnparsedPublicKey,
    },
};
use kms_types::{KeySpec, SigningAlgorithm};
use pkcs8::{
    ObjectIdentifier, PrivateKeyInfoRef,
    der::{self, Decode, Reader, SliceReader, asn1::UintRef},
};
use zeroize::Zeroizing;

use super::broken;
use crate::CryptoError;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EXPONENT: &[u8] = &[1, 0, 1];

/// The hash of OAEP and of its MGF1; the label is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OaepHash {
    Sha1,
    Sha256,
}

impl OaepHash {
    fn algorithm(self) -> &'static OaepAlgorithm {
        match self {
            Self::Sha1 => &OAEP_SHA1_MGF1SHA1,
            Self::Sha256 => &OAEP_SHA256_MGF1SHA256,
        }
    }
}

/// A fresh key with the exponent 65537 [FIPS186-5 §A.1]. Takes a tenth of a second and more.
pub(crate) fn generate(spec: KeySpec) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let size = match spec.modulus_bits() {
        Some(2048) => KeySize::Rsa2048,
        Some(3072) => KeySize::Rsa3072,
        Some(4096) => KeySize::Rsa4096,
        _ => return Err(CryptoError::UnsupportedSpec { spec }),
    };
    let pair = KeyPair::generate(size).map_err(|_| broken("RSA key generation"))?;
    canonical(&pair).ok_or(broken("RSA key generation"))
}

fn canonical(pair: &KeyPair) -> Option<Zeroizing<Vec<u8>>> {
    let der: Pkcs8V1Der<'_> = pair.as_der().ok()?;
    Some(Zeroizing::new(der.as_ref().to_vec()))
}

/// AWS-LC checks that factors, exponents and CRT values belong together; the rest is checked here.
pub(crate) fn from_pkcs8(spec: KeySpec, pkcs8: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let info = PrivateKeyInfoRef::try_from(pkcs8).ok()?;
    (info.algorithm.oid == RSA_ENCRYPTION).then_some(())?;
    let pair = KeyPair::from_pkcs8(pkcs8).ok()?;
    let public_key = pair.public_key().as_ref();
    let (modulus, exponent) = SliceReader::new(public_key).ok()?.sequence(modulus_and_exponent).ok()?;
    let bits = modulus.as_bytes().len() * 8 - leading_zeros(modulus.as_bytes());
    (Some(bits) == spec.modulus_bits() && exponent.as_bytes() == EXPONENT).then_some(())?;
    canonical(&pair)
}

/// The content of an RSAPublicKey [RFC8017 §A.1.1].
fn modulus_and_exponent<'a>(reader: &mut SliceReader<'a>) -> der::Result<(UintRef<'a>, UintRef<'a>)> {
    Ok((UintRef::decode(reader)?, UintRef::decode(reader)?))
}

fn leading_zeros(number: &[u8]) -> usize {
    number.first().map_or(0, |byte| byte.leading_zeros() as usize)
}

fn pair(canonical: &[u8]) -> Result<KeyPair, CryptoError> {
    KeyPair::from_pkcs8(canonical).map_err(|_| broken("stored RSA key"))
}

pub(crate) fn public_key(canonical: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let pair = pair(canonical)?;
    let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| broken("RSA public key"))?;
    Ok(spki.as_ref().to_vec())
}

/// How a signing algorithm pads; `None` for what is not RSA. The salt of PSS is as long as the hash.
fn padding(algorithm: SigningAlgorithm) -> Option<(&'static RsaSignatureEncoding, &'static RsaParameters)> {
    match algorithm {
        SigningAlgorithm::RsassaPssSha256 => Some((&RSA_PSS_SHA256, &RSA_PSS_2048_8192_SHA256)),
        SigningAlgorithm::RsassaPssSha384 => Some((&RSA_PSS_SHA384, &RSA_PSS_2048_8192_SHA384)),
        SigningAlgorithm::RsassaPssSha512 => Some((&RSA_PSS_SHA512, &RSA_PSS_2048_8192_SHA512)),
        SigningAlgorithm::RsassaPkcs1V15Sha256 => Some((&RSA_PKCS1_SHA256, &RSA_PKCS1_2048_8192_SHA256)),
        SigningAlgorithm::RsassaPkcs1V15Sha384 => Some((&RSA_PKCS1_SHA384, &RSA_PKCS1_2048_8192_SHA384)),
        SigningAlgorithm::RsassaPkcs1V15Sha512 => Some((&RSA_PKCS1_SHA512, &RSA_PKCS1_2048_8192_SHA512)),
        SigningAlgorithm::EcdsaSha256 | SigningAlgorithm::EcdsaSha384 | SigningAlgorithm::EcdsaSha512 => None,
        SigningAlgorithm::Ed25519Sha512 | SigningAlgorithm::Ed25519PhSha512 => None,
        SigningAlgorithm::MlDsaShake256 | SigningAlgorithm::Sm2dsa => None,
    }
}

/// Signs and verifies what it signed before it lets go of it: a fault in the arithmetic could give the key away (E4).
pub(crate) fn sign(
    canonical: &[u8],
    algorithm: SigningAlgorithm,
    digest: &Digest,
) -> Result<Vec<u8>, CryptoError> {
    let (encoding, parameters) = padding(algorithm).ok_or(broken("RSA padding"))?;
    let pair = pair(canonical)?;
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign_digest(encoding, digest, &mut signature).map_err(|_| broken("RSA signature"))?;
    UnparsedPublicKey::new(parameters, pair.public_key().as_ref())
        .verify_digest(digest, &signature)
        .map_err(|_| broken("RSA signature"))?;
    Ok(signature)
}

pub(crate) fn verify(
    public_key: &[u8],
    algorithm: SigningAlgorithm,
    digest: &Digest,
    signature: &[u8],
) -> Result<(), CryptoError> {
    let (_, parameters) = padding(algorithm).ok_or(CryptoError::InvalidSignature)?;
    UnparsedPublicKey::new(parameters, public_key)
        .verify_digest(digest, signature)
        .map_err(|_| CryptoError::InvalidSignature)
}

/// How long a block of OAEP under this key is.
pub(crate) fn oaep_key_bytes(canonical: &[u8]) -> Result<usize, CryptoError> {
    Ok(pair(canonical)?.public_modulus_len())
}

/// OAEP [RFC8017 §7.1.1] to a public key; `None` when the key is not RSA or the plaintext does not fit.
pub(crate) fn oaep_encrypt(public_key: &[u8], hash: OaepHash, plaintext: &[u8]) -> Option<Vec<u8>> {
    let key = OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(public_key).ok()?).ok()?;
    let mut ciphertext = vec![0; key.ciphertext_size()];
    let length_bytes = key.encrypt(hash.algorithm(), plaintext, &mut ciphertext, None).ok()?.len();
    (length_bytes == ciphertext.len()).then_some(ciphertext)
}

/// Opens what [`oaep_encrypt`] made. Whatever is wrong with the ciphertext, the answer and its timing are the same.
pub(crate) fn oaep_decrypt(
    canonical: &[u8],
    hash: OaepHash,
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let key = PrivateDecryptingKey::from_pkcs8(canonical).map_err(|_| broken("stored RSA key"))?;
    let key = OaepPrivateDecryptingKey::new(key).map_err(|_| broken("stored RSA key"))?;
    let mut buffer = Zeroizing::new(vec![0; key.min_output_size()]);
    let plaintext = key
        .decrypt(hash.algorithm(), ciphertext, &mut buffer, None)
        .map_err(|_| CryptoError::InvalidCiphertext)?;
    Ok(Zeroizing::new(plaintext.to_vec()))
}

#[cfg(test)]
pub(crate) mod test_keys;
