use super::*;
use crate::{KeyMaterial, asymmetric::rsa::test_keys, entropy_rng::test_entropy::Seeded};
use sha2::{Digest, Sha256};

const ALL: [KeySpec; 14] = [
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
    KeySpec::MlKem512,
    KeySpec::MlKem768,
    KeySpec::MlKem1024,
];

/// RSA keys take long to make, so the tests share one of each size.
fn material(spec: KeySpec, seed: u64) -> KeyMaterial {
    match spec.modulus_bits() {
        Some(_) => test_keys::material(spec),
        None => KeyMaterial::generate(spec, &mut Seeded::new(seed)).unwrap(),
    }
}

/// The lengths of AWS's public keys.
#[test]
fn public_keys_have_the_published_lengths() {
    let lengths =
        [294, 422, 550, 91, 120, 158, 88, 44, 1334, 1974, 2614, 822, 1206, 1590].into_iter().zip(ALL);
    for (length_bytes, spec) in lengths {
        let public_key = material(spec, 1).public_key().unwrap().unwrap();
        assert_eq!(public_key.len(), length_bytes, "{spec}");
    }
    assert_eq!(KeyMaterial::generate(KeySpec::Hmac256, &mut Seeded::new(1)).unwrap().public_key(), Ok(None));
}

/// Materials are in stored state and decrypt for ever: their canonical bytes never change. RSA primes are not ours to draw.
#[test]
fn canonical_bytes_are_golden() {
    let rows = ALL.iter().filter(|spec| spec.modulus_bits().is_none()).map(|spec| {
        let material = material(*spec, 1);
        let digest = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
        let (private, public) = (material.expose(), material.public_key().unwrap().unwrap());
        format!("{spec} {} bytes {} public {}", private.len(), digest(private), digest(&public))
    });
    insta::assert_snapshot!(rows.collect::<Vec<_>>().join("\n"));
}

#[test]
fn canonical_form_survives_import_of_its_own_pkcs8() {
    for spec in ALL {
        let material = material(spec, 1);
        let again = KeyMaterial::import(spec, &material.to_pkcs8().unwrap()).unwrap();
        assert_eq!((again.spec(), again.expose()), (spec, material.expose()), "{spec}");
    }
}

#[test]
fn keys_of_every_other_spec_are_refused() {
    for spec in ALL {
        let pkcs8 = material(spec, 1).to_pkcs8().unwrap();
        for other in ALL.into_iter().filter(|other| *other != spec) {
            let refused = KeyMaterial::import(other, &pkcs8).unwrap_err();
            assert_eq!(refused, CryptoError::InvalidKeyMaterial { spec: other }, "{spec} as {other}");
        }
    }
}

/// A flip in the private value of an elliptic curve or a lattice seed gives another valid key when no public half is
/// there to contradict it: Ed25519 and the lattices. Everything else must notice every bit.
#[test]
fn no_flipped_bit_is_taken_for_the_same_key() {
    for spec in ALL {
        let right = material(spec, 1);
        let pkcs8 = right.to_pkcs8().unwrap();
        let bare_seed = matches!(Family::of(spec).unwrap(), Family::Ed25519 | Family::MlDsa | Family::MlKem);
        let step = if pkcs8.len() > 500 { 97 } else { 5 };
        for bit in (0..pkcs8.len() * 8).step_by(step) {
            let mut changed = pkcs8.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            match KeyMaterial::import(spec, &changed) {
                Err(error) => assert_eq!(error, CryptoError::InvalidKeyMaterial { spec }),
                Ok(other) if bare_seed => assert!(other.expose() != right.expose(), "{spec} bit {bit}"),
                // What does not change the key, such as the version of the inner structure, is normalised away.
                Ok(same) => assert_eq!(same.expose(), right.expose(), "{spec} bit {bit}"),
            }
        }
    }
}

#[test]
fn cut_and_lengthened_keys_are_refused() {
    for spec in ALL {
        let pkcs8 = material(spec, 1).to_pkcs8().unwrap();
        let cuts = (0..pkcs8.len()).step_by(pkcs8.len().div_ceil(40)).map(|n| pkcs8[..n].to_vec());
        for wrong in cuts.chain([[pkcs8.as_slice(), &[0]].concat()]) {
            assert!(KeyMaterial::import(spec, &wrong).is_err(), "{spec} with {} bytes", wrong.len());
        }
    }
}

#[test]
fn shared_secrets_are_imported_at_their_exact_length() {
    let lengths = [
        (KeySpec::SymmetricDefault, 32),
        (KeySpec::Hmac224, 28),
        (KeySpec::Hmac256, 32),
        (KeySpec::Hmac384, 48),
        (KeySpec::Hmac512, 64),
    ];
    for (spec, length_bytes) in lengths {
        for n in 0..=80 {
            let imported = KeyMaterial::import(spec, &vec![9; n]);
            assert_eq!(imported.is_ok(), n == length_bytes, "{spec} with {n} bytes");
        }
        assert_eq!(
            KeyMaterial::import(spec, &vec![9; length_bytes]).unwrap().expose(),
            vec![9; length_bytes]
        );
    }
}

#[test]
fn scalars_out_of_range_are_no_keys() {
    use ec::{Curve, from_scalar};
    let order_of_p256 =
        hex::decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").unwrap();
    assert!(from_scalar(Curve::P256, &order_of_p256).is_none());
    assert!(from_scalar(Curve::P256, &[0; 32]).is_none());
    assert!(from_scalar(Curve::P521, &[0xff; 66]).is_none());
    let mut largest = order_of_p256;
    largest[31] -= 1;
    assert!(from_scalar(Curve::P256, &largest).is_some());
}

/// [RFC6979 §A.2.5], the key of its examples.
#[test]
fn published_scalar_gives_the_published_point() {
    let scalar = hex::decode("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721").unwrap();
    let canonical = ec::from_scalar(ec::Curve::P256, &scalar).unwrap();
    let public_key = ec::public_key(ec::Curve::P256, &canonical).unwrap();
    let point = concat!(
        "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
        "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
    );
    assert!(hex::encode(public_key).ends_with(point));
}
