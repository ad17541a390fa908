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

/// The last request that was signed with an access key, in this Region [IAM:API].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKeyUsage {
    /// Region time.
    pub at: Timestamp,
    /// The API that was called.
    pub service: UsedService,
}

/// An API that access keys sign for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UsedService {
    /// AWS KMS.
    Kms,
    /// IAM.
    Iam,
    /// STS.
    Sts,
}

impl UsedService {
    /// The service's name in scopes and in GetAccessKeyLastUsed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kms => "kms",
            Self::Iam => "iam",
            Self::Sts => "sts",
        }
    }
}

/// One access key's part of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedAccessKey {
    /// The access key's id.
    pub id: String,
    /// Its last use, as the proposing node saw it.
    pub last: AccessKeyUsage,
}
