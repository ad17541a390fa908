//! ListKeyRotations [KMS:ListKeyRotations].

use kms_types::IncludeKeyMaterial;

use crate::RotationEntry;

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
    /// Default: rotations only.
    pub include_key_material: Option<IncludeKeyMaterial>,
    /// Most entries of the answer.
    pub limit: Option<u32>,
    /// Where the answer before this one ended.
    pub marker: Option<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The materials, oldest first.
    pub rotations: Vec<RotationEntry>,
    /// True when there is more.
    pub truncated: bool,
    /// Where to go on; present exactly when truncated.
    pub next_marker: Option<String>,
}
