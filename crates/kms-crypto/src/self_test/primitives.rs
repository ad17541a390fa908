//! Published answers for the primitives; each check is `Some` when every answer matched.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};

use crate::aead;

/// The GCM specification's test case 16 [GCM §B], also in NIST's validation set.
pub(super) fn aes_256_gcm() -> Option<()> {
    let key = array("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")?;
    let (nonce, aad) =
        (array("cafebabefacedbaddecaf888")?, bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2")?);
    let plaintext = bytes(concat!(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72",
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    ))?;
    let ciphertext = bytes(concat!(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa",
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
    ))?;
    let mut buffer = plaintext.clone();
    let mut tag = aead::seal_in_place(&key, &nonce, &aad, &mut buffer).ok()?;
    same(&tag, &bytes("76fc6ece0f4e1768cddf8853bb2d551b")?)?;
    same(&buffer, &ciphertext)?;
    aead::open_in_place(&key, &nonce, &aad, &mut buffer, &tag).ok()?;
    same(&buffer, &plaintext)?;
    let mut altered = ciphertext;
    tag.iter_mut().take(1).for_each(|byte| *byte ^= 1);
    aead::open_in_place(&key, &nonce, &aad, &mut altered, &tag).err().map(|_| ())
}

/// [FIPS180-4 §6.2], the message `abc`.
pub(super) fn sha_256() -> Option<()> {
    let answer = bytes("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")?;
    same(&Sha256::digest(b"abc"), &answer)
}

/// [RFC4231 §4.2], test case 1.
pub(super) fn hmac_sha_256() -> Option<()> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&[0x0b; 20]).ok()?;
    mac.update(b"Hi There");
    let answer = bytes("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")?;
    same(&mac.finalize().into_bytes(), &answer)
}

/// The inputs of [RFC5869 §A.1] with SHA-512; the answer was computed with an independent implementation.
pub(super) fn hkdf_sha_512() -> Option<()> {
    let (salt, info) = (bytes("000102030405060708090a0b0c")?, bytes("f0f1f2f3f4f5f6f7f8f9")?);
    let mut okm = [0; 42];
    Hkdf::<Sha512>::new(Some(&salt), &[0x0b; 22]).expand(&info, &mut okm).ok()?;
    let answer = "832390086cda71fb47625bb5ceb168e4c8e26a1a16ed34d9fc7fe92c1481579338da362cb8d9f925d7cb";
    same(&okm, &bytes(answer)?)
}

/// [RFC8032 §7.1], test 2.
pub(super) fn ed25519() -> Option<()> {
    let seed = bytes("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")?;
    let public = bytes("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")?;
    let signature = bytes(concat!(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    ))?;
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).ok()?;
    same(pair.public_key().as_ref(), &public)?;
    same(pair.try_sign(&[0x72]).ok()?.as_ref(), &signature)?;
    let verifying = UnparsedPublicKey::new(&ED25519, &public);
    verifying.verify(&[0x72], &signature).ok()?;
    verifying.verify(&[0x73], &signature).err().map(|_| ())
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    hex::decode(digits).ok()
}

fn array<const N: usize>(digits: &str) -> Option<[u8; N]> {
    bytes(digits)?.try_into().ok()
}

pub(super) fn same(made: &[u8], answer: &[u8]) -> Option<()> {
    (made == answer).then_some(())
}
