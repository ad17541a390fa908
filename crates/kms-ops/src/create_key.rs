//! CreateKey [KMS:CreateKey].

use kms_types::{KeyOrigin, KeySpec, KeyUsage};

use crate::{KeyMetadata, Tag};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The key policy; the default one when absent.
    pub policy: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Key usage.
    pub key_usage: Option<KeyUsage>,
    /// Deprecated synonym of `key_spec`.
    pub customer_master_key_spec: Option<KeySpec>,
    /// Key spec.
    pub key_spec: Option<KeySpec>,
    /// Origin.
    pub origin: Option<KeyOrigin>,
    /// A custom key store.
    pub custom_key_store_id: Option<String>,
    /// Skip the lockout check; absent and false differ for the `Null` condition.
    pub bypass_policy_lockout_safety_check: Option<bool>,
    /// Tags.
    pub tags: Vec<Tag>,
    /// Whether the key may have replicas.
    pub multi_region: bool,
    /// An external key.
    pub xks_key_id: Option<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The new key.
    pub key_metadata: KeyMetadata,
}
