//! ReplicateKey [KMS:ReplicateKey].

use kms_types::Region;

use crate::{KeyMetadata, Tag};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN of the primary.
    pub key_id: String,
    /// Where the replica goes.
    pub replica_region: Region,
    /// The replica's policy; the default one when absent.
    pub policy: Option<String>,
    /// Skip the lockout check; absent and false differ for the `Null` condition.
    pub bypass_policy_lockout_safety_check: Option<bool>,
    /// The replica's description.
    pub description: Option<String>,
    /// The replica's tags.
    pub tags: Vec<Tag>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The replica, in state Creating.
    pub replica_key_metadata: KeyMetadata,
    /// The replica's policy.
    pub replica_policy: String,
    /// The replica's tags.
    pub replica_tags: Vec<Tag>,
}
