//! ML-KEM of Encapsulate and Decapsulate [FIPS203]. Takes no encryption context and derives nothing from the secret.

use kms_types::{EncapsulationAlgorithm, Entropy, KeySpec, KeyUsage};
use std::fmt;
use zeroize::Zeroizing;

use crate::{CryptoError, KeyMaterial, asymmetric::ml_kem};

/// A fresh shared secret and what its other holder needs to find it.
pub struct Encapsulated {
    /// The ciphertext: 768, 1,088 or 1,568 bytes.
    pub ciphertext: Vec<u8>,
    /// The shared secret: 32 bytes.
    pub shared_secret: Zeroizing<Vec<u8>>,
}

/// Draws a shared secret for the holder of a public key of a key of `spec`.
///
/// # Errors
/// [`CryptoError::WrongAlgorithm`]; [`CryptoError::InvalidPublicKey`].
pub fn encapsulate(
    spec: KeySpec,
    public_key: &[u8],
    algorithm: EncapsulationAlgorithm,
    entropy: &mut dyn Entropy,
) -> Result<Encapsulated, CryptoError> {
    check(spec, algorithm)?;
    let (ciphertext, shared_secret) = ml_kem::encapsulate(spec, public_key, entropy)?;
    Ok(Encapsulated { ciphertext, shared_secret })
}

/// The shared secret of a ciphertext, 32 bytes. A ciphertext of the right length that was made for another key gives a
/// secret that nobody else has, and no error [FIPS203 §6.3].
///
/// # Errors
/// [`CryptoError::WrongAlgorithm`]; [`CryptoError::InvalidCiphertext`] for a wrong length.
pub fn decapsulate(
    material: &KeyMaterial,
    algorithm: EncapsulationAlgorithm,
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    check(material.spec(), algorithm)?;
    ml_kem::decapsulate(material.spec(), material.expose(), ciphertext)
}

fn check(spec: KeySpec, algorithm: EncapsulationAlgorithm) -> Result<(), CryptoError> {
    if spec.encapsulation_algorithms(KeyUsage::EncapsulateDecapsulate).contains(&algorithm) {
        Ok(())
    } else {
        Err(CryptoError::WrongAlgorithm { spec, algorithm: algorithm.as_str() })
    }
}

impl fmt::Debug for Encapsulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encapsulated({} bytes, ..)", self.ciphertext.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy_rng::test_entropy::Seeded;
    use EncapsulationAlgorithm::MlKem;

    const SETS: [(KeySpec, usize); 3] =
        [(KeySpec::MlKem512, 768), (KeySpec::MlKem768, 1088), (KeySpec::MlKem1024, 1568)];

    #[test]
    fn holder_finds_the_secret_and_debug_shows_none() {
        for (spec, length_bytes) in SETS {
            let material = KeyMaterial::generate(spec, &mut Seeded::new(1)).unwrap();
            let public_key = material.public_key().unwrap().unwrap();
            let made = encapsulate(spec, &public_key, MlKem, &mut Seeded::new(2)).unwrap();
            assert_eq!((made.ciphertext.len(), made.shared_secret.len()), (length_bytes, 32));
            assert_eq!(decapsulate(&material, MlKem, &made.ciphertext).unwrap(), made.shared_secret);
            assert_eq!(format!("{made:?}"), format!("Encapsulated({length_bytes} bytes, ..)"));
        }
    }

    #[test]
    fn altered_ciphertext_gives_another_secret_and_other_lengths_an_error() {
        for (spec, _) in SETS {
            let material = KeyMaterial::generate(spec, &mut Seeded::new(1)).unwrap();
            let public_key = material.public_key().unwrap().unwrap();
            let made = encapsulate(spec, &public_key, MlKem, &mut Seeded::new(2)).unwrap();
            let mut altered = made.ciphertext.clone();
            altered[0] ^= 1;
            let rejected = decapsulate(&material, MlKem, &altered).unwrap();
            assert_ne!(rejected, made.shared_secret);
            assert_eq!(
                rejected,
                decapsulate(&material, MlKem, &altered).unwrap(),
                "it is a function of both"
            );
            for wrong in [&altered[1..], &[altered.as_slice(), &[0]].concat(), b""] {
                let refused = decapsulate(&material, MlKem, wrong).unwrap_err();
                assert_eq!(refused, CryptoError::InvalidCiphertext);
            }
        }
    }

    #[test]
    fn public_keys_of_another_size_and_other_specs_are_refused() {
        let material = KeyMaterial::generate(KeySpec::MlKem512, &mut Seeded::new(1)).unwrap();
        let public_key = material.public_key().unwrap().unwrap();
        let of = |spec, key: &[u8]| encapsulate(spec, key, MlKem, &mut Seeded::new(2)).map(|_| ());
        assert_eq!(of(KeySpec::MlKem768, &public_key), Err(CryptoError::InvalidPublicKey));
        assert_eq!(
            of(KeySpec::MlKem512, &[public_key.as_slice(), &[0]].concat()),
            Err(CryptoError::InvalidPublicKey)
        );
        let wrong = CryptoError::WrongAlgorithm { spec: KeySpec::Hmac256, algorithm: "ML_KEM" };
        assert_eq!(of(KeySpec::Hmac256, &public_key), Err(wrong));
        let mut too_large = public_key;
        let at = too_large.len() - 100;
        too_large[at..at + 3].fill(0xff);
        assert_eq!(
            of(KeySpec::MlKem512, &too_large),
            Err(CryptoError::InvalidPublicKey),
            "coefficients of 4095"
        );
    }

    /// Two implementations that share no code agree on keys, ciphertexts and secrets.
    #[test]
    fn aws_lc_agrees() {
        for (spec, algorithm) in [
            (KeySpec::MlKem512, &aws_lc_rs::kem::ML_KEM_512),
            (KeySpec::MlKem768, &aws_lc_rs::kem::ML_KEM_768),
            (KeySpec::MlKem1024, &aws_lc_rs::kem::ML_KEM_1024),
        ] {
            let material = KeyMaterial::generate(spec, &mut Seeded::new(1)).unwrap();
            let public_key = material.public_key().unwrap().unwrap();
            // 22 bytes of SubjectPublicKeyInfo come before the key.
            let theirs = aws_lc_rs::kem::EncapsulationKey::new(algorithm, &public_key[22..]).unwrap();
            let (ciphertext, secret) = theirs.encapsulate().unwrap();
            let found = decapsulate(&material, MlKem, ciphertext.as_ref()).unwrap();
            assert_eq!(found.as_slice(), secret.as_ref());
        }
    }
}
