//! AWS Signature Version 4, header form: one canonical form, used by the verifier and by the signer [SIGV4].
//!
//! Deliberately absent: presigned query strings (refused), SigV4A, streaming and unsigned payloads.

mod authenticated;
mod authorization;
mod canonical;
mod credential;
mod error;
mod scope;
mod sign;
mod signing_key;
mod verify;

#[cfg(test)]
mod suite_tests;

pub use authenticated::Authenticated;
pub(crate) use authorization::claimed_access_key_id;
pub use canonical::PathForm;
pub use credential::{Credential, Credentials};
pub use error::SignatureError;
pub use sign::{SigningContext, sign_request};
pub use verify::Authenticator;

/// The only signature algorithm that is spoken here.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The service name in the credential scope of a KMS request.
pub const SERVICE: &str = "kms";

/// Lower-case hex of the SHA-256 of `bytes`.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(bytes))
}
