//! Known answers for the asymmetric primitives. Unless a source is named, the answers were computed with an independent
//! implementation from scalars, seeds and randomness that count upwards. Makes no RSA key: that takes too long for a start.

use kms_types::{
    EncapsulationAlgorithm, EncryptionAlgorithm, Entropy, KeyAgreementAlgorithm, KeySpec, MessageType,
    SigningAlgorithm,
};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{
    answers,
    counting::Counting,
    primitives::{bytes, same},
};
use crate::{
    KeyMaterial, agreement,
    asymmetric::{
        ec::{self, Curve},
        ed25519, ml_dsa,
    },
    kem, rsa_oaep,
    signature::{self, Message},
};

const MESSAGE: Message<'_> = Message { message_type: MessageType::Raw, bytes: b"meridian self-test" };

/// Signs to the known PKCS#1 v1.5 signature, verifies a known PSS signature, decrypts known OAEP blocks, and refuses what
/// was altered.
pub(super) fn rsa() -> Option<()> {
    let spec = KeySpec::Rsa2048;
    let material = KeyMaterial::import(spec, include_bytes!("rsa_2048.pkcs8.der")).ok()?;
    let public_key = material.public_key().ok()??;
    let (pkcs1, pss) = (SigningAlgorithm::RsassaPkcs1V15Sha256, SigningAlgorithm::RsassaPssSha256);
    let made = signature::sign(&material, pkcs1, MESSAGE, &mut Counting(0)).ok()?;
    same(&made, &bytes(answers::RSA_PKCS1)?)?;
    verifies_and_refuses(spec, &public_key, pkcs1, &made)?;
    verifies_and_refuses(spec, &public_key, pss, &bytes(answers::RSA_PSS)?)?;
    // Signs and verifies inside.
    signature::sign(&material, pss, MESSAGE, &mut Counting(0)).ok()?;
    let (sha_1, sha_256) = (EncryptionAlgorithm::RsaesOaepSha1, EncryptionAlgorithm::RsaesOaepSha256);
    for (algorithm, answer) in [(sha_1, answers::RSA_OAEP_SHA_1), (sha_256, answers::RSA_OAEP_SHA_256)] {
        let mut block = bytes(answer)?;
        same(&rsa_oaep::decrypt(&material, algorithm, &block).ok()?, MESSAGE.bytes)?;
        alter(&mut block);
        rsa_oaep::decrypt(&material, algorithm, &block).err()?;
    }
    let block = rsa_oaep::encrypt(spec, &public_key, sha_256, MESSAGE.bytes).ok()?;
    same(&rsa_oaep::decrypt(&material, sha_256, &block).ok()?, MESSAGE.bytes)
}

/// Per curve: the public key of a known scalar, a known signature, a signature of its own.
pub(super) fn ecdsa() -> Option<()> {
    let rows = [
        (KeySpec::EccNistP256, Curve::P256, SigningAlgorithm::EcdsaSha256, answers::P256),
        (KeySpec::EccNistP384, Curve::P384, SigningAlgorithm::EcdsaSha384, answers::P384),
        (KeySpec::EccNistP521, Curve::P521, SigningAlgorithm::EcdsaSha512, answers::P521),
        (KeySpec::EccSecgP256k1, Curve::P256k1, SigningAlgorithm::EcdsaSha256, answers::P256K1),
    ];
    rows.into_iter().try_for_each(|(spec, curve, algorithm, answers)| {
        let material = counting_scalar(spec, curve, None)?;
        let public_key = material.public_key().ok()??;
        same(&Sha256::digest(&public_key), &bytes(answers.public_key_hash)?)?;
        verifies_and_refuses(spec, &public_key, algorithm, &bytes(answers.signature)?)?;
        signature::sign(&material, algorithm, MESSAGE, &mut Counting(0)).ok().map(|_| ())
    })
}

/// Per NIST curve: the known secret of two known keys, from both sides.
pub(super) fn ecdh() -> Option<()> {
    let rows = [
        (KeySpec::EccNistP256, Curve::P256, answers::P256),
        (KeySpec::EccNistP384, Curve::P384, answers::P384),
        (KeySpec::EccNistP521, Curve::P521, answers::P521),
    ];
    rows.into_iter().try_for_each(|(spec, curve, answers)| {
        let sides = [counting_scalar(spec, curve, None)?, counting_scalar(spec, curve, Some(0xee))?];
        let [a, b] = &sides;
        [(a, b), (b, a)].into_iter().try_for_each(|(own, peer)| {
            let peer = peer.public_key().ok()??;
            let secret = agreement::derive_shared_secret(own, KeyAgreementAlgorithm::Ecdh, &peer).ok()?;
            same(&secret, &bytes(answers.shared_secret)?)
        })
    })
}

