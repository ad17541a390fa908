use base64::{Engine, engine::general_purpose::STANDARD};
use kms_types::{Timestamp, limits::SIGNATURE_WINDOW_MS};

use super::ApiError;
use crate::sigv4::SignatureError;

impl From<&SignatureError> for ApiError {
    fn from(error: &SignatureError) -> Self {
        use SignatureError as E;
        match error {
            E::MissingToken => {
                Self::client("MissingAuthenticationTokenException", "Missing Authentication Token")
            }
            E::UnknownCredential => Self::client(
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ),
            E::QueryParameter { name } => incomplete(format!(
                "AWS query-string parameter '{name}' must occur at most once and be known."
            )),
            E::MissingQueryParameter { name } => incomplete(format!(
                "AWS query-string parameters must include '{name}'. Re-examine the query-string parameters."
            )),
            E::ExpiresRange => incomplete("X-Amz-Expires must be a whole number between 1 and 604800."),
            E::PresignedExpired { request, now } => invalid(format!(
                "Signature expired: the presigned request of {} has expired at {}",
                basic(request),
                basic(now)
            )),
            E::ExpiredToken => {
                Self::client("ExpiredTokenException", "The security token included in the request is expired")
            }
            E::ServiceHeader { name } => {
                invalid(format!("The header '{name}' is not valid in this request."))
            }
            E::TwoCredentials => {
                incomplete("Credentials are given both in the Authorization header and in the query string.")
            }
            E::Algorithm => incomplete(
                "Unsupported AWS 'algorithm' in Authorization header: only AWS4-HMAC-SHA256 is supported.",
            ),
            E::Malformed { header_sha256 } => {
                let reason =
                    "Authorization header is not a list of key=value pairs (missing or unexpected key).";
                incomplete(format!("{reason} {}", hashed(header_sha256)))
            }
            E::Incomplete { missing, header_sha256 } => {
                let parts =
                    missing.iter().map(|name| format!("Authorization header requires '{name}' parameter. "));
                incomplete(format!("{}{}", parts.collect::<String>(), hashed(header_sha256)))
            }
            E::MissingDate => incomplete(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
            ),
            E::InvalidDate { value } => {
                incomplete(format!("Date must be in ISO-8601 'basic format'. Got '{value}'."))
            }
            E::CredentialForm => incomplete(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.",
            ),
            E::SignedHeaderOrder => {
                incomplete("'SignedHeaders' must be lower case, sorted and without repetition.")
            }
            E::AbsentHeader { name } => {
                incomplete(format!("The signed header '{name}' is not in the request."))
            }
            E::DuplicateHeader { name } => incomplete(format!("The header '{name}' occurs more than once.")),
            E::HostConflict => incomplete("The 'Host' header and ':authority' differ."),
            E::Terminator => invalid("Credential should be scoped with a valid terminator: 'aws4_request'. "),
            E::Service => invalid("Credential should be scoped to correct service: 'kms'. "),
            E::Region => invalid("Credential should be scoped to a valid region. "),
            E::ScopeDate { scope, request } => {
                let day: String = request.chars().take(8).collect();
                invalid(format!(
                    "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                     '{scope}' != '{day}', from '{request}'."
                ))
            }
            E::Expired { request, now } => {
                let edge = Timestamp::from_millis(now.as_millis().saturating_sub(SIGNATURE_WINDOW_MS));
                invalid(format!(
                    "Signature expired: {} is now earlier than {} ({} - 5 min.)",
                    basic(request),
                    basic(&edge),
                    basic(now)
                ))
            }
            E::NotYetCurrent { request, now } => {
                let edge = now.plus_millis(SIGNATURE_WINDOW_MS);
                invalid(format!(
                    "Signature not yet current: {} is still later than {} ({} + 5 min.)",
                    basic(request),
                    basic(&edge),
                    basic(now)
                ))
            }
            E::UnsignedHeader { name } if name == "host" => {
                invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
            }
            E::UnsignedHeader { name } => {
                invalid(format!("'{name}' must be a 'SignedHeader' in the AWS Authorization."))
            }
            E::PayloadHash => {
                invalid("The value of 'X-Amz-Content-SHA256' is not the SHA-256 of the request body.")
            }
            E::Mismatch => invalid(
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
                 Access Key and signing method. Consult the service documentation for details.",
            ),
        }
    }
}

fn incomplete(message: impl Into<String>) -> ApiError {
    ApiError::client("IncompleteSignatureException", message)
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::client("InvalidSignatureException", message)
}

fn basic(time: &Timestamp) -> String {
    time.to_iso_basic()
}

/// The header itself is not repeated: it may be another scheme's bearer secret.
fn hashed(header_sha256: &str) -> String {
    let bytes = hex::decode(header_sha256).unwrap_or_default();
    format!("(Hashed with SHA-256 and encoded with Base64) Authorization={}", STANDARD.encode(bytes))
}
