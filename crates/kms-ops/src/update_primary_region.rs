//! UpdatePrimaryRegion [KMS:UpdatePrimaryRegion].

use kms_types::Region;

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN of the primary.
    pub key_id: String,
    /// The next primary: a Region that has a replica.
    pub primary_region: Region,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response;
