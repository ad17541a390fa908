//! GetKeyPolicy [KMS:GetKeyPolicy].

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
    /// Only `default` exists.
    pub policy_name: Option<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The document as written.
    pub policy: String,
    /// Always `default`.
    pub policy_name: String,
}
