//! UpdateAlias [KMS:UpdateAlias].

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The name, with `alias/`.
    pub alias_name: String,
    /// Key id or key ARN.
    pub target_key_id: String,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response;
