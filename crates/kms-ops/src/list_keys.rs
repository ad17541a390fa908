//! ListKeys [KMS:ListKeys].

use kms_types::{KeyArn, ResourceOwner};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Most entries of the answer.
    pub limit: Option<u32>,
    /// Where the answer before this one ended.
    pub marker: Option<String>,
    /// Whose keys; own ones when empty.
    pub resource_owners: Vec<ResourceOwner>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The keys, in id order; the plain id is part of the ARN.
    pub keys: Vec<KeyArn>,
    /// True when there is more.
    pub truncated: bool,
    /// Where to go on; present exactly when truncated.
    pub next_marker: Option<String>,
}
