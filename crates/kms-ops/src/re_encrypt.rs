//! ReEncrypt [KMS:ReEncrypt].

use kms_types::{DryRunModifier, EncryptionAlgorithm, EncryptionContext, KeyArn, MaterialId};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The blob; may be absent only with `IGNORE_CIPHERTEXT`.
    pub ciphertext_blob: Option<Vec<u8>>,
    /// The context the blob was made with.
    pub source_encryption_context: EncryptionContext,
    /// The key that made the blob; taken from the blob when absent.
    pub source_key_id: Option<String>,
    /// The key for the new blob.
    pub destination_key_id: String,
    /// The context of the new blob; not copied from the source.
    pub destination_encryption_context: EncryptionContext,
    /// Default `SYMMETRIC_DEFAULT`.
    pub source_encryption_algorithm: Option<EncryptionAlgorithm>,
    /// Default `SYMMETRIC_DEFAULT`.
    pub destination_encryption_algorithm: Option<EncryptionAlgorithm>,
    /// Grant tokens; none was ever issued, so any is refused.
    pub grant_tokens: Vec<String>,
    /// Decide, and do nothing.
    pub dry_run: bool,
    /// What a dry run leaves out.
    pub dry_run_modifiers: Vec<DryRunModifier>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The new blob.
    pub ciphertext_blob: Vec<u8>,
    /// The key that opened the old blob.
    pub source_key_id: KeyArn,
    /// The key that made the new blob.
    pub key_id: KeyArn,
    /// The algorithm of the old blob.
    pub source_encryption_algorithm: EncryptionAlgorithm,
    /// The algorithm of the new blob.
    pub destination_encryption_algorithm: EncryptionAlgorithm,
    /// The material that opened the old blob.
    pub source_key_material_id: MaterialId,
    /// The material that made the new blob.
    pub destination_key_material_id: MaterialId,
}
