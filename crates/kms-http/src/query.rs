//! The Query protocol of IAM and STS: form-encoded parameters in, XML out.
//!
//! Deliberately absent: what an action does; `kms_ops::iam` has that.

mod form;
mod xml;

pub(crate) use form::{FormError, parse};
pub(crate) use xml::{failure, success};

use crate::{ApiError, sigv4::Api};

/// The version of each API, and the name space of its answers.
pub(crate) fn version(api: Api) -> &'static str {
    match api {
        Api::Iam | Api::Kms => "2010-05-08",
        Api::Sts => "2011-06-15",
    }
}

/// The Query protocol's name and status for a refusal that the JSON protocol names otherwise.
pub(crate) fn renamed(error: &ApiError) -> ApiError {
    let (code, status) = match error.code {
        "InvalidSignatureException" => ("SignatureDoesNotMatch", 403),
        "UnrecognizedClientException" => ("InvalidClientTokenId", 403),
        "ExpiredTokenException" => ("ExpiredToken", 403),
        "MissingAuthenticationTokenException" => ("MissingAuthenticationToken", 403),
        "IncompleteSignatureException" => ("IncompleteSignature", 400),
        "ServiceUnavailableException" => ("ServiceUnavailable", 503),
        "ThrottlingException" => ("Throttling", 400),
        "KMSInternalException" => ("ServiceFailure", 500),
        other => (other, error.status),
    };
    // What KMS says of its rates is not what IAM and STS say.
    let message = match code {
        "Throttling" => Some("Rate exceeded".to_owned()),
        _ => error.message.clone(),
    };
    ApiError { status, code, message }
}
