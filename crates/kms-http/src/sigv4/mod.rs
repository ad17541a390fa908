//! AWS Signature Version 4, in the header and presigned: one canonical form, used by the verifier and by the signer [SIGV4].
//!
//! Deliberately absent: SigV4A, streaming and unsigned payloads.

mod authenticated;
mod authorization;
mod canonical;
mod claim;
mod credential;
mod error;
mod scope;
mod service_caller;
mod sign;
mod signing_key;
mod verify;

#[cfg(test)]
mod negative_tests;
#[cfg(test)]
mod suite_tests;

pub use authenticated::Authenticated;
pub(crate) use authorization::{claimed_access_key_id, claimed_api};
pub use canonical::PathForm;
pub(crate) use canonical::percent_decode;
pub use credential::{Credential, Credentials, Validity};
pub use error::SignatureError;
pub use sign::{SigningContext, presign_request, sign_request};
pub use verify::Authenticator;

/// The only signature algorithm that is spoken here.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The service name in the credential scope of a KMS request.
pub const SERVICE: &str = "kms";

/// The APIs on one port, told apart by the service name in the credential scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// Keys: JSON.
    Kms,
    /// Identities: Query and XML.
    Iam,
    /// Sessions: Query and XML.
    Sts,
}

impl Api {
    /// The Region that clients sign IAM requests for, wherever they are.
    pub(crate) const GLOBAL_REGION: &str = "us-east-1";

    /// The API with this signing name.
    pub fn named(service: &str) -> Option<Self> {
        match service {
            SERVICE => Some(Self::Kms),
            "iam" => Some(Self::Iam),
            "sts" => Some(Self::Sts),
            _ => None,
        }
    }

    /// Its signing name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kms => SERVICE,
            Self::Iam => "iam",
            Self::Sts => "sts",
        }
    }
}

/// Lower-case hex of the SHA-256 of `bytes`.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(bytes))
}
