//! RSAES-OAEP of Encrypt, Decrypt and ReEncrypt under RSA keys: label empty, MGF1 with the same hash [RFC8017 §7.1].
//! Has no encryption context and no header: the ciphertext is the bare block.

use kms_types::{EncryptionAlgorithm, KeySpec, KeyUsage};
use zeroize::Zeroizing;

use crate::{
    CryptoError, KeyMaterial,
    asymmetric::rsa::{self, OaepHash},
};

/// Encrypts to the public key of a key of `spec`; the ciphertext is as long as the modulus.
///
/// # Errors
/// [`CryptoError::WrongAlgorithm`]; [`CryptoError::PlaintextTooLong`] beyond
/// [`EncryptionAlgorithm::max_plaintext_bytes`]; [`CryptoError::InvalidPublicKey`].
pub fn encrypt(
    spec: KeySpec,
    public_key: &[u8],
    algorithm: EncryptionAlgorithm,
    plaintext: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let hash = hash(spec, algorithm)?;
    let most_bytes = algorithm.max_plaintext_bytes(spec).unwrap_or(0);
    if plaintext.len() > most_bytes {
        return Err(CryptoError::PlaintextTooLong { length_bytes: plaintext.len(), most_bytes });
    }
    let ciphertext = rsa::oaep_encrypt(public_key, hash, plaintext);
    ciphertext.filter(|c| Some(c.len() * 8) == spec.modulus_bits()).ok_or(CryptoError::InvalidPublicKey)
}

/// Decrypts with private material.
///
/// # Errors
/// [`CryptoError::WrongAlgorithm`]; [`CryptoError::InvalidCiphertext`] whatever is wrong with the ciphertext.
pub fn decrypt(
    material: &KeyMaterial,
    algorithm: EncryptionAlgorithm,
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    rsa::oaep_decrypt(material.expose(), hash(material.spec(), algorithm)?, ciphertext)
}

fn hash(spec: KeySpec, algorithm: EncryptionAlgorithm) -> Result<OaepHash, CryptoError> {
    let wrong = CryptoError::WrongAlgorithm { spec, algorithm: algorithm.as_str() };
    match algorithm {
        _ if !spec.encryption_algorithms(KeyUsage::EncryptDecrypt).contains(&algorithm) => Err(wrong),
        EncryptionAlgorithm::RsaesOaepSha1 => Ok(OaepHash::Sha1),
        EncryptionAlgorithm::RsaesOaepSha256 => Ok(OaepHash::Sha256),
        EncryptionAlgorithm::SymmetricDefault | EncryptionAlgorithm::Sm2pke => Err(wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asymmetric::rsa::test_keys::material;
    use EncryptionAlgorithm::{RsaesOaepSha1, RsaesOaepSha256, SymmetricDefault};

    #[test]
    fn what_is_encrypted_decrypts_up_to_the_limit() {
        for spec in [KeySpec::Rsa2048, KeySpec::Rsa3072, KeySpec::Rsa4096] {
            let material = material(spec);
            let public_key = material.public_key().unwrap().unwrap();
            for algorithm in [RsaesOaepSha1, RsaesOaepSha256] {
                let most_bytes = algorithm.max_plaintext_bytes(spec).unwrap();
                for length_bytes in [0, 1, most_bytes] {
                    let plaintext = vec![0x5a; length_bytes];
                    let ciphertext = encrypt(spec, &public_key, algorithm, &plaintext).unwrap();
                    assert_eq!(ciphertext.len() * 8, spec.modulus_bits().unwrap());
                    assert_eq!(*decrypt(&material, algorithm, &ciphertext).unwrap(), plaintext);
                }
                let refused = encrypt(spec, &public_key, algorithm, &vec![1; most_bytes + 1]).unwrap_err();
                assert_eq!(
                    refused,
                    CryptoError::PlaintextTooLong { length_bytes: most_bytes + 1, most_bytes }
                );
            }
        }
    }

    #[test]
    fn a_ciphertext_of_another_hash_key_or_length_has_the_one_error() {
        let (a, b) = (material(KeySpec::Rsa2048), material(KeySpec::Rsa3072));
        let public_key = a.public_key().unwrap().unwrap();
        let right = encrypt(KeySpec::Rsa2048, &public_key, RsaesOaepSha256, b"x").unwrap();
        let refused = |material, algorithm, ciphertext: &[u8]| {
            assert_eq!(decrypt(material, algorithm, ciphertext).unwrap_err(), CryptoError::InvalidCiphertext);
        };
        refused(&a, RsaesOaepSha1, &right);
        refused(&b, RsaesOaepSha256, &right);
        refused(&a, RsaesOaepSha256, b"");
        refused(&a, RsaesOaepSha256, &right[1..]);
        refused(&a, RsaesOaepSha256, &[&right[..], &[0]].concat());
        for bit in (0..right.len() * 8).step_by(61) {
            let mut changed = right.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            refused(&a, RsaesOaepSha256, &changed);
        }
    }

    #[test]
    fn algorithms_and_public_keys_of_another_spec_are_refused() {
        let material = material(KeySpec::Rsa2048);
        let public_key = material.public_key().unwrap().unwrap();
        let wrong = |spec, algorithm: EncryptionAlgorithm| CryptoError::WrongAlgorithm {
            spec,
            algorithm: algorithm.as_str(),
        };
        let spec = KeySpec::Rsa2048;
        assert_eq!(encrypt(spec, &public_key, SymmetricDefault, b"x"), Err(wrong(spec, SymmetricDefault)));
        assert_eq!(decrypt(&material, SymmetricDefault, b"x").unwrap_err(), wrong(spec, SymmetricDefault));
        let other = KeySpec::EccNistP256;
        assert_eq!(encrypt(other, &public_key, RsaesOaepSha1, b"x"), Err(wrong(other, RsaesOaepSha1)));
        let invalid = Err(CryptoError::InvalidPublicKey);
        assert_eq!(encrypt(KeySpec::Rsa4096, &public_key, RsaesOaepSha1, b"x"), invalid);
        assert_eq!(encrypt(spec, b"garbage", RsaesOaepSha1, b"x"), invalid);
    }
}
