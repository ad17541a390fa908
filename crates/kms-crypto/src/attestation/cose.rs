//! COSE_Sign1 with ES384 [RFC9053 §2.1]: `[protected, {}, payload, signature]`, with or without its tag.

use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED, UnparsedPublicKey};
use minicbor::{Decoder, data::Tag, data::Type};

pub(super) struct Sign1<'a> {
    protected: &'a [u8],
    pub(super) payload: &'a [u8],
    signature: &'a [u8],
}

const COSE_SIGN1: Tag = Tag::new(18);
const ALGORITHM: i64 = 1;
const ES384: i64 = -35;
const SIGNATURE_BYTES: usize = 96;

pub(super) fn parse(document: &[u8]) -> Option<Sign1<'_>> {
    let mut reader = Decoder::new(document);
    if reader.datatype().ok()? == Type::Tag {
        (reader.tag().ok()? == COSE_SIGN1).then_some(())?;
    }
    (reader.array().ok()? == Some(4)).then_some(())?;
    let protected = reader.bytes().ok()?;
    (reader.map().ok()? == Some(0)).then_some(())?;
    let (payload, signature) = (reader.bytes().ok()?, reader.bytes().ok()?);
    let whole = reader.position() == document.len();
    let right = whole && names_es384(protected)? && signature.len() == SIGNATURE_BYTES;
    right.then_some(Sign1 { protected, payload, signature })
}

/// The protected header says ES384 and nothing else.
fn names_es384(protected: &[u8]) -> Option<bool> {
    let mut reader = Decoder::new(protected);
    let entries = reader.map().ok()?;
    let (label, algorithm) = (reader.i64().ok()?, reader.i64().ok()?);
    let whole = reader.position() == protected.len();
    Some(whole && entries == Some(1) && (label, algorithm) == (ALGORITHM, ES384))
}

impl Sign1<'_> {
    /// Checks the signature with a P-384 key, SubjectPublicKeyInfo in DER.
    pub(super) fn verify(&self, public_key: &[u8]) -> Option<()> {
        let key = UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, public_key);
        key.verify(&to_be_signed(self.protected, self.payload), self.signature).ok()
    }
}

/// `Sig_structure` [RFC9052 §4.4]: `["Signature1", protected, h'', payload]`.
pub(super) fn to_be_signed(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x84, 0x6a];
    bytes.extend_from_slice(b"Signature1");
    append_bytes(&mut bytes, protected);
    append_bytes(&mut bytes, b"");
    append_bytes(&mut bytes, payload);
    bytes
}

/// A byte string behind its shortest head [RFC8949 §3]; documents are far below 4 GiB.
pub(super) fn append_bytes(to: &mut Vec<u8>, content: &[u8]) {
    let [a, b, c, d] = u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes();
    match content.len() {
        0..=23 => to.push(0x40 | d),
        24..=0xff => to.extend_from_slice(&[0x58, d]),
        0x100..=0xffff => to.extend_from_slice(&[0x59, c, d]),
        _ => to.extend_from_slice(&[0x5a, a, b, c, d]),
    }
    to.extend_from_slice(content);
}
