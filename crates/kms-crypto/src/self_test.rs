//! Known answers for every primitive and format, run at start: a build or a processor that computes wrongly must not
//! serve (E5). Tests no randomness source, there is none in this crate.

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
    /// HKDF-SHA-512.
    HkdfSha512,
    /// Ed25519, public key, signature and refusal of another message.
    Ed25519,
    /// A stored version 1 blob opens, and sealing it again gives the same bytes.
    CiphertextV1,
    /// An envelope opens to the material that was sealed.
    Envelope,
}

type Check = fn() -> Option<()>;

const CHECKS: [(SelfTestCheck, Check); 7] = [
    (SelfTestCheck::Aes256Gcm, primitives::aes_256_gcm),
    (SelfTestCheck::Sha256, primitives::sha_256),
    (SelfTestCheck::HmacSha256, primitives::hmac_sha_256),
    (SelfTestCheck::HkdfSha512, primitives::hkdf_sha_512),
    (SelfTestCheck::Ed25519, primitives::ed25519),
    (SelfTestCheck::CiphertextV1, formats::ciphertext_v1),
    (SelfTestCheck::Envelope, formats::envelope),
];

/// Runs every check; the first that fails is the error. About a millisecond.
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
            Self::HkdfSha512 => "HKDF-SHA-512",
            Self::Ed25519 => "Ed25519",
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
