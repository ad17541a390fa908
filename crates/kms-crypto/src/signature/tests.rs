use super::*;
use crate::{asymmetric::rsa::test_keys, entropy_rng::test_entropy::Seeded};
use zeroize::Zeroizing;

const SIGNING: [KeySpec; 11] = [
    KeySpec::Rsa2048,
    KeySpec::Rsa3072,
    KeySpec::Rsa4096,
    KeySpec::EccNistP256,
    KeySpec::EccNistP384,
    KeySpec::EccNistP521,
    KeySpec::EccSecgP256k1,
    KeySpec::EccNistEdwards25519,
    KeySpec::MlDsa44,
    KeySpec::MlDsa65,
    KeySpec::MlDsa87,
];

struct Key {
    spec: KeySpec,
    material: KeyMaterial,
    public_key: Vec<u8>,
}

impl Key {
    fn new(spec: KeySpec, seed: u64) -> Self {
        let material = match spec.modulus_bits() {
            Some(_) => test_keys::material(spec),
            None => KeyMaterial::generate(spec, &mut Seeded::new(seed)).unwrap(),
        };
        let public_key = material.public_key().unwrap().unwrap();
        Self { spec, material, public_key }
    }

    fn sign(&self, algorithm: SigningAlgorithm, message: Message<'_>) -> Result<Vec<u8>, CryptoError> {
        sign(&self.material, algorithm, message, &mut Seeded::new(9))
    }

    fn verify(
        &self,
        algorithm: SigningAlgorithm,
        message: Message<'_>,
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        verify(self.spec, &self.public_key, algorithm, message, signature)
    }
}

fn message(message_type: MessageType, bytes: &[u8]) -> Message<'_> {
    Message { message_type, bytes }
}

/// A message of the length that the algorithm takes.
fn fitting(algorithm: SigningAlgorithm, message_type: MessageType) -> Vec<u8> {
    match message_type {
        MessageType::Raw => b"a message".to_vec(),
        MessageType::Digest | MessageType::ExternalMu => vec![0x2a; algorithm.digest_bytes()],
    }
}

