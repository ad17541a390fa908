//! GetKeyRotationStatus [KMS:GetKeyRotationStatus].

use kms_types::{KeyArn, Timestamp};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// True while automatic rotation is on.
    pub key_rotation_enabled: bool,
    /// The key.
    pub key_id: KeyArn,
    /// Days between rotations, while on.
    pub rotation_period_in_days: Option<u32>,
    /// The next automatic rotation, while on.
    pub next_rotation_date: Option<Timestamp>,
    /// Start of an on-demand rotation that is still under way.
    pub on_demand_rotation_start_date: Option<Timestamp>,
}
