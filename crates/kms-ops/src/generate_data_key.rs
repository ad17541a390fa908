//! GenerateDataKey [KMS:GenerateDataKey].

use kms_types::{DataKeySpec, EncryptionContext, KeyArn, MaterialId};
use zeroize::Zeroizing;

use crate::Recipient;

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id, key ARN, alias name or alias ARN.
    pub key_id: String,
    /// Encryption context.
    pub encryption_context: EncryptionContext,
    /// Length of the data key, 1 to 1,024; excludes `key_spec`.
    pub number_of_bytes: Option<u32>,
    /// Kind of the data key; excludes `number_of_bytes`.
    pub key_spec: Option<DataKeySpec>,
    /// Grant tokens; none was ever issued, so any is refused.
    pub grant_tokens: Vec<String>,
    /// An attestation document, for an answer that only an enclave can read.
    pub recipient: Option<Recipient>,
    /// Decide, and do nothing.
    pub dry_run: bool,
}

/// The answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The data key under the KMS key.
    pub ciphertext_blob: Vec<u8>,
    /// The data key.
    pub plaintext: Zeroizing<Vec<u8>>,
    /// The key.
    pub key_id: KeyArn,
    /// The material that made the blob.
    pub key_material_id: MaterialId,
}
