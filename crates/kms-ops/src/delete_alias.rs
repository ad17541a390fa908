//! DeleteAlias [KMS:DeleteAlias].

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The name, with `alias/`.
    pub alias_name: String,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response;
