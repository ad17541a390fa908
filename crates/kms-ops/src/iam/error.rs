use kms_types::Region;

use crate::Denial;

/// Why an IAM or STS call is refused. Which code and status each becomes is decided in `kms-http` alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IamError {
    /// NoSuchEntity, 404.
    #[error("{0}")]
    NoSuchEntity(String),
    /// EntityAlreadyExists, 409.
    #[error("{0}")]
    EntityAlreadyExists(String),
    /// DeleteConflict, 409.
    #[error("{0}")]
    DeleteConflict(String),
    /// LimitExceeded, 409.
    #[error("{0}")]
    LimitExceeded(String),
    /// MalformedPolicyDocument, 400.
    #[error("{0}")]
    MalformedPolicyDocument(String),
    /// ValidationError, 400.
    #[error("{0}")]
    Validation(String),
    /// InvalidInput, 400.
    #[error("{0}")]
    InvalidInput(String),
    /// PackedPolicyTooLarge, 400.
    #[error("{0}")]
    PackedPolicyTooLarge(String),
    /// InvalidAction, 400: no such action of this service and version.
    #[error("`{0}` is not an action of this service")]
    InvalidAction(String),
    /// AccessDenied, 403.
    #[error("`{caller}` may not {action}: {reason:?}")]
    AccessDenied {
        /// The caller's ARN.
        caller: String,
        /// For example `iam:CreateUser`.
        action: String,
        /// The resource's ARN.
        resource: String,
        /// Why.
        reason: Denial,
    },
    /// AccessDenied, 403: what no policy can allow.
    #[error("{0}")]
    Forbidden(String),
    /// InvalidClientTokenId, 403: the credential was taken away while the call was decided.
    #[error("the credential is not valid any more")]
    CredentialGone,
    /// ServiceUnavailable, 503: identity records are changed in another Region.
    #[error("identity records are changed in {}", .home.as_ref().map_or("no Region at present", |home| home.as_str()))]
    NotHome {
        /// The home, when there is one.
        home: Option<Region>,
    },
    /// ServiceUnavailable, 503, with this message: the node, or its Region, does not serve; another may.
    #[error("{0}")]
    Unavailable(&'static str),
    /// ServiceFailure, 500.
    #[error("{0}")]
    Internal(&'static str),
}

impl IamError {
    /// `The user with name ann cannot be found.`
    pub(crate) fn missing(kind: &str, name: &str) -> Self {
        Self::NoSuchEntity(format!("The {kind} with name {name} cannot be found."))
    }

    /// `User with name ann already exists.`
    pub(crate) fn exists(kind: &str, name: &str) -> Self {
        Self::EntityAlreadyExists(format!("{kind} with name {name} already exists."))
    }
}

impl From<crate::Error> for IamError {
    fn from(error: crate::Error) -> Self {
        match error {
            crate::Error::Internal(reason) => Self::Internal(reason),
            crate::Error::Unavailable(text) => Self::Unavailable(text),
            _ => Self::Internal("the identity key cannot be used on this node"),
        }
    }
}
