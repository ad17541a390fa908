//! PutKeyPolicy [KMS:PutKeyPolicy].

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
    /// Only `default` exists.
    pub policy_name: Option<String>,
    /// The new document.
    pub policy: String,
    /// Skip the lockout check; absent and false differ for the `Null` condition.
    pub bypass_policy_lockout_safety_check: Option<bool>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response;
