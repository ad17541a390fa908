use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header, request::Parts};
use http_body_util::Full;
use hyper::body::Body;
use kms_ops::Error;
use kms_types::{Operation, RequestId};
use serde_json::Value;
use std::{net::IpAddr, sync::Arc, time::Duration};

use super::{Handled, body};
use crate::{
    ApiError, Authenticated, Authenticator, TransportError,
    service::{ApiCall, AuditFailure, KmsService, Origin, Refused, Throttled},
    shapes, sigv4, target, validate,
};

/// What every request is handled with.
pub(super) struct Context {
    pub(super) service: Arc<dyn KmsService>,
    pub(super) auth: Arc<Authenticator>,
    pub(super) body_timeout: Duration,
}

/// The client went away in the middle of its request: nobody is left to answer.
#[derive(Debug, thiserror::Error)]
#[error("the client went away in the middle of its request")]
pub(super) struct Disconnected;

/// A refusal on its way to the audit log and the client.
struct Refusal {
    error: ApiError,
    operation: Option<Operation>,
    caller: Option<Authenticated<()>>,
    audit_parameters: Value,
}

impl Refusal {
    fn unauthenticated(error: impl Into<ApiError>) -> Box<Self> {
        Box::new(Self { error: error.into(), operation: None, caller: None, audit_parameters: Value::Null })
    }

    fn of(caller: &Authenticated<()>, operation: Option<Operation>, error: impl Into<ApiError>) -> Box<Self> {
        let caller = Some(caller.clone());
        Box::new(Self { error: error.into(), operation, caller, audit_parameters: Value::Null })
    }
}

/// Answers one request.
pub(super) async fn handle<B: Body<Data = Bytes> + Unpin>(
    context: &Context,
    peer: IpAddr,
    request: Request<B>,
) -> Handled<Response<Full<Bytes>>> {
    let id = context.service.request_id();
    let version = request.version();
    // One framing only: a length. It closes every disagreement about where a request ends [RFC9112 §11.2].
    if request.headers().contains_key(header::TRANSFER_ENCODING) {
        let refusal = failure(&ApiError::from(&TransportError::TransferEncoding));
        return Ok(closing(finish(refusal, id), version));
    }
    let route = (request.method(), request.uri().path());
    let response = match route {
        (&Method::GET, "/health") => status_page(StatusCode::OK, "ok"),
        (&Method::GET, "/ready") if context.service.ready() => status_page(StatusCode::OK, "ready"),
        (&Method::GET, "/ready") => status_page(StatusCode::SERVICE_UNAVAILABLE, "not ready"),
        (&Method::POST, "/") => api(context, origin(&request, peer, id), request).await?,
        _ => failure(&ApiError::from(&TransportError::NoSuchResource)),
    };
    let unread = matches!(response.status(), StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT);
    let response = finish(response, id);
    Ok(if unread { closing(response, version) } else { response })
}

/// One call of the API. Every way out has its audit record before it answers.
async fn api<B: Body<Data = Bytes> + Unpin>(
    context: &Context,
    origin: Origin,
    request: Request<B>,
) -> Handled<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = match body::read(&head.headers, body, context.body_timeout).await? {
        Ok(body) => body,
        Err(error) => return Ok(refuse(context, origin, &head, *Refusal::unauthenticated(&error)).await),
    };
    Ok(match admit(context, &origin, &head, &body).await {
        Ok(call) => answer(context, call).await,
        Err(refusal) => refuse(context, origin, &head, *refusal).await,
    })
}

