//! ECDH of DeriveSharedSecret: the bare x-coordinate, without a derivation function [SP800-56A §5.7.1.2]. The NIST curves
//! have cofactor 1.

use aws_lc_rs::agreement::{ParsedPublicKey, PrivateKey, UnparsedPublicKey, agree};
use kms_types::{KeyAgreementAlgorithm, KeyUsage};
use zeroize::Zeroizing;

use crate::{
    CryptoError, KeyMaterial,
    asymmetric::{Family, broken, ec},
};

/// The shared secret of `material` and a peer's public key: 32, 48 or 66 bytes, leading zeros included.
///
/// # Errors
/// [`CryptoError::WrongAlgorithm`]; [`CryptoError::InvalidPublicKey`] unless the peer's key is a SubjectPublicKeyInfo in DER
/// of a point on the same curve.
pub fn derive_shared_secret(
    material: &KeyMaterial,
    algorithm: KeyAgreementAlgorithm,
    peer_public_key: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let spec = material.spec();
    let wrong = CryptoError::WrongAlgorithm { spec, algorithm: algorithm.as_str() };
    let Some(Family::Ec(curve)) = Family::of(spec) else { return Err(wrong) };
    let offered = spec.key_agreement_algorithms(KeyUsage::KeyAgreement).contains(&algorithm);
    let ecdh = curve.agreement().filter(|_| offered).ok_or(wrong)?;
    if !ec::is_spki_of(curve, peer_public_key) {
        return Err(CryptoError::InvalidPublicKey);
    }
    // Parsing checks that the point is on the curve and not at infinity [SP800-56A §5.6.2.3.3].
    let peer = ParsedPublicKey::try_from(UnparsedPublicKey::new(ecdh, peer_public_key))
        .map_err(|_| CryptoError::InvalidPublicKey)?;
    let private = PrivateKey::from_private_key_der(ecdh, material.expose())
        .map_err(|_| broken("stored elliptic curve key"))?;
    agree(&private, peer, broken("ECDH"), |secret| Ok(Zeroizing::new(secret.to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy_rng::test_entropy::Seeded;
    use KeyAgreementAlgorithm::Ecdh;
    use kms_types::KeySpec;

    const CURVES: [(KeySpec, usize); 3] =
        [(KeySpec::EccNistP256, 32), (KeySpec::EccNistP384, 48), (KeySpec::EccNistP521, 66)];

    fn pair(spec: KeySpec, seed: u64) -> (KeyMaterial, Vec<u8>) {
        let material = KeyMaterial::generate(spec, &mut Seeded::new(seed)).unwrap();
        let public_key = material.public_key().unwrap().unwrap();
        (material, public_key)
    }

    #[test]
    fn both_sides_agree_and_a_third_does_not() {
        for (spec, length_bytes) in CURVES {
            let [(a, of_a), (b, of_b), (c, _)] = [1, 2, 3].map(|seed| pair(spec, seed));
            let secret = derive_shared_secret(&a, Ecdh, &of_b).unwrap();
            assert_eq!(secret.len(), length_bytes);
            assert_eq!(secret, derive_shared_secret(&b, Ecdh, &of_a).unwrap());
            assert_ne!(secret, derive_shared_secret(&c, Ecdh, &of_a).unwrap());
        }
    }

    #[test]
    fn public_keys_that_are_not_of_the_curve_are_refused() {
        for (spec, _) in CURVES {
            let (material, own) = pair(spec, 1);
            let refused = |peer: &[u8]| {
                let result = derive_shared_secret(&material, Ecdh, peer);
                assert_eq!(result.unwrap_err(), CryptoError::InvalidPublicKey, "{spec}");
            };
            for (other, _) in CURVES.iter().filter(|(other, _)| *other != spec) {
                refused(&pair(*other, 2).1);
            }
            refused(&pair(KeySpec::EccSecgP256k1, 2).1);
            refused(&pair(KeySpec::EccNistEdwards25519, 2).1);
            refused(b"");
            refused(&own[..own.len() - 1]);
            refused(&[own.as_slice(), &[0]].concat());
            let point_at = own.iter().position(|byte| *byte == 4).unwrap();
            refused(&own[own.len() - (own.len() - point_at)..]);
            let mut off_curve = own.clone();
            *off_curve.last_mut().unwrap() ^= 1;
            refused(&off_curve);
        }
    }

    #[test]
    fn keys_that_do_not_agree_are_refused() {
        let peer = pair(KeySpec::EccNistP256, 2).1;
        for spec in
            [KeySpec::EccSecgP256k1, KeySpec::EccNistEdwards25519, KeySpec::Hmac256, KeySpec::MlKem512]
        {
            let material = KeyMaterial::generate(spec, &mut Seeded::new(1)).unwrap();
            let refused = derive_shared_secret(&material, Ecdh, &peer).unwrap_err();
            assert_eq!(refused, CryptoError::WrongAlgorithm { spec, algorithm: "ECDH" });
        }
    }
}
