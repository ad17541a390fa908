//! Known answers for our own formats, made from fixed inputs.

use kms_types::{
    DeploymentId, EncryptionContext, Epoch, Incarnation, KeyId, KeyIdKind, KeySpec, RecordVersion, Timestamp,
};

use super::{counting::Counting, primitives::same};
use crate::{
    EnvelopeBinding, KeyMaterial, ReceiverKey, SealRequest,
    ciphertext::{self, Header},
    commitment, material_id, seal_envelope,
};

const BINDING: &str = "000000000000";
const PLAINTEXT: &[u8] = b"meridian golden plaintext";
/// Made by an independent implementation of ADR 0003 and never to change: old versions decode for ever.
const GOLDEN_V1: &str = concat!(
    "01010273656c662d74657374206b6579206964745796315dd7a2b791cb1e2b8c4989ae9740c549ab8bc1d9863bfa0d08",
    "43cf1c808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f8d3b5e9674fe0891f3665f6b07",
    "c25c505599abde31feba95dd00063d4c651c4ff4fa700fb03ee0293f6d32ad96a7a606b89d0ef72004124c6e3db15c1e",
    "0fbf3807b847d80db77c9ab2"
);

/// Opens the golden blob, reads its header, and seals it again to the same bytes.
pub(super) fn ciphertext_v1() -> Option<()> {
    let golden = hex::decode(GOLDEN_V1).ok()?;
    let (material, key_id) = (material(0x40)?, key_id());
    let material_id = material_id(&key_id, &material);
    let context = context();
    let request = SealRequest { key_id, material_id, binding: BINDING, context: &context };
    same(&ciphertext::seal(&request, &material, PLAINTEXT, &mut Counting(0x80)).ok()?, &golden)?;
    (Header::parse(&golden).ok()? == Header { key_id, material_id }).then_some(())?;
    same(&ciphertext::open(&request, &material, &golden).ok()?, PLAINTEXT)
}

/// Seals and opens an envelope.
pub(super) fn envelope() -> Option<()> {
    let (receiver, material) = (ReceiverKey::generate(&mut Counting(0x10)), material(0x40)?);
    let binding = binding(&material)?;
    let sealed = seal_envelope(receiver.public(), &binding, &material, &mut Counting(0x20)).ok()?;
    same(receiver.open(&binding, &sealed).ok()?.expose(), material.expose())
}

fn material(first: u8) -> Option<KeyMaterial> {
    KeyMaterial::generate(KeySpec::SymmetricDefault, &mut Counting(first)).ok()
}

fn key_id() -> KeyId {
    KeyId::from_parts(KeyIdKind::MultiRegion, *b"self-test key id")
}

fn context() -> EncryptionContext {
    let pairs = [("purpose", "self-test"), ("empty", "")];
    EncryptionContext::new(pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).into())
}

fn binding(material: &KeyMaterial) -> Option<EnvelopeBinding> {
    let (key, from) = (key_id(), "us-east-1".parse::<kms_types::Region>().ok()?);
    Some(EnvelopeBinding {
        deployment: DeploymentId::from_random([1; 16]),
        from_incarnation: Incarnation::from_random([2; 16]),
        to: "eu-west-1".parse().ok()?,
        to_incarnation: Incarnation::from_random([3; 16]),
        key,
        spec: material.spec(),
        material: material_id(&key, material),
        commitment: commitment(&key, material),
        version: RecordVersion { epoch: Epoch { counter: 1, region: from.clone() }, n: 1 },
        expires_at: Timestamp::from_millis(1),
        from,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    /// Both Regions of a rolling upgrade must read each other's envelopes (H3): their bytes do not change either.
    #[test]
    fn envelope_bytes_are_golden() {
        let (receiver, material) = (ReceiverKey::generate(&mut Counting(0x10)), material(0x40).unwrap());
        let binding = binding(&material).unwrap();
        let made = seal_envelope(receiver.public(), &binding, &material, &mut Counting(0x20)).unwrap();
        let digest = Sha256::new().chain_update(&made.encapsulated).chain_update(&made.sealed).finalize();
        assert_eq!(hex::encode(digest), "b25f7c51ec8bcd606923c390c3e0e4ed01aba19c82e886a074f91d7380d25529");
    }

    #[test]
    fn ciphertext_v1_is_golden() {
        let (material, key_id, context) = (material(0x40).unwrap(), key_id(), context());
        let material_id = material_id(&key_id, &material);
        let request = SealRequest { key_id, material_id, binding: BINDING, context: &context };
        let made = ciphertext::seal(&request, &material, PLAINTEXT, &mut Counting(0x80)).unwrap();
        assert_eq!(hex::encode(made), GOLDEN_V1);
    }
}
