use super::ApiError;

/// A request that is refused before its content counts, or an answer that may not leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// Not `POST /`, `GET /health`, `GET /ready` or `GET /metrics`.
    #[error("no such resource")]
    NoSuchResource,
    /// More body than any request of the API needs.
    #[error("the body has more than {most_bytes} bytes")]
    TooLarge {
        /// The limit.
        most_bytes: usize,
    },
    /// The body did not arrive in time.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// A `transfer-encoding` header: the API's clients always state the length.
    #[error("transfer encodings are not accepted")]
    TransferEncoding,
    /// The audit record of a call could not be written (invariant G1, failure case 28).
    #[error("the call could not be recorded")]
    AuditFailed,
    /// The caller's account has used up a request rate.
    #[error("too many requests of the account")]
    Throttled,
}

impl From<&TransportError> for ApiError {
    fn from(error: &TransportError) -> Self {
        let of = |status, code, message: String| Self { status, code, message: Some(message) };
        match error {
            TransportError::NoSuchResource => {
                Self { status: 404, ..Self::silent("UnknownOperationException") }
            }
            TransportError::TooLarge { most_bytes } => {
                let message = format!("The request body must not be longer than {most_bytes} bytes.");
                of(413, "RequestEntityTooLargeException", message)
            }
            TransportError::TooSlow => {
                of(408, "RequestTimeoutException", "The request body did not arrive in time.".into())
            }
            TransportError::TransferEncoding => of(
                400,
                "SerializationException",
                "Transfer-Encoding is not accepted; send a Content-Length.".into(),
            ),
            TransportError::Throttled => of(
                400,
                "ThrottlingException",
                "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."
                    .into(),
            ),
            TransportError::AuditFailed => of(
                503,
                "ServiceUnavailableException",
                "The service is temporarily unable to handle the request.".into(),
            ),
        }
    }
}
