use kms_ops::iam::IamError;

use super::{ApiError, operation::denial};
use crate::query::FormError;

impl From<&IamError> for ApiError {
    fn from(error: &IamError) -> Self {
        use IamError as E;
        let of = |status, code, message: String| Self { status, code, message: Some(message) };
        match error {
            E::NoSuchEntity(text) => of(404, "NoSuchEntity", text.clone()),
            E::EntityAlreadyExists(text) => of(409, "EntityAlreadyExists", text.clone()),
            E::DeleteConflict(text) => of(409, "DeleteConflict", text.clone()),
            E::LimitExceeded(text) => of(409, "LimitExceeded", text.clone()),
            E::MalformedPolicyDocument(text) => of(400, "MalformedPolicyDocument", text.clone()),
            E::Validation(text) => of(400, "ValidationError", text.clone()),
            E::InvalidInput(text) => of(400, "InvalidInput", text.clone()),
            E::PackedPolicyTooLarge(text) => of(400, "PackedPolicyTooLarge", text.clone()),
            E::InvalidAction(name) => of(
                400,
                "InvalidAction",
                format!("Could not find operation {name} for this service and version"),
            ),
            E::AccessDenied { caller, action, resource, reason } => {
                of(403, "AccessDenied", denial(caller, action, Some(resource), *reason))
            }
            E::Forbidden(text) => of(403, "AccessDenied", text.clone()),
            E::CredentialGone => of(
                403,
                "InvalidClientTokenId",
                "The security token included in the request is invalid.".into(),
            ),
            E::NotHome { home: Some(home) } => of(
                503,
                "ServiceUnavailable",
                format!("Identities are changed in Region {home}. Send this request there."),
            ),
            E::NotHome { home: None } => of(
                503,
                "ServiceUnavailable",
                "Identities cannot be changed while their home Region changes. Retry.".into(),
            ),
            E::Unavailable(text) => of(503, "ServiceUnavailable", (*text).into()),
            E::Internal(reason) => of(500, "ServiceFailure", (*reason).into()),
        }
    }
}

impl From<&FormError> for ApiError {
    fn from(error: &FormError) -> Self {
        let text = match error {
            FormError::NotText => "The request body is not form-encoded UTF-8.".to_owned(),
            FormError::Twice(name) => format!("The parameter {name} is given more than once."),
            FormError::TooMany => "The request has too many parameters.".to_owned(),
        };
        Self::client("MalformedQueryString", text)
    }
}
