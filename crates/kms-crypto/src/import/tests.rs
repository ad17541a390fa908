use super::*;
use crate::{
    asymmetric::rsa::{oaep_encrypt, test_keys},
    entropy_rng::test_entropy::Seeded,
};
use kms_types::{KeyIdKind, limits};

const ALGORITHMS: [WrappingAlgorithm; 4] = [
    WrappingAlgorithm::RsaesOaepSha1,
    WrappingAlgorithm::RsaesOaepSha256,
    WrappingAlgorithm::RsaAesKeyWrapSha1,
    WrappingAlgorithm::RsaAesKeyWrapSha256,
];
const SPECS: [WrappingKeySpec; 3] =
    [WrappingKeySpec::Rsa2048, WrappingKeySpec::Rsa3072, WrappingKeySpec::Rsa4096];

fn terms(algorithm: WrappingAlgorithm, wrapping_key_spec: WrappingKeySpec) -> ImportTerms {
    let key = KeyId::from_parts(KeyIdKind::MultiRegion, [7; 16]);
    ImportTerms { key, algorithm, wrapping_key_spec, expires_at: Timestamp::from_millis(1_234_567) }
}

/// A wrapping key without the wait.
fn wrapping_key(algorithm: WrappingAlgorithm, spec: WrappingKeySpec) -> WrappingKey {
    let private_key = Zeroizing::new(test_keys::material(rsa_spec(spec).unwrap()).expose().to_vec());
    WrappingKey { terms: terms(algorithm, spec), private_key }
}

/// What a customer does with the public key.
fn wrap(key: &WrappingKey, material: &[u8]) -> Option<Vec<u8>> {
    let public_key = key.public_key().unwrap();
    match Scheme::of(key.terms.algorithm).unwrap() {
        Scheme::Oaep(hash) => oaep_encrypt(&public_key, hash, material),
        Scheme::OaepThenKeyWrap(hash) => {
            let ephemeral = [0x77; 32];
            let wrapped = unwrap::key_wrap(&ephemeral, material);
            Some([oaep_encrypt(&public_key, hash, &ephemeral)?, wrapped].concat())
        }
    }
}

fn domain() -> DomainKey {
    DomainKey::generate(3, &mut Seeded::new(1))
}

#[test]
fn generated_key_has_the_size_asked_for_and_opens_what_is_wrapped_to_it() {
    let terms = terms(WrappingAlgorithm::RsaesOaepSha256, WrappingKeySpec::Rsa2048);
    let key = WrappingKey::generate(terms).unwrap();
    assert_eq!((key.terms(), key.public_key().unwrap().len()), (&terms, 294));
    let opened = key.unwrap_material(KeySpec::SymmetricDefault, &wrap(&key, &[5; 32]).unwrap()).unwrap();
    assert_eq!(opened.expose(), [5; 32]);
}

#[test]
fn algorithms_that_are_not_offered_make_no_key() {
    let refused = [
        (WrappingAlgorithm::RsaesPkcs1V15, WrappingKeySpec::Rsa2048),
        (WrappingAlgorithm::Sm2pke, WrappingKeySpec::Sm2),
        (WrappingAlgorithm::RsaesOaepSha256, WrappingKeySpec::Sm2),
    ];
    for (algorithm, wrapping_key_spec) in refused {
        let error = WrappingKey::generate(terms(algorithm, wrapping_key_spec)).unwrap_err();
        assert_eq!(error, CryptoError::UnsupportedWrapping { algorithm, wrapping_key_spec });
    }
}

#[test]
fn tokens_fit_the_api_and_give_the_key_back_under_their_domain_key_only() {
    for (algorithm, spec) in ALGORITHMS.into_iter().flat_map(|a| SPECS.map(|s| (a, s))) {
        let key = wrapping_key(algorithm, spec);
        let token = key.to_token(&domain(), &mut Seeded::new(2)).unwrap();
        assert!(token.len() <= limits::MAX_CIPHERTEXT_BYTES, "{} bytes", token.len());
        assert_eq!(token_domain_version(&token), Some(3));
        let opened = WrappingKey::from_token(&domain(), &token).unwrap();
        assert_eq!((opened.terms, &opened.private_key), (key.terms, &key.private_key));
        let stranger = DomainKey::generate(3, &mut Seeded::new(9));
        assert_eq!(WrappingKey::from_token(&stranger, &token).unwrap_err(), CryptoError::InvalidImportToken);
        let newer = DomainKey::generate(4, &mut Seeded::new(1));
        let refused = WrappingKey::from_token(&newer, &token).unwrap_err();
        assert_eq!(refused, CryptoError::WrongDomainVersion { wrapped: 3, held: 4 });
    }
}