/// The scalar 1, 2, 3 and so on, for P-521 with a zero before it; its last byte may be another.
fn counting_scalar(spec: KeySpec, curve: Curve, last: Option<u8>) -> Option<KeyMaterial> {
    let (zeros, length_bytes) = match curve {
        Curve::P256 | Curve::P256k1 => (0, 32),
        Curve::P384 => (0, 48),
        Curve::P521 => (1, 66),
    };
    let mut scalar = Zeroizing::new(vec![0; length_bytes]);
    Counting(1).fill(scalar.get_mut(zeros..)?);
    if let (Some(to), Some(byte)) = (scalar.last_mut(), last) {
        *to = byte;
    }
    KeyMaterial::from_canonical(spec, ec::from_scalar(curve, &scalar)?)
}

/// [RFC8032 §7.3].
pub(super) fn ed25519ph() -> Option<()> {
    let prefix = bytes("302e020100300506032b657004220420")?;
    let seed = bytes("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42")?;
    let pkcs8 = [prefix, seed].concat();
    let material = KeyMaterial::import(KeySpec::EccNistEdwards25519, &pkcs8).ok()?;
    let public_key = material.public_key().ok()??;
    let mut signature = ed25519::sign_prehashed(material.expose(), b"abc").ok()?;
    same(&signature, &bytes(answers::ED25519PH)?)?;
    ed25519::verify_prehashed(&public_key, b"abc", &signature).ok()?;
    alter(&mut signature);
    ed25519::verify_prehashed(&public_key, b"abc", &signature).err().map(|_| ())
}

/// Per parameter set: the public key and the signature of a known seed, mu and randomness; a hedged signature of a message.
pub(super) fn ml_dsa() -> Option<()> {
    let rows = [
        (KeySpec::MlDsa44, answers::ML_DSA_44),
        (KeySpec::MlDsa65, answers::ML_DSA_65),
        (KeySpec::MlDsa87, answers::ML_DSA_87),
    ];
    rows.into_iter().try_for_each(|(spec, (public_key_hash, signature_hash))| {
        let material = KeyMaterial::generate(spec, &mut Counting(0)).ok()?;
        let public_key = material.public_key().ok()??;
        same(&Sha256::digest(&public_key), &bytes(public_key_hash)?)?;
        let mu = [0x5a; 64];
        let mut made = ml_dsa::sign_mu(spec, material.expose(), &mu, &mut Counting(0x40)).ok()?;
        same(&Sha256::digest(&made), &bytes(signature_hash)?)?;
        alter(&mut made);
        ml_dsa::verify_mu(spec, &public_key, &mu, &made).err()?;
        let algorithm = SigningAlgorithm::MlDsaShake256;
        let made = signature::sign(&material, algorithm, MESSAGE, &mut Counting(0)).ok()?;
        verifies_and_refuses(spec, &public_key, algorithm, &made)
    })
}

/// Per parameter set: the public key of a known seed; ciphertext and secret of a known message; implicit rejection.
pub(super) fn ml_kem() -> Option<()> {
    let rows = [
        (KeySpec::MlKem512, answers::ML_KEM_512),
        (KeySpec::MlKem768, answers::ML_KEM_768),
        (KeySpec::MlKem1024, answers::ML_KEM_1024),
    ];
    let algorithm = EncapsulationAlgorithm::MlKem;
    rows.into_iter().try_for_each(|(spec, (public_key_hash, exchange_hash))| {
        let material = KeyMaterial::generate(spec, &mut Counting(0)).ok()?;
        let public_key = material.public_key().ok()??;
        same(&Sha256::digest(&public_key), &bytes(public_key_hash)?)?;
        let mut made = kem::encapsulate(spec, &public_key, algorithm, &mut Counting(0x80)).ok()?;
        let exchange = Sha256::new().chain_update(&made.ciphertext).chain_update(&*made.shared_secret);
        same(&exchange.finalize(), &bytes(exchange_hash)?)?;
        same(&kem::decapsulate(&material, algorithm, &made.ciphertext).ok()?, &made.shared_secret)?;
        alter(&mut made.ciphertext);
        let rejected = kem::decapsulate(&material, algorithm, &made.ciphertext).ok()?;
        same(&rejected, &made.shared_secret).is_none().then_some(())
    })
}

fn verifies_and_refuses(
    spec: KeySpec,
    public_key: &[u8],
    algorithm: SigningAlgorithm,
    signature: &[u8],
) -> Option<()> {
    signature::verify(spec, public_key, algorithm, MESSAGE, signature).ok()?;
    let mut altered = signature.to_vec();
    alter(&mut altered);
    signature::verify(spec, public_key, algorithm, MESSAGE, &altered).err().map(|_| ())
}

/// Flips the lowest bit of the last byte.
fn alter(bytes: &mut [u8]) {
    if let Some(byte) = bytes.last_mut() {
        *byte ^= 1;
    }
}
