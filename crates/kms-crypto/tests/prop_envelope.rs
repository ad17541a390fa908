//! Properties of the envelope between Regions (F2, C4).
#![expect(clippy::unwrap_used, reason = "generated inputs are well-formed")]

mod support;

use kms_crypto::{
    Envelope, EnvelopeBinding, KeyMaterial, ReceiverKey, ReceiverPublic, commitment, material_id,
    seal_envelope,
};
use kms_types::{DeploymentId, Epoch, Incarnation, KeyId, RecordVersion, Timestamp};
use proptest::prelude::*;
use support::{Seeded, key_id, shared_secret_spec, symmetric};

prop_compose! {
    fn frame()(
        ids: ([u8; 16], [u8; 16], [u8; 16]),
        regions in ("[a-z]{1,4}-[a-z]{1,4}-[0-9]", "[a-z]{1,4}-[a-z]{1,4}-[0-9]"),
        numbers: (u64, u64, u64),
        key in key_id(),
    ) -> (KeyId, EnvelopeBinding) {
        let epoch = Epoch { counter: numbers.0, region: regions.0.parse().unwrap() };
        let binding = EnvelopeBinding {
            deployment: DeploymentId::from_random(ids.0),
            from: regions.0.parse().unwrap(),
            from_incarnation: Incarnation::from_random(ids.1),
            to: regions.1.parse().unwrap(),
            to_incarnation: Incarnation::from_random(ids.2),
            key,
            spec: kms_types::KeySpec::SymmetricDefault,
            material: kms_types::MaterialId::from_bytes([0; 32]),
            commitment: kms_crypto::Commitment([0; 32]),
            version: RecordVersion { epoch, n: numbers.1 },
            expires_at: Timestamp::from_millis(numbers.2),
        };
        (key, binding)
    }
}

fn naming(frame: &EnvelopeBinding, material: &KeyMaterial) -> EnvelopeBinding {
    EnvelopeBinding {
        spec: material.spec(),
        material: material_id(&frame.key, material),
        commitment: commitment(&frame.key, material),
        ..frame.clone()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_sealed_opens_under_its_binding_only(
        seed: u64,
        spec in shared_secret_spec(),
        (key, right) in frame(),
        (_, wrong) in frame(),
    ) {
        let entropy = &mut Seeded::new(seed);
        let (receiver, material) = (ReceiverKey::generate(entropy), KeyMaterial::generate(spec, entropy).unwrap());
        let (right, wrong) = (naming(&right, &material), naming(&wrong, &material));
        prop_assume!(right != wrong);
        let envelope = seal_envelope(receiver.public(), &right, &material, entropy).unwrap();
        let opened = receiver.open(&right, &envelope).unwrap();
        prop_assert_eq!(commitment(&key, &opened), right.commitment);
        prop_assert!(receiver.open(&wrong, &envelope).is_err());
    }

    #[test]
    fn arbitrary_envelopes_and_public_keys_never_panic(
        encapsulated in prop_oneof![prop::collection::vec(any::<u8>(), 0..64), prop::collection::vec(any::<u8>(), 1120)],
        sealed in prop::collection::vec(any::<u8>(), 0..64),
        public in prop_oneof![prop::collection::vec(any::<u8>(), 0..64), prop::collection::vec(any::<u8>(), 1216)],
        (_, binding) in frame(),
    ) {
        let entropy = &mut Seeded::new(1);
        let garbage = Envelope { encapsulated, sealed };
        prop_assert!(ReceiverKey::generate(entropy).open(&binding, &garbage).is_err());
        if let Ok(public) = ReceiverPublic::try_from(public) {
            let material = symmetric(entropy);
            prop_assert!(seal_envelope(&public, &naming(&binding, &material), &material, entropy).is_ok());
        }
    }
}
