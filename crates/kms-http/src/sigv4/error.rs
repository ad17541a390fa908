use kms_types::Timestamp;

/// Why a request is not authenticated. `error.rs` of the crate gives each its AWS code and wire text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the fields are named by the messages")]
pub enum SignatureError {
    #[error("no authorization header and no presigned query")]
    MissingToken,
    #[error("the query has the parameter `{name}` more than once, or it is none of a signature")]
    QueryParameter { name: String },
    #[error("the presigned query lacks `{name}`")]
    MissingQueryParameter { name: &'static str },
    #[error("`X-Amz-Expires` is not between 1 and 604800")]
    ExpiresRange,
    #[error("the presigned request has expired")]
    PresignedExpired { request: Timestamp, now: Timestamp },
    #[error("the session of the token is over")]
    ExpiredToken,
    #[error("the header `{name}` is only for services, or is malformed")]
    ServiceHeader { name: String },
    #[error("credentials both in the authorization header and in the query")]
    TwoCredentials,
    #[error("the authorization header names another algorithm")]
    Algorithm,
    #[error("the authorization header is not a list of `key=value` pairs")]
    Malformed { header_sha256: String },
    #[error("the authorization header lacks {}", missing.join(", "))]
    Incomplete { missing: Vec<&'static str>, header_sha256: String },
    #[error("neither an `x-amz-date` nor a `date` header")]
    MissingDate,
    #[error("the date `{value}` is not in ISO 8601 basic format")]
    InvalidDate { value: String },
    #[error("the credential is not `access-key/date/region/service/aws4_request`")]
    CredentialForm,
    #[error("the credential scope ends in another word than `aws4_request`")]
    Terminator,
    #[error("the credential scope is for another service")]
    Service,
    #[error("the credential scope is for another Region")]
    Region,
    #[error("the credential scope's date `{scope}` is not that of `{request}`")]
    ScopeDate { scope: String, request: String },
    #[error("signed too long ago")]
    Expired { request: Timestamp, now: Timestamp },
    #[error("signed in the future")]
    NotYetCurrent { request: Timestamp, now: Timestamp },
    #[error("the header `{name}` is not signed")]
    UnsignedHeader { name: String },
    #[error("the signed header `{name}` is absent")]
    AbsentHeader { name: String },
    #[error("the header `{name}` occurs more than once")]
    DuplicateHeader { name: String },
    #[error("the signed headers are not lower case, sorted and distinct")]
    SignedHeaderOrder,
    #[error("`host` and `:authority` differ")]
    HostConflict,
    #[error("`x-amz-content-sha256` is not the SHA-256 of the body")]
    PayloadHash,
    #[error("the access key or token is not known")]
    UnknownCredential,
    #[error("the signature does not match")]
    Mismatch,
}
