//! CMS EnvelopedData [RFC5652 §6] for CiphertextForRecipient: one recipient, named by a key identifier; RSAES-OAEP with
//! SHA-256 for the key; AES-256-CBC with PKCS#7 padding for the content.
//!
//! The outer structures have indefinite lengths (BER): the parser of AWS's SDK for Nitro Enclaves reads no other form.
//! CBC does not authenticate, and nothing here does: the recipient trusts the channel that brought the envelope.

use aws_lc_rs::cipher::{AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use kms_types::Entropy;
use pkcs8::spki::SubjectPublicKeyInfoRef;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    CryptoError,
    asymmetric::rsa::{OaepHash, oaep_encrypt},
};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OCTET_STRING: u8 = 0x04;
/// `[0]`, constructed and primitive.
const CONTEXT_0: u8 = 0xa0;
const CONTEXT_0_PRIMITIVE: u8 = 0x80;
const VERSION_2: &[u8] = &[0x02, 0x01, 0x02];

/// Object identifiers with tag and length: id-envelopedData, id-data, id-aes256-CBC.
const ENVELOPED_DATA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03];
const DATA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const AES_256_CBC: &[u8] = &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a];
/// AlgorithmIdentifier of RSAES-OAEP with SHA-256 for the hash and for MGF1 [RFC8017 §A.2.1].
const RSAES_OAEP_SHA_256: &[u8] = &[
    0x30, 0x3c, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x07, 0x30, 0x2f, 0xa0, 0x0f,
    0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0xa1, 0x1c,
    0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0d, 0x06, 0x09,
    0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
];

/// Encrypts `plaintext` to an RSA public key, SubjectPublicKeyInfo in DER.
///
/// # Errors
/// [`CryptoError::InvalidPublicKey`] unless the key is RSA of 2048 to 8192 bits.
pub fn envelop(
    public_key: &[u8],
    plaintext: &[u8],
    entropy: &mut dyn Entropy,
) -> Result<Vec<u8>, CryptoError> {
    let content_key = Zeroizing::new(entropy.array::<32>());
    let iv = entropy.array::<16>();
    let wrapped = oaep_encrypt(public_key, OaepHash::Sha256, content_key.as_slice());
    let recipient = wrapped.zip(key_identifier(public_key)).map(|(key, id)| recipient_info(&id, &key));
    let recipient = recipient.ok_or(CryptoError::InvalidPublicKey)?;
    let content = encrypt(&content_key, iv, plaintext)?;
    Ok(content_info(&recipient, &iv, &content))
}

/// 160 bits of the hash of the public key [RFC7093 §2].
fn key_identifier(public_key: &[u8]) -> Option<[u8; 20]> {
    let info = SubjectPublicKeyInfoRef::try_from(public_key).ok()?;
    Sha256::digest(info.subject_public_key.as_bytes()?).first_chunk().copied()
}

/// AES-256-CBC with PKCS#7 padding [SP800-38A §6.2].
pub(crate) fn encrypt(key: &[u8; 32], iv: [u8; 16], plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let failed = || CryptoError::Primitive { primitive: "AES-256-CBC" };
    let key = UnboundCipherKey::new(&AES_256, key).map_err(|_| failed())?;
    let cipher = PaddedBlockEncryptingKey::cbc_pkcs7(key).map_err(|_| failed())?;
    // Room for the padding, so that the plaintext is never moved and left behind.
    let mut buffer = Vec::with_capacity(plaintext.len() + 16);
    buffer.extend_from_slice(plaintext);
    cipher.less_safe_encrypt(&mut buffer, EncryptionContext::Iv128(iv.into())).map_err(|_| failed())?;
    Ok(buffer)
}

fn recipient_info(key_identifier: &[u8], wrapped_key: &[u8]) -> Vec<u8> {
    let content = [
        VERSION_2,
        &element(CONTEXT_0_PRIMITIVE, key_identifier),
        RSAES_OAEP_SHA_256,
        &element(OCTET_STRING, wrapped_key),
    ];
    element(SEQUENCE, &content.concat())
}

fn content_info(recipient: &[u8], iv: &[u8; 16], content: &[u8]) -> Vec<u8> {
    let cipher = element(SEQUENCE, &[AES_256_CBC, &element(OCTET_STRING, iv)].concat());
    let content = indefinite(CONTEXT_0, &element(OCTET_STRING, content));
    let encrypted = indefinite(SEQUENCE, &[DATA, &cipher, &content].concat());
    let enveloped = indefinite(SEQUENCE, &[VERSION_2, &element(SET, recipient), &encrypted].concat());
    indefinite(SEQUENCE, &[ENVELOPED_DATA, &indefinite(CONTEXT_0, &enveloped)].concat())
}

/// Tag, shortest length, content; contents are far below 16 MiB.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let [_, b, c, d] = u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes();
    let head: &[u8] = match content.len() {
        0..=0x7f => &[tag, d],
        0x80..=0xff => &[tag, 0x81, d],
        0x100..=0xffff => &[tag, 0x82, c, d],
        _ => &[tag, 0x83, b, c, d],
    };
    [head, content].concat()
}

fn indefinite(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, 0x80], content, &[0, 0]].concat()
}

#[cfg(test)]
mod tests;
