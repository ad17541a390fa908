//! Known answers for every primitive and format, run at start: a build or a processor that computes wrongly must not
//! serve (E5). Tests no randomness source, there is none in this crate.

mod answers;
mod asymmetric;
mod counting;
mod formats;
mod primitives;

use std::fmt;

/// A check that did not give its known answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("self-test of {check} failed")]
pub struct SelfTestError {
    /// Which check.
    pub check: SelfTestCheck,
}

/// The checks of [`self_test`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelfTestCheck {
    /// AES-256-GCM, seal, open and refusal of an altered tag.
    Aes256Gcm,
    /// SHA-256.
    Sha256,
    /// HMAC-SHA-256.
    HmacSha256,
    /// HMAC-SHA-224, -384 and -512.
    HmacSha2,
    /// HKDF-SHA-512.
    HkdfSha512,
    /// Ed25519, public key, signature and refusal of another message.
    Ed25519,
    /// Ed25519ph.
    Ed25519ph,
    /// RSA signatures and OAEP with a key of 2,048 bits.
    Rsa,
    /// ECDSA on every curve.
    Ecdsa,
    /// ECDH on every NIST curve.
    Ecdh,
    /// ML-DSA with every parameter set.
    MlDsa,
    /// ML-KEM with every parameter set.
    MlKem,
    /// AES-256 key wrap with padding.
    Aes256Kwp,
    /// AES-256-CBC.
    Aes256Cbc,
    /// A stored version 1 blob opens, and sealing it again gives the same bytes.
    CiphertextV1,
    /// An envelope opens to the material that was sealed.
    Envelope,
}

type Check = fn() -> Option<()>;

const CHECKS: [(SelfTestCheck, Check); 16] = [
    (SelfTestCheck::Aes256Gcm, primitives::aes_256_gcm),
    (SelfTestCheck::Sha256, primitives::sha_256),
    (SelfTestCheck::HmacSha256, primitives::hmac_sha_256),
    (SelfTestCheck::HmacSha2, primitives::hmac_sha_2),
    (SelfTestCheck::HkdfSha512, primitives::hkdf_sha_512),
    (SelfTestCheck::Ed25519, primitives::ed25519),
    (SelfTestCheck::Ed25519ph, asymmetric::ed25519ph),
    (SelfTestCheck::Rsa, asymmetric::rsa),
    (SelfTestCheck::Ecdsa, asymmetric::ecdsa),
    (SelfTestCheck::Ecdh, asymmetric::ecdh),
    (SelfTestCheck::MlDsa, asymmetric::ml_dsa),
    (SelfTestCheck::MlKem, asymmetric::ml_kem),
    (SelfTestCheck::Aes256Kwp, primitives::aes_256_kwp),
    (SelfTestCheck::Aes256Cbc, primitives::aes_256_cbc),
    (SelfTestCheck::CiphertextV1, formats::ciphertext_v1),
    (SelfTestCheck::Envelope, formats::envelope),
];

/// Runs every check; the first that fails is the error. Below a tenth of a second, unoptimised.
pub fn self_test() -> Result<(), SelfTestError> {
    run(&CHECKS)
}

fn run(checks: &[(SelfTestCheck, Check)]) -> Result<(), SelfTestError> {
    checks.iter().try_for_each(|(check, passes)| passes().ok_or(SelfTestError { check: *check }))
}

impl fmt::Display for SelfTestCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aes256Gcm => "AES-256-GCM",
            Self::Sha256 => "SHA-256",
            Self::HmacSha256 => "HMAC-SHA-256",
            Self::HmacSha2 => "HMAC-SHA-2",
            Self::HkdfSha512 => "HKDF-SHA-512",
            Self::Ed25519 => "Ed25519",
            Self::Ed25519ph => "Ed25519ph",
            Self::Rsa => "RSA",
            Self::Ecdsa => "ECDSA",
            Self::Ecdh => "ECDH",
            Self::MlDsa => "ML-DSA",
            Self::MlKem => "ML-KEM",
            Self::Aes256Kwp => "AES-256 key wrap with padding",
            Self::Aes256Cbc => "AES-256-CBC",
            Self::CiphertextV1 => "ciphertext version 1",
            Self::Envelope => "Region envelope",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_passes() {
        assert_eq!(self_test(), Ok(()));
    }

    #[test]
    fn first_failing_check_is_named() {
        let checks: [(SelfTestCheck, Check); 2] =
            [(SelfTestCheck::Sha256, || Some(())), (SelfTestCheck::Ed25519, || None)];
        let error = run(&checks).unwrap_err();
        assert_eq!(error.to_string(), "self-test of Ed25519 failed");
    }
}
