//! The data key pairs of GenerateDataKeyPair: made here, kept nowhere.

use kms_types::{DataKeyPairSpec, Entropy};
use std::fmt;
use zeroize::Zeroizing;

use crate::{CryptoError, KeyMaterial};

/// A key pair that leaves the service.
pub struct KeyPair {
    /// PKCS#8 in DER [RFC5958 §2]; the seed form for ML-KEM.
    pub private_key: Zeroizing<Vec<u8>>,
    /// SubjectPublicKeyInfo in DER [RFC5280 §4.1.2.7].
    pub public_key: Vec<u8>,
}

/// A fresh key pair.
///
/// # Errors
/// [`CryptoError::UnsupportedSpec`] for what is offered in China only.
pub fn generate(spec: DataKeyPairSpec, entropy: &mut dyn Entropy) -> Result<KeyPair, CryptoError> {
    let material = KeyMaterial::generate(spec.key_spec(), entropy)?;
    let unsupported = CryptoError::UnsupportedSpec { spec: spec.key_spec() };
    let public_key = material.public_key()?.ok_or(unsupported)?;
    Ok(KeyPair { private_key: material.to_pkcs8()?, public_key })
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({} bytes, ..)", self.public_key.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy_rng::test_entropy::Seeded;
    use kms_types::KeySpec;

    #[test]
    fn private_keys_are_pkcs8_that_gives_the_public_key() {
        for &spec in DataKeyPairSpec::ALL {
            let made = generate(spec, &mut Seeded::new(1));
            if spec.key_spec().is_china_only() {
                assert_eq!(made.unwrap_err(), CryptoError::UnsupportedSpec { spec: KeySpec::Sm2 });
                continue;
            }
            let pair = made.unwrap();
            let again = KeyMaterial::import(spec.key_spec(), &pair.private_key).unwrap();
            assert_eq!(again.public_key().unwrap().unwrap(), pair.public_key, "{spec}");
            assert!(!format!("{pair:?}").contains(&hex::encode(&pair.private_key[20..28])));
        }
    }

    #[test]
    fn ml_kem_private_keys_have_the_same_length_at_every_size() {
        for spec in [DataKeyPairSpec::MlKem512, DataKeyPairSpec::MlKem768, DataKeyPairSpec::MlKem1024] {
            assert_eq!(generate(spec, &mut Seeded::new(1)).unwrap().private_key.len(), 86);
        }
    }
}
