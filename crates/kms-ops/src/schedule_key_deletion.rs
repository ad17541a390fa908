//! ScheduleKeyDeletion [KMS:ScheduleKeyDeletion].

use kms_types::{KeyArn, KeyState, Timestamp};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
    /// Waiting period, 7 to 30 days, default 30.
    pub pending_window_in_days: Option<u32>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The key.
    pub key_id: KeyArn,
    /// When the key will be destroyed; absent while replicas are left.
    pub deletion_date: Option<Timestamp>,
    /// The new state.
    pub key_state: KeyState,
    /// The waiting period.
    pub pending_window_in_days: u32,
}
