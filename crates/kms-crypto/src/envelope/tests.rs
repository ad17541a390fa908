use super::*;
use crate::{
    Commitment,
    entropy_rng::test_entropy::{Seeded, of_every_kind, symmetric},
};
use kms_types::{
    DeploymentId, Epoch, Incarnation, KeyId, KeyIdKind, KeySpec, MaterialId, RecordVersion, Timestamp,
};

fn region(name: &str) -> kms_types::Region {
    name.parse().unwrap()
}

fn binding(material: &KeyMaterial) -> EnvelopeBinding {
    let key = KeyId::from_random(KeyIdKind::MultiRegion, [1; 16]);
    EnvelopeBinding {
        deployment: DeploymentId::from_random([2; 16]),
        from: region("us-east-1"),
        from_incarnation: Incarnation::from_random([3; 16]),
        to: region("eu-west-1"),
        to_incarnation: Incarnation::from_random([4; 16]),
        key,
        spec: material.spec(),
        material: material_id(&key, material),
        commitment: commitment(&key, material),
        version: RecordVersion { epoch: Epoch { counter: 5, region: region("us-east-1") }, n: 6 },
        expires_at: Timestamp::from_millis(7),
    }
}

/// Each entry differs from `binding` in one field.
fn changed_bindings(right: &EnvelopeBinding) -> Vec<(&'static str, EnvelopeBinding)> {
    let change = |name, with: &dyn Fn(&mut EnvelopeBinding)| {
        let mut changed = right.clone();
        with(&mut changed);
        (name, changed)
    };
    vec![
        change("deployment", &|b| b.deployment = DeploymentId::from_random([9; 16])),
        change("from", &|b| b.from = region("us-east-2")),
        change("from incarnation", &|b| b.from_incarnation = Incarnation::from_random([9; 16])),
        change("to", &|b| b.to = region("eu-west-2")),
        change("to incarnation", &|b| b.to_incarnation = Incarnation::from_random([9; 16])),
        change("key", &|b| b.key = KeyId::from_random(KeyIdKind::MultiRegion, [9; 16])),
        change("key kind", &|b| b.key = KeyId::from_parts(KeyIdKind::SingleRegion, *b.key.bytes())),
        change("spec", &|b| b.spec = KeySpec::Hmac256),
        change("material", &|b| b.material = MaterialId::from_bytes([9; 32])),
        change("commitment", &|b| b.commitment = Commitment([9; 32])),
        change("epoch counter", &|b| b.version.epoch.counter += 1),
        change("epoch region", &|b| b.version.epoch.region = region("eu-west-1")),
        change("record number", &|b| b.version.n += 1),
        change("expiry", &|b| b.expires_at = Timestamp::from_millis(8)),
    ]
}

#[test]
fn envelope_opens_for_its_receiver_and_holds_the_material() {
    let entropy = &mut Seeded::new(1);
    let (receiver, material) = (ReceiverKey::generate(entropy), symmetric(entropy));
    let binding = binding(&material);
    let envelope = seal_envelope(receiver.public(), &binding, &material, entropy).unwrap();
    assert_eq!(receiver.open(&binding, &envelope).unwrap().expose(), material.expose());
}

#[test]
fn f2_envelope_stays_closed_under_every_other_binding() {
    let entropy = &mut Seeded::new(2);
    let (receiver, material) = (ReceiverKey::generate(entropy), symmetric(entropy));
    let binding = binding(&material);
    let envelope = seal_envelope(receiver.public(), &binding, &material, entropy).unwrap();
    for (name, changed) in changed_bindings(&binding) {
        let refused = receiver.open(&changed, &envelope).unwrap_err();
        assert_eq!(refused, CryptoError::InvalidEnvelope, "{name}");
    }
}

#[test]
fn f2_another_receiver_key_opens_nothing() {
    let entropy = &mut Seeded::new(3);
    let (receiver, material) = (ReceiverKey::generate(entropy), symmetric(entropy));
    let binding = binding(&material);
    let envelope = seal_envelope(receiver.public(), &binding, &material, entropy).unwrap();
    let refused = ReceiverKey::generate(entropy).open(&binding, &envelope).unwrap_err();
    assert_eq!(refused, CryptoError::InvalidEnvelope);
}

