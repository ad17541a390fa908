//! What stands behind the protocol: the trait that a node implements, and what it is handed.
//!
//! Deliberately absent: any implementation; the protocol never decides about keys.

use kms_ops::{
    CredentialRef, Request, Response,
    iam::{Action, IamError, Params},
};
use kms_types::{Operation, Principal, Region, RequestId, Timestamp};
use serde_json::{Map, Value};
use std::{future::Future, net::IpAddr, pin::Pin};

use crate::{ApiError, Authenticated, Credentials};

/// A future that the service answers with.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How a call ends.
pub type Answer = Result<Response, kms_ops::Error>;

/// How a call of IAM or STS ends.
pub type IamAnswer = Result<kms_ops::iam::Answer, IamError>;

/// The service behind the API. One instance serves every connection of a node.
pub trait KmsService: Send + Sync + 'static {
    /// One linearizable version of the state, confirmed after this call began: the signature is verified, and the call
    /// decided, in it (invariants B1, B5).
    fn admit(&self) -> Reply<'_, Result<Box<dyn Admission>, kms_ops::Error>>;

    /// A fresh id for a call.
    fn request_id(&self) -> RequestId;

    /// True when calls can be served; the answer of `GET /ready`.
    fn ready(&self) -> bool;

    /// The answer of `GET /metrics`, in the text format of Prometheus [PROM:exposition]. It is not signed for, so it holds
    /// nothing of callers and keys.
    fn metrics(&self) -> String;

    /// Counts a verified call against the caller's request rates, before anything of its body is judged; `object` is
    /// the body as read. A refusal is recorded by [`Self::refused`].
    fn throttle(
        &self,
        caller: &Principal,
        operation: Operation,
        object: &Map<String, Value>,
    ) -> Result<(), Throttled>;

    /// The same for a verified call of IAM or STS, once it is known which.
    fn throttle_query(&self, caller: &Principal, action: Action) -> Result<(), Throttled>;

    /// Records a call that never became an [`ApiCall`] (invariant G3); awaited before the refusal leaves.
    fn refused(&self, refused: Refused) -> Reply<'_, Result<(), AuditFailure>>;
}

/// One version of the state, for one call.
pub trait Admission: Send + Sync {
    /// Region time, against which signatures are dated (invariant B5); without the offset of a virtual clock, which no
    /// client knows of.
    fn now(&self) -> Timestamp;

    /// The credentials that are valid in this version.
    fn credentials(&self) -> &dyn Credentials;

    /// Carries out a verified call. Its audit record, of success or refusal, is durable when the future ends
    /// (invariant G1); if it cannot be, there is no answer.
    fn call(self: Box<Self>, call: Authenticated<ApiCall>) -> Reply<'static, Result<Answer, AuditFailure>>;

    /// The Region that takes changes of identities, as this version knows it; named in answers of IAM.
    fn identity_home(&self) -> Option<Region>;

    /// The same for a call of IAM or STS.
    fn query(
        self: Box<Self>,
        call: Authenticated<QueryCall>,
    ) -> Reply<'static, Result<IamAnswer, AuditFailure>>;
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

/// A call of IAM or STS with its verified caller.
#[derive(Debug, Clone)]
pub struct QueryCall {
    /// What is asked.
    pub action: Action,
    /// With which parameters.
    pub params: Params,
    /// Where the request came from.
    pub origin: Origin,
}

/// What a refused call wanted, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedCall {
    /// Nothing that has a name.
    Unknown,
    /// An operation on keys.
    Operation(Operation),
    /// An action of IAM or STS.
    Action(Action),
}

/// A call that was refused before it became an [`ApiCall`] or a [`QueryCall`].
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// Where the request came from.
    pub origin: Origin,
    /// What was asked.
    pub call: RefusedCall,
    /// The verified caller and its credential; absent when the signature is what failed.
    pub caller: Option<(Principal, CredentialRef)>,
    /// The access key id that the request claims, verified only together with `caller`.
    pub access_key_id: Option<String>,
    /// What the client is told.
    pub error: ApiError,
    /// `requestParameters`, as far as the body was read.
    pub audit_parameters: Value,
}
