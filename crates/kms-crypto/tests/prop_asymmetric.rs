//! Properties of signatures, MACs, encryption and key establishment: what is made is taken, nothing else is (E3, H1).
#![expect(clippy::unwrap_used, reason = "every spec that is asked for can be made")]

mod support;

use kms_crypto::{
    CryptoError, DomainKey, KeyMaterial, agreement,
    attestation::AttestationDocument,
    cms,
    import::{WrappingKey, token_domain_version},
    kem, key_pair, mac, rsa_oaep,
    signature::{self, Message},
};
use kms_types::{
    DataKeyPairSpec, EncapsulationAlgorithm, EncryptionAlgorithm, KeyAgreementAlgorithm, KeySpec, KeyUsage,
    MacAlgorithm, MessageType, SigningAlgorithm, Timestamp, limits::MAX_MESSAGE_BYTES,
};
use proptest::{prelude::*, sample::Index};
use support::Seeded;

/// Specs whose keys are made quickly.
fn signing_spec() -> impl Strategy<Value = KeySpec> {
    prop::sample::select(vec![
        KeySpec::EccNistP256,
        KeySpec::EccNistP384,
        KeySpec::EccNistP521,
        KeySpec::EccSecgP256k1,
        KeySpec::EccNistEdwards25519,
        KeySpec::MlDsa44,
        KeySpec::MlDsa65,
        KeySpec::MlDsa87,
    ])
}

fn mac_spec() -> impl Strategy<Value = (KeySpec, MacAlgorithm)> {
    prop::sample::select(vec![
        (KeySpec::Hmac224, MacAlgorithm::HmacSha224),
        (KeySpec::Hmac256, MacAlgorithm::HmacSha256),
        (KeySpec::Hmac384, MacAlgorithm::HmacSha384),
        (KeySpec::Hmac512, MacAlgorithm::HmacSha512),
    ])
}

fn material(spec: KeySpec, seed: u64) -> KeyMaterial {
    KeyMaterial::generate(spec, &mut Seeded::new(seed)).unwrap()
}

fn public_key(material: &KeyMaterial) -> Vec<u8> {
    material.public_key().unwrap().unwrap()
}

