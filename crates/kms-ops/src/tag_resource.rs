//! TagResource [KMS:TagResource].

use crate::Tag;

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
    /// Tags to add or overwrite.
    pub tags: Vec<Tag>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response;
