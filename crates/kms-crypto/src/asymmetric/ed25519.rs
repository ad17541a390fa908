//! Ed25519 in AWS-LC; Ed25519ph, which AWS-LC's interface for Rust does not offer, in `ed25519-dalek`.

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use ed25519_dalek::{Digest, Sha512, Signature, SigningKey, VerifyingKey};
use kms_types::Entropy;
use pkcs8::{ObjectIdentifier, PrivateKeyInfoRef, spki::SubjectPublicKeyInfoRef};
use zeroize::Zeroizing;

use super::broken;
use crate::CryptoError;

const SEED_BYTES: usize = 32;
const ID_ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

pub(super) fn generate(entropy: &mut dyn Entropy) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let seed = super::random(SEED_BYTES, entropy);
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| broken("Ed25519 key generation"))?;
    canonical(&pair).ok_or(broken("Ed25519 key generation"))
}

/// PKCS#8 of version 1: the seed alone, whatever form the key came in.
fn canonical(pair: &Ed25519KeyPair) -> Option<Zeroizing<Vec<u8>>> {
    Some(Zeroizing::new(pair.to_pkcs8v1().ok()?.as_ref().to_vec()))
}

pub(super) fn from_pkcs8(pkcs8: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let info = PrivateKeyInfoRef::try_from(pkcs8).ok()?;
    if info.algorithm.oid != ID_ED25519 || info.algorithm.parameters.is_some() {
        return None;
    }
    // "Maybe unchecked": a version 1 key has no public half to check, a version 2 key's is checked.
    canonical(&Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).ok()?)
}

fn pair(canonical: &[u8]) -> Result<Ed25519KeyPair, CryptoError> {
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(canonical).map_err(|_| broken("stored Ed25519 key"))
}

pub(super) fn public_key(canonical: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let pair = pair(canonical)?;
    let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| broken("Ed25519 public key"))?;
    Ok(spki.as_ref().to_vec())
}

/// PureEdDSA [RFC8032 §5.1.6], verified before it is released (E4).
pub(crate) fn sign(canonical: &[u8], message: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let pair = pair(canonical)?;
    let signature = pair.try_sign(message).map_err(|_| broken("Ed25519"))?;
    UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref())
        .verify(message, signature.as_ref())
        .map_err(|_| broken("Ed25519"))?;
    Ok(signature.as_ref().to_vec())
}

pub(crate) fn verify(public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
    UnparsedPublicKey::new(&ED25519, raw_public_key(public_key).ok_or(CryptoError::InvalidSignature)?)
        .verify(message, signature)
        .map_err(|_| CryptoError::InvalidSignature)
}

/// Ed25519ph without a context [RFC8032 §5.1], verified before it is released (E4).
pub(crate) fn sign_prehashed(canonical: &[u8], message: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let seed = canonical.last_chunk::<SEED_BYTES>().ok_or(broken("stored Ed25519 key"))?;
    let key = SigningKey::from_bytes(seed);
    let prehash = Sha512::new().chain_update(message);
    let signature = key.sign_prehashed(prehash.clone(), None).map_err(|_| broken("Ed25519ph"))?;
    key.verifying_key()
        .verify_prehashed_strict(prehash, None, &signature)
        .map_err(|_| broken("Ed25519ph"))?;
    Ok(signature.to_bytes().to_vec())
}

pub(crate) fn verify_prehashed(
    public_key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), CryptoError> {
    verified_prehashed(public_key, message, signature).ok_or(CryptoError::InvalidSignature)
}

fn verified_prehashed(public_key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let key = VerifyingKey::from_bytes(&raw_public_key(public_key)?).ok()?;
    let signature = Signature::from_slice(signature).ok()?;
    key.verify_prehashed_strict(Sha512::new().chain_update(message), None, &signature).ok()
}

fn raw_public_key(spki: &[u8]) -> Option<[u8; 32]> {
    let info = SubjectPublicKeyInfoRef::try_from(spki).ok()?;
    (info.algorithm.oid == ID_ED25519).then_some(())?;
    info.subject_public_key.as_bytes()?.try_into().ok()
}