/// Every spec, algorithm and message type.
fn each(mut check: impl FnMut(&Key, SigningAlgorithm, Message<'_>)) {
    for spec in SIGNING {
        let key = Key::new(spec, 1);
        for &algorithm in spec.signing_algorithms(KeyUsage::SignVerify) {
            for &message_type in algorithm.message_types() {
                check(&key, algorithm, message(message_type, &fitting(algorithm, message_type)));
            }
        }
    }
}

#[test]
fn signatures_verify_have_the_published_lengths_and_are_for_one_message() {
    each(|key, algorithm, message| {
        let signature = key.sign(algorithm, message).unwrap();
        assert_eq!(
            key.verify(algorithm, message, &signature),
            Ok(()),
            "{} {algorithm} {message:?}",
            key.spec
        );
        let (least, most) = match key.spec {
            KeySpec::EccNistP256 | KeySpec::EccSecgP256k1 => (8, 72),
            KeySpec::EccNistP384 => (8, 104),
            KeySpec::EccNistP521 => (8, 139),
            KeySpec::EccNistEdwards25519 => (64, 64),
            KeySpec::MlDsa44 => (2420, 2420),
            KeySpec::MlDsa65 => (3309, 3309),
            KeySpec::MlDsa87 => (4627, 4627),
            spec => (spec.modulus_bits().unwrap() / 8, spec.modulus_bits().unwrap() / 8),
        };
        assert!((least..=most).contains(&signature.len()), "{} {algorithm}", key.spec);
        let mut other = message.bytes.to_vec();
        other[0] ^= 1;
        let other = Message { bytes: &other, ..message };
        assert_eq!(key.verify(algorithm, other, &signature), Err(CryptoError::InvalidSignature));
    });
}

#[test]
fn flipped_bits_cuts_and_extensions_of_a_signature_are_refused() {
    each(|key, algorithm, message| {
        let signature = key.sign(algorithm, message).unwrap();
        // All bits of what is short; of RSA and ML-DSA every so many.
        let step = if signature.len() <= 139 { 1 } else { signature.len() / 12 };
        let mut wrong: Vec<Vec<u8>> = (0..signature.len() * 8)
            .step_by(step)
            .map(|bit| {
                let mut changed = signature.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                changed
            })
            .collect();
        wrong.push(signature[1..].to_vec());
        wrong.push(signature[..signature.len() - 1].to_vec());
        wrong.push([signature.as_slice(), &[0]].concat());
        wrong.push(Vec::new());
        for changed in wrong {
            assert_eq!(
                key.verify(algorithm, message, &changed),
                Err(CryptoError::InvalidSignature),
                "{} {algorithm}",
                key.spec
            );
        }
    });
}

#[test]
fn a_signature_is_of_one_key_and_one_algorithm() {
    each(|key, algorithm, message| {
        let signature = key.sign(algorithm, message).unwrap();
        for &other in key.spec.signing_algorithms(KeyUsage::SignVerify).iter().filter(|a| **a != algorithm) {
            let legal = other.message_types().contains(&message.message_type)
                && other.admits_length(message.message_type, message.bytes.len());
            let refused = key.verify(other, message, &signature).unwrap_err();
            assert!(!legal || refused == CryptoError::InvalidSignature, "{} {algorithm} {other}", key.spec);
        }
        if key.spec.modulus_bits().is_none() {
            let stranger = Key::new(key.spec, 2);
            let refused = stranger.verify(algorithm, message, &signature);
            assert_eq!(refused, Err(CryptoError::InvalidSignature));
        }
        let garbage = verify(key.spec, b"no key", algorithm, message, &signature);
        assert_eq!(garbage, Err(CryptoError::InvalidSignature));
    });
}

#[test]
fn what_a_spec_does_not_offer_is_refused() {
    for spec in SIGNING {
        let key = Key::new(spec, 1);
        for &algorithm in SigningAlgorithm::ALL {
            let offered = spec.signing_algorithms(KeyUsage::SignVerify).contains(&algorithm);
            for &message_type in MessageType::ALL {
                let bytes = fitting(algorithm, message_type);
                let message = message(message_type, &bytes);
                let expected = match (offered, algorithm.message_types().contains(&message_type)) {
                    (true, true) => continue,
                    (true, false) => CryptoError::WrongMessageType { algorithm, message_type },
                    (false, _) => CryptoError::WrongAlgorithm { spec, algorithm: algorithm.as_str() },
                };
                assert_eq!(key.sign(algorithm, message), Err(expected.clone()));
                assert_eq!(key.verify(algorithm, message, &[1; 64]), Err(expected));
            }
        }
    }
    for spec in [KeySpec::SymmetricDefault, KeySpec::Hmac256, KeySpec::MlKem512] {
        let material = KeyMaterial::generate(spec, &mut Seeded::new(1)).unwrap();
        let refused = sign(
            &material,
            SigningAlgorithm::EcdsaSha256,
            message(MessageType::Raw, b"m"),
            &mut Seeded::new(2),
        );
        assert_eq!(refused, Err(CryptoError::WrongAlgorithm { spec, algorithm: "ECDSA_SHA_256" }));
    }
}

#[test]
fn lengths_of_messages_are_bounded() {
    let key = Key::new(KeySpec::EccNistP256, 1);
    let of = |message_type, n: usize| {
        key.sign(SigningAlgorithm::EcdsaSha256, message(message_type, &vec![1; n])).map(|_| ())
    };
    let refused = |length_bytes| Err(CryptoError::MessageLength { length_bytes });
    assert_eq!((of(MessageType::Raw, 1), of(MessageType::Raw, 4096)), (Ok(()), Ok(())));
    assert_eq!((of(MessageType::Raw, 0), of(MessageType::Raw, 4097)), (refused(0), refused(4097)));
    assert_eq!((of(MessageType::Digest, 31), of(MessageType::Digest, 33)), (refused(31), refused(33)));
}

/// RAW hashes for the caller; a digest signed as RAW is hashed again.
#[test]
fn raw_and_digest_differ_by_one_hash() {
    for (spec, algorithm) in [
        (KeySpec::EccNistP384, SigningAlgorithm::EcdsaSha384),
        (KeySpec::Rsa2048, SigningAlgorithm::RsassaPssSha512),
        (KeySpec::Rsa2048, SigningAlgorithm::RsassaPkcs1V15Sha256),
    ] {
        let key = Key::new(spec, 1);
        let hash = digest_of(algorithm, message(MessageType::Raw, b"hello")).unwrap();
        let (raw, hashed) =
            (message(MessageType::Raw, b"hello"), message(MessageType::Digest, hash.as_ref()));
        assert_eq!(key.verify(algorithm, hashed, &key.sign(algorithm, raw).unwrap()), Ok(()));
        assert_eq!(key.verify(algorithm, raw, &key.sign(algorithm, hashed).unwrap()), Ok(()));
        let twice = Message { message_type: MessageType::Raw, ..hashed };
        let refused = key.verify(algorithm, hashed, &key.sign(algorithm, twice).unwrap());
        assert_eq!(refused, Err(CryptoError::InvalidSignature));
    }
}

/// RAW and EXTERNAL_MU sign the same thing, in two implementations [FIPS204 §6.2].
#[test]
fn ml_dsa_mu_of_a_message_gives_interchangeable_signatures() {
    use shake::{ExtendableOutput, Shake256, Update, XofReader};
    for spec in [KeySpec::MlDsa44, KeySpec::MlDsa65, KeySpec::MlDsa87] {
        let key = Key::new(spec, 1);
        let shake = |parts: &[&[u8]]| {
            let mut hash = Shake256::default();
            parts.iter().for_each(|part| hash.update(part));
            let mut out = [0; 64];
            hash.finalize_xof().read(&mut out);
            out
        };
        let tr = shake(&[&key.public_key[22..]]);
        let mu = shake(&[&tr, &[0, 0], b"hello"]);
        let (raw, external) = (message(MessageType::Raw, b"hello"), message(MessageType::ExternalMu, &mu));
        let algorithm = SigningAlgorithm::MlDsaShake256;
        assert_eq!(key.verify(algorithm, external, &key.sign(algorithm, raw).unwrap()), Ok(()), "{spec}");
        assert_eq!(key.verify(algorithm, raw, &key.sign(algorithm, external).unwrap()), Ok(()), "{spec}");
    }
}

/// [RFC8032 §7.3], with the message itself, which the service hashes once more when a caller sends its digest.
#[test]
fn ed25519ph_gives_the_published_signature() {
    let seed = hex::decode("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42").unwrap();
    let prefix = hex::decode("302e020100300506032b657004220420").unwrap();
    let pkcs8 = Zeroizing::new([prefix, seed].concat());
    let material = KeyMaterial::import(KeySpec::EccNistEdwards25519, &pkcs8).unwrap();
    let public_key = material.public_key().unwrap().unwrap();
    assert!(
        hex::encode(&public_key)
            .ends_with("ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf")
    );
    let published = concat!(
        "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41",
        "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406"
    );
    let made = ed25519::sign_prehashed(material.expose(), b"abc").unwrap();
    assert_eq!(hex::encode(&made), published);
    assert_eq!(ed25519::verify_prehashed(&public_key, b"abc", &made), Ok(()));
    let refused = Err(CryptoError::InvalidSignature);
    assert_eq!(ed25519::verify(&public_key, b"abc", &made), refused, "it is not a signature of pure Ed25519");
    assert_eq!(ed25519::verify_prehashed(&public_key, b"abd", &made), refused);
}
