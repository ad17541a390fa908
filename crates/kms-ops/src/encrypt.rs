//! Encrypt [KMS:Encrypt].

use kms_types::{EncryptionAlgorithm, EncryptionContext, KeyArn};
use zeroize::Zeroizing;

/// The request.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id, key ARN, alias name or alias ARN.
    pub key_id: String,
    /// 1 to 4,096 bytes.
    pub plaintext: Zeroizing<Vec<u8>>,
    /// Encryption context.
    pub encryption_context: EncryptionContext,
    /// Grant tokens; none was ever issued, so any is refused.
    pub grant_tokens: Vec<String>,
    /// Default `SYMMETRIC_DEFAULT`.
    pub encryption_algorithm: Option<EncryptionAlgorithm>,
    /// Decide, and do nothing.
    pub dry_run: bool,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The blob.
    pub ciphertext_blob: Vec<u8>,
    /// The key.
    pub key_id: KeyArn,
    /// The algorithm used.
    pub encryption_algorithm: EncryptionAlgorithm,
}