#[test]
fn every_altered_byte_and_every_cut_stays_closed() {
    let entropy = &mut Seeded::new(4);
    let (receiver, material) = (ReceiverKey::generate(entropy), symmetric(entropy));
    let binding = binding(&material);
    let right = seal_envelope(receiver.public(), &binding, &material, entropy).unwrap();
    let mut wrong = Vec::new();
    for i in (0..right.encapsulated.len()).step_by(37) {
        let mut changed = right.clone();
        changed.encapsulated[i] ^= 0x10;
        wrong.push(changed);
    }
    for i in 0..right.sealed.len() {
        let mut changed = right.clone();
        changed.sealed[i] ^= 1;
        wrong.push(changed);
        wrong.push(Envelope { sealed: right.sealed[..i].to_vec(), ..right.clone() });
    }
    wrong.push(Envelope { encapsulated: right.encapsulated[1..].to_vec(), ..right.clone() });
    for envelope in wrong {
        assert_eq!(receiver.open(&binding, &envelope).unwrap_err(), CryptoError::InvalidEnvelope);
    }
}

#[test]
fn c4_material_that_differs_from_its_names_is_neither_sealed_nor_opened() {
    let entropy = &mut Seeded::new(5);
    let (receiver, material) = (ReceiverKey::generate(entropy), symmetric(entropy));
    let other = symmetric(entropy);
    let lying = EnvelopeBinding { commitment: Commitment([9; 32]), ..binding(&material) };
    let refused = seal_envelope(receiver.public(), &lying, &material, entropy).unwrap_err();
    assert_eq!(refused, CryptoError::MaterialMismatch);
    assert_eq!(receiver.open(&lying, &seal_unchecked(&receiver, &lying, &other)).unwrap_err(), refused);
}

/// What a Region with a defect would send.
fn seal_unchecked(receiver: &ReceiverKey, binding: &EnvelopeBinding, material: &KeyMaterial) -> Envelope {
    let (encapsulated, sealed) = hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, XWing>(
        &OpModeS::Base,
        &receiver.public().parsed().unwrap(),
        &binding.info(),
        material.expose(),
        b"",
        &mut EntropyRng(&mut Seeded::new(6)),
    )
    .unwrap();
    Envelope { encapsulated: encapsulated.to_bytes().to_vec(), sealed }
}

#[test]
fn materials_of_every_length_travel() {
    let entropy = &mut Seeded::new(8);
    for material in of_every_kind(entropy) {
        let (receiver, spec) = (ReceiverKey::generate(entropy), material.spec());
        let binding = binding(&material);
        let envelope = seal_envelope(receiver.public(), &binding, &material, entropy).unwrap();
        let opened = receiver.open(&binding, &envelope).unwrap();
        assert_eq!((opened.spec(), opened.expose()), (spec, material.expose()));
        let lying = EnvelopeBinding { spec: KeySpec::Hmac384, ..binding };
        let refused = seal_envelope(receiver.public(), &lying, &material, entropy).unwrap_err();
        assert_eq!(refused, CryptoError::MaterialMismatch);
    }
}

#[test]
fn public_keys_and_envelopes_round_trip_through_serde_and_garbage_is_refused() {
    let entropy = &mut Seeded::new(7);
    let (receiver, material) = (ReceiverKey::generate(entropy), symmetric(entropy));
    let text = serde_json::to_string(receiver.public()).unwrap();
    assert_eq!(&serde_json::from_str::<ReceiverPublic>(&text).unwrap(), receiver.public());
    assert_eq!(ReceiverPublic::try_from(vec![1; 10]).unwrap_err(), CryptoError::InvalidReceiverPublic);
    assert_eq!(ReceiverPublic::try_from(vec![0xff; 1216]).unwrap_err(), CryptoError::InvalidReceiverPublic);
    let envelope = seal_envelope(receiver.public(), &binding(&material), &material, entropy).unwrap();
    let text = serde_json::to_string(&envelope).unwrap();
    assert_eq!(serde_json::from_str::<Envelope>(&text).unwrap(), envelope);
}
