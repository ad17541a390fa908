use super::*;
use crate::entropy_rng::test_entropy::Seeded;
use kms_types::KeyIdKind;

fn material(spec: KeySpec, seed: u64) -> KeyMaterial {
    KeyMaterial::generate(spec, &mut Seeded::new(seed)).unwrap()
}

fn canonical(spec: KeySpec, bytes: &[u8]) -> KeyMaterial {
    KeyMaterial::from_canonical(spec, Zeroizing::new(bytes.to_vec())).unwrap()
}

fn key() -> KeyId {
    KeyId::from_parts(KeyIdKind::MultiRegion, [1; 16])
}

#[test]
fn debug_shows_nothing() {
    assert_eq!(format!("{:?}", material(KeySpec::SymmetricDefault, 1)), "KeyMaterial(..)");
}

#[test]
fn ids_and_commitments_differ_by_key_kind_and_material() {
    let (a, b) = (material(KeySpec::SymmetricDefault, 1), material(KeySpec::SymmetricDefault, 2));
    let (multi, single) = (key(), KeyId::from_parts(KeyIdKind::SingleRegion, [1; 16]));
    assert_eq!(material_id(&multi, &a), material_id(&multi, &a));
    assert_ne!(material_id(&multi, &a), material_id(&multi, &b));
    assert_ne!(material_id(&multi, &a), material_id(&single, &a));
    assert_ne!(commitment(&multi, &a), commitment(&single, &a));
    assert_ne!(commitment(&multi, &a).0, *material_id(&multi, &a).bytes());
}

/// HMAC alone would give these the same commitment: it pads with zeros and hashes what is longer than a block.
#[test]
fn commitments_bind_length_and_spec() {
    let short = canonical(KeySpec::Hmac224, &[7; 28]);
    let padded = canonical(KeySpec::Hmac224, &[[7; 28].as_slice(), &[0; 4]].concat());
    let long = canonical(KeySpec::Rsa2048, &[9; 200]);
    let hashed = canonical(KeySpec::Rsa2048, &Sha256::digest([9; 200]));
    for (a, b) in [(&short, &padded), (&long, &hashed)] {
        assert_ne!(commitment(&key(), a), commitment(&key(), b));
        assert_ne!(material_id(&key(), a), material_id(&key(), b));
    }
    let (hmac, symmetric) =
        (canonical(KeySpec::Hmac256, &[5; 32]), canonical(KeySpec::SymmetricDefault, &[5; 32]));
    assert_ne!(commitment(&key(), &hmac), commitment(&key(), &symmetric));
    let wider = canonical(KeySpec::Hmac512, &[5; 32]);
    assert_ne!(commitment(&key(), &hmac), commitment(&key(), &wider));
}

/// Ids are in stored state and on the link: they never change.
#[test]
fn ids_and_commitments_are_golden() {
    let rows =
        [(KeySpec::SymmetricDefault, 32), (KeySpec::Hmac224, 28), (KeySpec::Hmac512, 64)].map(|(spec, n)| {
            let material = canonical(spec, &(0..n).collect::<Vec<u8>>());
            format!(
                "{spec} {} {}",
                material_id(&key(), &material),
                hex::encode(commitment(&key(), &material).0)
            )
        });
    insta::assert_snapshot!(rows.join("\n"));
}

#[test]
fn generated_hmac_keys_have_the_length_of_their_hash() {
    let rows =
        [(KeySpec::Hmac224, 28), (KeySpec::Hmac256, 32), (KeySpec::Hmac384, 48), (KeySpec::Hmac512, 64)];
    for (spec, bytes) in rows {
        let material = material(spec, 3);
        assert_eq!((material.spec(), material.expose().len()), (spec, bytes));
    }
}

#[test]
fn specs_that_are_not_offered_are_refused() {
    let refused = KeyMaterial::generate(KeySpec::Sm2, &mut Seeded::new(1)).unwrap_err();
    assert_eq!(refused, CryptoError::UnsupportedSpec { spec: KeySpec::Sm2 });
}
