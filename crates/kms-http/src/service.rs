//! What stands behind the protocol: the trait that a node implements, and what it is handed.
//!
//! Deliberately absent: any implementation; the protocol never decides about keys.

use kms_ops::{Request, Response};
use kms_types::{Operation, Principal, RequestId, Timestamp};
use serde_json::{Map, Value};
use std::{future::Future, net::IpAddr, pin::Pin};

use crate::{ApiError, Authenticated};

/// A future that the service answers with.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How a call ends.
pub type Answer = Result<Response, kms_ops::Error>;

/// The service behind the API. One instance serves every connection of a node.
pub trait KmsService: Send + Sync + 'static {
    /// Region time, against which signatures are dated (invariant B5); without the offset of a virtual clock, which no
    /// client knows of.
    fn now(&self) -> Reply<'_, Timestamp>;

    /// A fresh id for a call.
    fn request_id(&self) -> RequestId;

    /// True when calls can be served; the answer of `GET /ready`.
    fn ready(&self) -> bool;

    /// Counts a verified call against the caller's request rates, before anything of its body is judged; `object` is
    /// the body as read. A refusal is recorded by [`Self::refused`].
    fn throttle(
        &self,
        caller: &Principal,
        operation: Operation,
        object: &Map<String, Value>,
    ) -> Result<(), Throttled>;

    /// Carries out a verified call. Its audit record, of success or refusal, is durable when the future ends
    /// (invariant G1); if it cannot be, there is no answer.
    fn call(&self, call: Authenticated<ApiCall>) -> Reply<'_, Result<Answer, AuditFailure>>;

    /// Records a call that never became an [`ApiCall`] (invariant G3); awaited before the refusal leaves.
    fn refused(&self, refused: Refused) -> Reply<'_, Result<(), AuditFailure>>;
}

/// The audit record could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit record could not be written")]
pub struct AuditFailure;

/// The caller's account has used up a request rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the account has used up its rate of such requests")]
pub struct Throttled;

/// Where a request came from, as far as the connection and unsigned headers tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The `x-amzn-RequestId` of the answer and the `requestID` of the audit record.
    pub request_id: RequestId,
    /// The peer of the connection.
    pub source_ip: IpAddr,
    /// The `user-agent` header, cut to 512 characters.
    pub user_agent: Option<String>,
    /// The `referer` header, cut to 512 characters.
    pub referer: Option<String>,
    /// The `host` header or `:authority`, cut to 256 characters.
    pub host: Option<String>,
}

/// A typed request with its verified caller.
#[derive(Debug, Clone)]
pub struct ApiCall {
    /// What is asked.
    pub request: Request,
    /// Who asks, the same as [`Authenticated::principal`].
    pub principal: Principal,
    /// Where the request came from.
    pub origin: Origin,
    /// `requestParameters` of the audit record: no sensitive member, defaults filled in.
    pub audit_parameters: Value,
}

/// A call that was refused before it became an [`ApiCall`].
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// Where the request came from.
    pub origin: Origin,
    /// The operation, when the target names one of the API.
    pub operation: Option<Operation>,
    /// The verified caller; absent when the signature is what failed.
    pub principal: Option<Principal>,
    /// The access key id that the request claims, verified only together with `principal`.
    pub access_key_id: Option<String>,
    /// What the client is told.
    pub error: ApiError,
    /// `requestParameters`, as far as the body was read.
    pub audit_parameters: Value,
}