#[test]
fn every_altered_cut_or_lengthened_token_is_refused() {
    let key = wrapping_key(WrappingAlgorithm::RsaesOaepSha256, WrappingKeySpec::Rsa2048);
    let token = key.to_token(&domain(), &mut Seeded::new(2)).unwrap();
    for bit in (0..token.len() * 8).step_by(7) {
        let mut changed = token.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let refused = WrappingKey::from_token(&domain(), &changed).unwrap_err();
        let version =
            matches!(refused, CryptoError::WrongDomainVersion { held: 3, .. }) && (8..40).contains(&bit);
        assert!(version || refused == CryptoError::InvalidImportToken, "bit {bit}: {refused}");
    }
    for cut in (0..token.len()).step_by(13) {
        let refused = WrappingKey::from_token(&domain(), &token[..cut]).unwrap_err();
        assert_eq!(refused, CryptoError::InvalidImportToken);
    }
    let longer = [token.as_slice(), &[0]].concat();
    assert_eq!(WrappingKey::from_token(&domain(), &longer).unwrap_err(), CryptoError::InvalidImportToken);
}

#[test]
fn material_of_every_spec_comes_in_by_every_algorithm_that_it_fits() {
    let specs = KeySpec::ALL.iter().filter(|spec| !spec.is_china_only());
    for &spec in specs {
        let material = match spec.modulus_bits() {
            Some(_) => test_keys::material(spec),
            None => KeyMaterial::generate(spec, &mut Seeded::new(4)).unwrap(),
        };
        let plain = material.to_pkcs8().map_or(material.expose().to_vec(), |pkcs8| pkcs8.to_vec());
        for algorithm in ALGORITHMS {
            let key = wrapping_key(algorithm, WrappingKeySpec::Rsa2048);
            match wrap(&key, &plain) {
                Some(encrypted) => {
                    let imported = key.unwrap_material(spec, &encrypted).unwrap();
                    assert_eq!(imported.expose(), material.expose(), "{spec} {algorithm}");
                }
                None => assert!(plain.len() > 190 && matches!(Scheme::of(algorithm), Some(Scheme::Oaep(_)))),
            }
        }
    }
}

#[test]
fn what_does_not_unwrap_and_what_is_no_material_are_told_apart() {
    for algorithm in ALGORITHMS {
        let key = wrapping_key(algorithm, WrappingKeySpec::Rsa2048);
        let right = wrap(&key, &[5; 32]).unwrap();
        let spec = KeySpec::SymmetricDefault;
        for bit in (0..right.len() * 8).step_by(53) {
            let mut changed = right.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let refused = key.unwrap_material(spec, &changed).unwrap_err();
            assert_eq!(refused, CryptoError::InvalidCiphertext, "{algorithm} bit {bit}");
        }
        for cut in (0..right.len()).step_by(31) {
            let refused = key.unwrap_material(spec, &right[..cut]).unwrap_err();
            assert_eq!(refused, CryptoError::InvalidCiphertext);
        }
        let other = wrapping_key(algorithm, WrappingKeySpec::Rsa3072);
        assert_eq!(other.unwrap_material(spec, &right).unwrap_err(), CryptoError::InvalidCiphertext);
        let short = key.unwrap_material(spec, &wrap(&key, &[5; 31]).unwrap()).unwrap_err();
        assert_eq!(short, CryptoError::InvalidKeyMaterial { spec });
        let spec = KeySpec::EccNistP256;
        assert_eq!(key.unwrap_material(spec, &right).unwrap_err(), CryptoError::InvalidKeyMaterial { spec });
    }
}

/// The ephemeral key of RSA_AES_KEY_WRAP has 256 bits and no fewer.
#[test]
fn a_short_ephemeral_key_unwraps_nothing() {
    let key = wrapping_key(WrappingAlgorithm::RsaAesKeyWrapSha256, WrappingKeySpec::Rsa2048);
    let public_key = key.public_key().unwrap();
    let short = oaep_encrypt(&public_key, OaepHash::Sha256, &[0x77; 16]).unwrap();
    let encrypted = [short, unwrap::key_wrap(&[0x77; 32], &[5; 32])].concat();
    let refused = key.unwrap_material(KeySpec::SymmetricDefault, &encrypted).unwrap_err();
    assert_eq!(refused, CryptoError::InvalidCiphertext);
}

/// Tokens stay valid across an upgrade of the nodes (H3).
#[test]
fn token_layout_is_golden() {
    let mut key = wrapping_key(WrappingAlgorithm::RsaAesKeyWrapSha256, WrappingKeySpec::Rsa3072);
    key.private_key = Zeroizing::new(b"private".to_vec());
    let token = key.to_token(&domain(), &mut Seeded::new(2)).unwrap();
    insta::assert_snapshot!(hex::encode(token));
}

#[test]
fn debug_shows_the_terms_only() {
    let key = wrapping_key(WrappingAlgorithm::RsaesOaepSha1, WrappingKeySpec::Rsa2048);
    assert_eq!(format!("{key:?}"), format!("WrappingKey({:?}, ..)", key.terms));
}
