use kms_types::{KeyId, RequestId, Timestamp, UsageOperation};
use serde::{Deserialize, Serialize};

/// The last successful cryptographic operation with a key in this Region [KMS:GetKeyLastUsage].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUsage {
    /// Region time.
    pub at: Timestamp,
    /// The operation.
    pub operation: UsageOperation,
    /// The API request.
    pub request: RequestId,
    /// The event id of its audit record.
    pub event: RequestId,
}

/// One key's part of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedKey {
    /// The key.
    pub key: KeyId,
    /// Its last use, as the proposing node saw it.
    pub last: LastUsage,
}
