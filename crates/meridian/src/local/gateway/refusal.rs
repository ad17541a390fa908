//! The gateway's own answers, in the shape that AWS clients understand. Never used for what a node answered.

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::{Response, StatusCode, body::Incoming};
use kms_types::{Entropy, Region, RequestId};

use crate::{entropy::OsEntropy, local::gateway::route::Unroutable};

/// A node's answer as it comes, or one of the gateway's own.
pub(super) type Body = Either<Incoming, Full<Bytes>>;

/// Why the gateway answers itself.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// No Region to send it to.
    #[error(transparent)]
    Unroutable(#[from] Unroutable),
    /// No node took the request; it had no effect.
    #[error("no node of `{0}` can be reached")]
    NoNode(Region),
    /// More body than a node would take, or one that broke off.
    #[error("the request body is longer than a request may be, or broke off")]
    BodyTooLong,
    /// The cluster has no data Region.
    #[error("there is no Region to ask")]
    NoRegion,
    /// A node took the request and did not answer; it may have had an effect.
    #[error("a node of `{0}` stopped answering; the outcome of the call is not known")]
    NoAnswer(Region),
}

impl Refusal {
    /// Both 503 codes are retried by the SDKs, as are AWS's own.
    fn code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Unroutable(Unroutable::NotSigned) => {
                (StatusCode::BAD_REQUEST, "MissingAuthenticationTokenException")
            }
            Self::Unroutable(Unroutable::NoScope) => {
                (StatusCode::BAD_REQUEST, "IncompleteSignatureException")
            }
            Self::Unroutable(Unroutable::UnknownRegion { .. }) => {
                (StatusCode::BAD_REQUEST, "InvalidSignatureException")
            }
            Self::BodyTooLong => (StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException"),
            Self::NoNode(_) | Self::NoAnswer(_) | Self::NoRegion => {
                (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailableException")
            }
        }
    }
}

/// The answer that says so.
pub(super) fn refuse(refusal: &Refusal) -> Response<Body> {
    let (status, code) = refusal.code();
    let entropy: &mut dyn Entropy = &mut OsEntropy;
    let id = RequestId::from_random(entropy.array()).to_string();
    let text = serde_json::json!({ "__type": code, "message": refusal.to_string() }).to_string();
    let mut response = Response::new(Either::Right(Full::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/x-amz-json-1.1"));
    if let Ok(id) = http::HeaderValue::from_str(&id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

/// Reads a whole body; for tests.
#[cfg(test)]
pub(super) async fn read(body: Body) -> Bytes {
    http_body_util::BodyExt::collect(body).await.unwrap().to_bytes()
}
