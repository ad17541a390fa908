//! EnableKeyRotation [KMS:EnableKeyRotation].

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
    /// 90 to 2,560 days, default 365.
    pub rotation_period_in_days: Option<u32>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response;