/// One of the algorithms of a spec with one of its message types.
fn choice(spec: KeySpec, at: Index) -> (SigningAlgorithm, MessageType) {
    let pairs: Vec<_> = spec
        .signing_algorithms(KeyUsage::SignVerify)
        .iter()
        .flat_map(|algorithm| {
            algorithm.message_types().iter().map(|message_type| (*algorithm, *message_type))
        })
        .collect();
    *at.get(&pairs)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_signature_is_of_one_message_and_one_key(
        seed: u64,
        spec in signing_spec(),
        at: Index,
        raw in prop::collection::vec(any::<u8>(), 1..=MAX_MESSAGE_BYTES),
        digest: [u8; 32],
        flip: Index,
    ) {
        let (key, stranger) = (material(spec, seed), material(spec, seed ^ 1));
        let (algorithm, message_type) = choice(spec, at);
        let mut bytes = match message_type {
            MessageType::Raw => raw,
            MessageType::Digest | MessageType::ExternalMu => {
                digest.iter().copied().cycle().take(algorithm.digest_bytes()).collect()
            }
        };
        let message = Message { message_type, bytes: &bytes };
        let mut made = signature::sign(&key, algorithm, message, &mut Seeded::new(seed)).unwrap();
        let verify = |public_key: &[u8], bytes: &[u8], made: &[u8]| {
            signature::verify(spec, public_key, algorithm, Message { message_type, bytes }, made)
        };
        prop_assert_eq!(verify(&public_key(&key), &bytes, &made), Ok(()));
        let refused = Err(CryptoError::InvalidSignature);
        prop_assert_eq!(verify(&public_key(&stranger), &bytes, &made), refused.clone());
        let bit = flip.index(made.len() * 8);
        made[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(verify(&public_key(&key), &bytes, &made), refused.clone());
        made[bit / 8] ^= 1 << (bit % 8);
        let bit = flip.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(verify(&public_key(&key), &bytes, &made), refused);
    }

    #[test]
    fn a_mac_is_of_one_message_and_one_key(
        seed: u64,
        (spec, algorithm) in mac_spec(),
        mut message in prop::collection::vec(any::<u8>(), 1..=MAX_MESSAGE_BYTES),
        flip: Index,
    ) {
        let (key, stranger) = (material(spec, seed), material(spec, seed ^ 1));
        let tag = mac::generate(&key, algorithm, &message).unwrap();
        prop_assert_eq!(mac::verify(&key, algorithm, &message, &tag), Ok(()));
        prop_assert_eq!(mac::verify(&stranger, algorithm, &message, &tag), Err(CryptoError::InvalidMac));
        let bit = flip.index(message.len() * 8);
        message[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(mac::verify(&key, algorithm, &message, &tag), Err(CryptoError::InvalidMac));
    }

    #[test]
    fn two_sides_agree(
        seeds: (u64, u64),
        spec in prop::sample::select(vec![KeySpec::EccNistP256, KeySpec::EccNistP384, KeySpec::EccNistP521]),
    ) {
        let (a, b) = (material(spec, seeds.0), material(spec, seeds.1));
        let derive = |own, peer: &KeyMaterial| {
            agreement::derive_shared_secret(own, KeyAgreementAlgorithm::Ecdh, &public_key(peer)).unwrap()
        };
        prop_assert_eq!(derive(&a, &b), derive(&b, &a));
    }

    #[test]
    fn the_holder_of_a_key_pair_decapsulates(
        seed: u64,
        spec in prop::sample::select(vec![
            DataKeyPairSpec::MlKem512,
            DataKeyPairSpec::MlKem768,
            DataKeyPairSpec::MlKem1024,
        ]),
    ) {
        let pair = key_pair::generate(spec, &mut Seeded::new(seed)).unwrap();
        let spec = spec.key_spec();
        let holder = KeyMaterial::import(spec, &pair.private_key).unwrap();
        let algorithm = EncapsulationAlgorithm::MlKem;
        let made = kem::encapsulate(spec, &pair.public_key, algorithm, &mut Seeded::new(seed)).unwrap();
        prop_assert_eq!(kem::decapsulate(&holder, algorithm, &made.ciphertext).unwrap(), made.shared_secret);
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        spec in prop::sample::select(KeySpec::ALL),
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        more in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let shared_secret = matches!(
            spec,
            KeySpec::SymmetricDefault | KeySpec::Hmac224 | KeySpec::Hmac256 | KeySpec::Hmac384 | KeySpec::Hmac512
        );
        prop_assert!(KeyMaterial::import(spec, &bytes).is_err() || shared_secret);
        for &algorithm in spec.signing_algorithms(KeyUsage::SignVerify) {
            let message = Message { message_type: algorithm.message_types()[0], bytes: &more };
            prop_assert!(signature::verify(spec, &bytes, algorithm, message, &more).is_err());
        }
        prop_assert!(rsa_oaep::encrypt(spec, &bytes, EncryptionAlgorithm::RsaesOaepSha256, &more).is_err());
        prop_assert!(
            kem::encapsulate(spec, &bytes, EncapsulationAlgorithm::MlKem, &mut Seeded::new(1)).is_err()
        );
        let p256 = material(KeySpec::EccNistP256, 1);
        prop_assert!(agreement::derive_shared_secret(&p256, KeyAgreementAlgorithm::Ecdh, &bytes).is_err());
        let ml_kem = material(KeySpec::MlKem512, 1);
        prop_assert!(kem::decapsulate(&ml_kem, EncapsulationAlgorithm::MlKem, &bytes).is_err());
        prop_assert!(cms::envelop(&bytes, &more, &mut Seeded::new(1)).is_err());
    }

    /// Small first bytes reach past the checks of version and structure.
    #[test]
    fn arbitrary_tokens_and_documents_are_refused(
        start in prop::sample::select(vec![vec![], vec![1, 0, 0, 0, 1], vec![0x84, 0x44, 0xa1, 0x01, 0x38, 0x22, 0xa0]]),
        rest in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let bytes = [start, rest].concat();
        let domain = DomainKey::generate(1, &mut Seeded::new(1));
        prop_assert!(WrappingKey::from_token(&domain, &bytes).is_err());
        let version = token_domain_version(&bytes);
        prop_assert!(version.is_none() || bytes[0] == 1);
        prop_assert!(AttestationDocument::verify(&bytes, b"root", Timestamp::from_millis(0)).is_err());
    }
}
