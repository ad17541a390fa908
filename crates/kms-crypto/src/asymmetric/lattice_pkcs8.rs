//! Lattice private keys as PKCS#8 carries them: the seed alone, or the seed and what it expands to [RFC9881 §6],
//! [RFC9935 §6]. The third form, the expansion alone, does not give the seed back and is not read.

use pkcs8::{
    ObjectIdentifier, PrivateKeyInfoRef,
    der::{AnyRef, Decode, Reader, SliceReader, Tag, TagNumber, Tagged, asn1::OctetStringRef},
};

/// A private key whose expansion, when there is one, still has to be held against the seed.
pub(super) struct LatticeKey<'a> {
    pub(super) seed: &'a [u8],
    pub(super) expanded: Option<&'a [u8]>,
}

/// `[0] IMPLICIT OCTET STRING`.
const SEED: Tag = Tag::ContextSpecific { constructed: false, number: TagNumber(0) };

pub(super) fn parse(pkcs8: &[u8], algorithm: ObjectIdentifier) -> Option<LatticeKey<'_>> {
    let info = PrivateKeyInfoRef::try_from(pkcs8).ok()?;
    (info.algorithm.oid == algorithm && info.algorithm.parameters.is_none()).then_some(())?;
    let content = AnyRef::from_der(info.private_key.as_bytes()).ok()?;
    match content.tag() {
        SEED => Some(LatticeKey { seed: content.value(), expanded: None }),
        Tag::Sequence => both(content.value()),
        _ => None,
    }
}

fn both(content: &[u8]) -> Option<LatticeKey<'_>> {
    let mut reader = SliceReader::new(content).ok()?;
    let seed = <&OctetStringRef>::decode(&mut reader).ok()?.as_bytes();
    let expanded = <&OctetStringRef>::decode(&mut reader).ok()?.as_bytes();
    reader.is_finished().then_some(LatticeKey { seed, expanded: Some(expanded) })
}
