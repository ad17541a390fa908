//! HMAC of GenerateMac and VerifyMac [RFC2104 §2]. Truncates no tag and knows nothing of grants or usages.

use aws_lc_rs::hmac;
use kms_types::{KeyUsage, MacAlgorithm, limits};

use crate::{CryptoError, KeyMaterial};

/// The MAC of `message`, 1 to [`limits::MAX_MESSAGE_BYTES`] bytes; its length is [`MacAlgorithm::mac_bytes`].
///
/// # Errors
/// [`CryptoError::WrongAlgorithm`] unless the algorithm is the one of the material's spec;
/// [`CryptoError::MessageLength`].
pub fn generate(
    material: &KeyMaterial,
    algorithm: MacAlgorithm,
    message: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    Ok(hmac::sign(&key(material, algorithm, message)?, message).as_ref().to_vec())
}

/// Checks a MAC in constant time (E4).
///
/// # Errors
/// [`CryptoError::InvalidMac`] for a MAC of any length that is not the message's; else as [`generate`].
pub fn verify(
    material: &KeyMaterial,
    algorithm: MacAlgorithm,
    message: &[u8],
    mac: &[u8],
) -> Result<(), CryptoError> {
    hmac::verify(&key(material, algorithm, message)?, message, mac).map_err(|_| CryptoError::InvalidMac)
}

fn key(material: &KeyMaterial, algorithm: MacAlgorithm, message: &[u8]) -> Result<hmac::Key, CryptoError> {
    let spec = material.spec();
    if !spec.mac_algorithms(KeyUsage::GenerateVerifyMac).contains(&algorithm) {
        return Err(CryptoError::WrongAlgorithm { spec, algorithm: algorithm.as_str() });
    }
    if message.is_empty() || message.len() > limits::MAX_MESSAGE_BYTES {
        return Err(CryptoError::MessageLength { length_bytes: message.len() });
    }
    let hash = match algorithm {
        MacAlgorithm::HmacSha224 => hmac::HMAC_SHA224,
        MacAlgorithm::HmacSha256 => hmac::HMAC_SHA256,
        MacAlgorithm::HmacSha384 => hmac::HMAC_SHA384,
        MacAlgorithm::HmacSha512 => hmac::HMAC_SHA512,
    };
    Ok(hmac::Key::new(hash, material.expose()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy_rng::test_entropy::Seeded;
    use kms_types::KeySpec;
    use zeroize::Zeroizing;

    const PAIRS: [(KeySpec, MacAlgorithm); 4] = [
        (KeySpec::Hmac224, MacAlgorithm::HmacSha224),
        (KeySpec::Hmac256, MacAlgorithm::HmacSha256),
        (KeySpec::Hmac384, MacAlgorithm::HmacSha384),
        (KeySpec::Hmac512, MacAlgorithm::HmacSha512),
    ];

    #[test]
    fn a_mac_verifies_and_no_flipped_bit_nor_cut_does() {
        for (spec, algorithm) in PAIRS {
            let material = KeyMaterial::generate(spec, &mut Seeded::new(1)).unwrap();
            let mac = generate(&material, algorithm, b"message").unwrap();
            assert_eq!(mac.len(), algorithm.mac_bytes());
            assert_eq!(verify(&material, algorithm, b"message", &mac), Ok(()));
            assert_eq!(verify(&material, algorithm, b"messagf", &mac), Err(CryptoError::InvalidMac));
            for bit in 0..mac.len() * 8 {
                let mut changed = mac.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(verify(&material, algorithm, b"message", &changed), Err(CryptoError::InvalidMac));
            }
            for cut in 0..mac.len() {
                assert_eq!(
                    verify(&material, algorithm, b"message", &mac[..cut]),
                    Err(CryptoError::InvalidMac)
                );
            }
            let other = KeyMaterial::generate(spec, &mut Seeded::new(2)).unwrap();
            assert_eq!(verify(&other, algorithm, b"message", &mac), Err(CryptoError::InvalidMac));
        }
    }

    #[test]
    fn each_spec_takes_its_own_algorithm_only() {
        for &spec in &[KeySpec::SymmetricDefault, KeySpec::Hmac224, KeySpec::Hmac256, KeySpec::Hmac512] {
            let material = KeyMaterial::generate(spec, &mut Seeded::new(1)).unwrap();
            for &algorithm in MacAlgorithm::ALL {
                let made = generate(&material, algorithm, b"m");
                assert_eq!(made.is_ok(), PAIRS.contains(&(spec, algorithm)), "{spec} {algorithm}");
                let refused = CryptoError::WrongAlgorithm { spec, algorithm: algorithm.as_str() };
                assert!(made.is_ok() || made.unwrap_err() == refused);
            }
        }
    }

    #[test]
    fn message_lengths_are_bounded() {
        let material = KeyMaterial::generate(KeySpec::Hmac256, &mut Seeded::new(1)).unwrap();
        let of = |n: usize| generate(&material, MacAlgorithm::HmacSha256, &vec![1; n]).map(|mac| mac.len());
        assert_eq!((of(1), of(4096)), (Ok(32), Ok(32)));
        assert_eq!(of(0), Err(CryptoError::MessageLength { length_bytes: 0 }));
        assert_eq!(of(4097), Err(CryptoError::MessageLength { length_bytes: 4097 }));
    }

    /// [RFC4231 §4.3], test case 2, whose key is shorter than any generated one.
    #[test]
    fn published_answers() {
        let answers = [
            "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            concat!(
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e",
                "8e2240ca5e69e2c78b3239ecfab21649"
            ),
            concat!(
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554",
                "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
            ),
        ];
        for ((spec, algorithm), answer) in PAIRS.into_iter().zip(answers) {
            let material = KeyMaterial::from_canonical(spec, Zeroizing::new(b"Jefe".to_vec())).unwrap();
            let mac = generate(&material, algorithm, b"what do ya want for nothing?").unwrap();
            assert_eq!(hex::encode(mac), answer);
        }
    }
}
