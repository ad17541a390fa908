//! How long a decision computes, so that a node can keep long ones away from the threads that serve everything else.

use kms_types::{EncryptionAlgorithm, KeySpec, SigningAlgorithm};

use crate::Request;

/// What deciding a request costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Well below a millisecond.
    Light,
    /// An RSA private operation, of up to several milliseconds, or a new RSA key, of up to seconds.
    Heavy,
}

impl Request {
    /// Judged by what is asked alone: which key it is about is not known before it is decided.
    pub fn weight(&self) -> Weight {
        let heavy = match self {
            Self::CreateKey(r) => r.key_spec.or(r.customer_master_key_spec).is_some_and(is_rsa),
            Self::GenerateDataKeyPair(r) => is_rsa(r.key_pair_spec.key_spec()),
            Self::GenerateDataKeyPairWithoutPlaintext(r) => is_rsa(r.key_pair_spec.key_spec()),
            Self::GetParametersForImport(_) | Self::ImportKeyMaterial(_) => true,
            Self::Sign(r) => signs_with_rsa(r.signing_algorithm),
            Self::Decrypt(r) => decrypts_with_rsa(r.encryption_algorithm),
            Self::ReEncrypt(r) => decrypts_with_rsa(r.source_encryption_algorithm),
            _ => false,
        };
        if heavy { Weight::Heavy } else { Weight::Light }
    }
}

fn is_rsa(spec: KeySpec) -> bool {
    spec.modulus_bits().is_some()
}

fn signs_with_rsa(algorithm: SigningAlgorithm) -> bool {
    use SigningAlgorithm as A;
    match algorithm {
        A::RsassaPssSha256 | A::RsassaPssSha384 | A::RsassaPssSha512 => true,
        A::RsassaPkcs1V15Sha256 | A::RsassaPkcs1V15Sha384 | A::RsassaPkcs1V15Sha512 => true,
        A::EcdsaSha256 | A::EcdsaSha384 | A::EcdsaSha512 | A::Sm2dsa => false,
        A::MlDsaShake256 | A::Ed25519Sha512 | A::Ed25519PhSha512 => false,
    }
}

fn decrypts_with_rsa(algorithm: Option<EncryptionAlgorithm>) -> bool {
    matches!(algorithm, Some(EncryptionAlgorithm::RsaesOaepSha1 | EncryptionAlgorithm::RsaesOaepSha256))
}