/// From bytes to a verified, typed call. The signature comes first: nothing parses what nobody vouches for.
async fn admit(
    context: &Context,
    origin: &Origin,
    head: &Parts,
    body: &[u8],
) -> Result<Authenticated<ApiCall>, Box<Refusal>> {
    let now = context.service.now().await;
    let caller = context.auth.verify(head, body, now).map_err(|error| Refusal::unauthenticated(&error))?;
    let operation = target::operation(&head.headers).map_err(|error| Refusal::of(&caller, None, &error))?;
    let refused = |error: ApiError| Refusal::of(&caller, Some(operation), error);
    let object = validate::parse_object(body)
        .map_err(|error| refused(ApiError::from(&validate::InputError::from(error))))?;
    context
        .service
        .throttle(caller.principal(), operation, &object)
        .map_err(|Throttled| refused(ApiError::from(&TransportError::Throttled)))?;
    let parsed = shapes::parse(operation, &object).map_err(|error| refused(ApiError::from(&error)))?;
    match parsed.request {
        Ok(request) => {
            let (principal, origin) = (caller.principal().clone(), origin.clone());
            let audit_parameters = parsed.audit_parameters;
            Ok(caller.map(|()| ApiCall { request, principal, origin, audit_parameters }))
        }
        Err(error) => {
            let refusal = refused(ApiError::from(&error));
            Err(Box::new(Refusal { audit_parameters: parsed.audit_parameters, ..*refusal }))
        }
    }
}

async fn answer(context: &Context, call: Authenticated<ApiCall>) -> Response<Full<Bytes>> {
    let id = call.get().origin.request_id;
    match context.service.call(call).await {
        Err(AuditFailure) => failure(&ApiError::from(&TransportError::AuditFailed)),
        Ok(Ok(response)) => success(shapes::response_json(&response)),
        Ok(Err(error)) => {
            if let Error::Internal(reason) = &error {
                tracing::error!(request_id = %id, reason, "a call failed");
            }
            failure(&ApiError::from(&error))
        }
    }
}

async fn refuse(context: &Context, origin: Origin, head: &Parts, refusal: Refusal) -> Response<Full<Bytes>> {
    let Refusal { error, operation, caller, audit_parameters } = refusal;
    let record = Refused {
        origin,
        operation: operation.or_else(|| target::operation(&head.headers).ok()),
        access_key_id: match &caller {
            Some(proof) => Some(proof.access_key_id().to_owned()),
            None => sigv4::claimed_access_key_id(&head.headers),
        },
        principal: caller.map(|proof| proof.principal().clone()),
        error: error.clone(),
        audit_parameters,
    };
    match context.service.refused(record).await {
        Ok(()) => failure(&error),
        Err(_) => failure(&ApiError::from(&TransportError::AuditFailed)),
    }
}

fn origin<B>(request: &Request<B>, peer: IpAddr, request_id: RequestId) -> Origin {
    let text = |name: header::HeaderName, most: usize| {
        let value = request.headers().get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()).chars().take(most).collect::<String>())
    };
    let authority = || request.uri().authority().map(|a| a.as_str().chars().take(256).collect());
    Origin {
        request_id,
        source_ip: peer,
        user_agent: text(header::USER_AGENT, 512),
        referer: text(header::REFERER, 512),
        host: text(header::HOST, 256).or_else(authority),
    }
}

const AWS_JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");

fn success(body: Option<Value>) -> Response<Full<Bytes>> {
    let bytes = body.map(|value| Bytes::from(value.to_string())).unwrap_or_default();
    response(StatusCode::OK, AWS_JSON, bytes)
}

fn failure(error: &ApiError) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response(status, AWS_JSON, error.body().into())
}

fn status_page(status: StatusCode, word: &str) -> Response<Full<Bytes>> {
    let body = serde_json::json!({ "status": word }).to_string();
    response(status, HeaderValue::from_static("application/json"), body.into())
}

fn response(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// The request id on every answer.
fn finish(mut response: Response<Full<Bytes>>, id: RequestId) -> Response<Full<Bytes>> {
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

/// An answer to a body that was not read ends an HTTP/1.1 connection; in HTTP/2 it ends only its stream.
fn closing(mut response: Response<Full<Bytes>>, version: Version) -> Response<Full<Bytes>> {
    if version < Version::HTTP_2 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
