//! Published answers for the primitives; each check is `Some` when every answer matched.

use aws_lc_rs::{
    hmac::{HMAC_SHA224, HMAC_SHA384, HMAC_SHA512},
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};

use crate::{aead, cms, import::key_unwrap};

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

/// [RFC4231 §4.2], test case 1, with the other hashes of GenerateMac.
pub(super) fn hmac_sha_2() -> Option<()> {
    let rows = [
        (&HMAC_SHA224, "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22"),
        (
            &HMAC_SHA384,
            concat!(
                "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c",
                "faea9ea9076ede7f4af152e8b2fa9cb6"
            ),
        ),
        (
            &HMAC_SHA512,
            concat!(
                "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde",
                "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"
            ),
        ),
    ];
    rows.into_iter().try_for_each(|(hash, answer)| {
        let key = aws_lc_rs::hmac::Key::new(*hash, &[0x0b; 20]);
        let answer = bytes(answer)?;
        same(aws_lc_rs::hmac::sign(&key, b"Hi There").as_ref(), &answer)?;
        aws_lc_rs::hmac::verify(&key, b"Hi There", &answer).ok()?;
        aws_lc_rs::hmac::verify(&key, b"Hi Therf", &answer).err().map(|_| ())
    })
}

/// AES-256 key wrap with padding; the answer was computed with an independent implementation.
pub(super) fn aes_256_kwp() -> Option<()> {
    let key: Vec<u8> = (0..32).collect();
    let mut wrapped = bytes("04eda7767d0b39d5460fb8370697d06aa68a991696c0e828cb75c659561e3239")?;
    same(&key_unwrap(&key, &wrapped)?, b"meridian self-test")?;
    wrapped.iter_mut().take(1).for_each(|byte| *byte ^= 1);
    key_unwrap(&key, &wrapped).is_none().then_some(())
}

/// [SP800-38A §F.2.5]; the padding adds a block.
pub(super) fn aes_256_cbc() -> Option<()> {
    let key = array("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")?;
    let iv = array("000102030405060708090a0b0c0d0e0f")?;
    let plaintext = bytes(concat!(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
        "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
    ))?;
    let ciphertext = bytes(concat!(
        "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d",
        "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b"
    ))?;
    let made = cms::encrypt(&key, iv, &plaintext).ok()?;
    same(made.get(..ciphertext.len())?, &ciphertext)
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

pub(super) fn bytes(digits: &str) -> Option<Vec<u8>> {
    hex::decode(digits).ok()
}

fn array<const N: usize>(digits: &str) -> Option<[u8; N]> {
    bytes(digits)?.try_into().ok()
}

pub(super) fn same(made: &[u8], answer: &[u8]) -> Option<()> {
    (made == answer).then_some(())
}
