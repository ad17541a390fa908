//! DescribeKey [KMS:DescribeKey].

use crate::KeyMetadata;

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id, key ARN, alias name or alias ARN.
    pub key_id: String,
    /// Grant tokens; none was ever issued, so any is refused.
    pub grant_tokens: Vec<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The key.
    pub key_metadata: KeyMetadata,
}
