//! Decrypt [KMS:Decrypt].

use kms_types::{DryRunModifier, EncryptionAlgorithm, EncryptionContext, KeyArn, MaterialId};
use zeroize::Zeroizing;

use crate::Recipient;

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The blob; may be absent only with `IGNORE_CIPHERTEXT`.
    pub ciphertext_blob: Option<Vec<u8>>,
    /// Encryption context.
    pub encryption_context: EncryptionContext,
    /// Grant tokens; none was ever issued, so any is refused.
    pub grant_tokens: Vec<String>,
    /// Key id, key ARN, alias name or alias ARN; taken from the blob when absent.
    pub key_id: Option<String>,
    /// Default `SYMMETRIC_DEFAULT`.
    pub encryption_algorithm: Option<EncryptionAlgorithm>,
    /// An attestation document, for an answer that only an enclave can read.
    pub recipient: Option<Recipient>,
    /// Decide, and do nothing.
    pub dry_run: bool,
    /// What a dry run leaves out.
    pub dry_run_modifiers: Vec<DryRunModifier>,
}

/// The answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The key.
    pub key_id: KeyArn,
    /// The plaintext.
    pub plaintext: Zeroizing<Vec<u8>>,
    /// The algorithm used.
    pub encryption_algorithm: EncryptionAlgorithm,
    /// The material that opened the blob.
    pub key_material_id: MaterialId,
}
