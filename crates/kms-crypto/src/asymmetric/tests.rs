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

/// PKCS#8 by hand: `frame` and content, each behind its length.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head = match content.len() {
        0..=0x7f => vec![tag, length[1]],
        0x80..=0xff => vec![tag, 0x81, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    [head, content.to_vec()].concat()
}

fn pkcs8(algorithm: &str, private_key: &[u8], rest: &[u8], version: u8) -> Vec<u8> {
    let algorithm = hex::decode(algorithm).unwrap();
    der(0x30, &[vec![2, 1, version], algorithm, der(4, private_key), rest.to_vec()].concat())
}

const P256_IDENTIFIER: &str = "301306072a8648ce3d020106082a8648ce3d030107";

/// One key, encoded with and without its public half, curve and attributes, is one material.
#[test]
fn encodings_of_one_curve_key_are_one_material() {
    let scalar = hex::decode("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721").unwrap();
    let point = hex::decode(concat!(
        "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
        "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
    ))
    .unwrap();
    let curve = der(0xa0, &hex::decode("06082a8648ce3d030107").unwrap());
    let bits = der(0xa1, &der(3, &[&[0], point.as_slice()].concat()));
    let private =
        |parts: &[&[u8]]| der(0x30, &[&[2, 1, 1], der(4, &scalar).as_slice(), &parts.concat()].concat());
    let attribute =
        der(0xa0, &der(0x30, &[hex::decode("0603551d0f").unwrap(), der(0x31, &[3, 2, 7, 0x80])].concat()));
    let spec = KeySpec::EccNistP256;
    let import = |key: &[u8], rest: &[u8]| KeyMaterial::import(spec, &pkcs8(P256_IDENTIFIER, key, rest, 0));
    let canonical = import(&private(&[&bits]), &[]).unwrap();
    for parts in [vec![], vec![curve.as_slice()], vec![&curve, &bits]] {
        let again = import(&private(&parts), &[]).unwrap();
        assert_eq!(again.expose(), canonical.expose());
    }
    assert_eq!(import(&private(&[]), &attribute).unwrap().expose(), canonical.expose());
    let mut other_point = material(spec, 1).public_key().unwrap().unwrap();
    let stranger = der(0xa1, &der(3, &[&[0], other_point.split_off(26).as_slice()].concat()));
    assert!(import(&private(&[&stranger]), &[]).is_err(), "the public half of another key");
    let p384 = der(0xa0, &hex::decode("06052b81040022").unwrap());
    assert!(import(&private(&[&p384]), &[]).is_err(), "another curve inside");
}

/// PKCS#8 version 2 carries the public half, which is checked and then left out.
#[test]
fn encodings_of_one_ed25519_key_are_one_material() {
    let spec = KeySpec::EccNistEdwards25519;
    let canonical = material(spec, 1);
    let seed = der(4, &canonical.expose()[16..]);
    let public = canonical.public_key().unwrap().unwrap();
    let with = |public: &[u8]| {
        let bits = der(0x81, &[&[0], public].concat());
        KeyMaterial::import(spec, &pkcs8("300506032b6570", &seed, &bits, 1))
    };
    assert_eq!(with(&public[12..]).unwrap().expose(), canonical.expose());
    let stranger = material(spec, 2).public_key().unwrap().unwrap();
    assert_eq!(with(&stranger[12..]).unwrap_err(), CryptoError::InvalidKeyMaterial { spec });
}

/// The form that OpenSSL writes by default: the seed and what it expands to.
#[test]
fn lattice_keys_may_carry_their_expansion_beside_the_seed() {
    let rows = [
        (KeySpec::MlDsa44, "300b0609608648016503040311", 2560),
        (KeySpec::MlDsa65, "300b0609608648016503040312", 4032),
        (KeySpec::MlDsa87, "300b0609608648016503040313", 4896),
        (KeySpec::MlKem512, "300b0609608648016503040401", 1632),
        (KeySpec::MlKem768, "300b0609608648016503040402", 2400),
        (KeySpec::MlKem1024, "300b0609608648016503040403", 3168),
    ];
    for (spec, algorithm, expanded_bytes) in rows {
        let canonical = material(spec, 1);
        let seed = canonical.expose();
        let expanded = expanded(spec, seed);
        assert_eq!(expanded.len(), expanded_bytes);
        let import = |private_key: &[u8]| KeyMaterial::import(spec, &pkcs8(algorithm, private_key, &[], 0));
        let both = |expanded: &[u8]| der(0x30, &[der(4, seed), der(4, expanded)].concat());
        assert_eq!(import(&both(&expanded)).unwrap().expose(), seed, "{spec}");
        assert_eq!(import(&der(0x80, seed)).unwrap().expose(), seed, "{spec}");
        let mut other = expanded.clone();
        other[100] ^= 1;
        let refused = CryptoError::InvalidKeyMaterial { spec };
        for wrong in [
            both(&other),
            both(&expanded[1..]),
            der(4, &expanded),
            der(0x80, &seed[1..]),
            der(0x30, &der(4, seed)),
        ] {
            assert_eq!(import(&wrong).unwrap_err(), refused, "{spec}");
        }
    }
}

/// What a seed expands to, by AWS-LC and `ml-kem`.
fn expanded(spec: KeySpec, seed: &[u8]) -> Vec<u8> {
    match Family::of(spec).unwrap() {
        Family::MlDsa => ml_dsa::expanded(spec, seed).unwrap().to_vec(),
        _ => ml_kem::expanded(spec, seed).unwrap().to_vec(),
    }
}
