use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header, request::Parts};
use http_body_util::Full;
use hyper::body::Body;
use kms_ops::{
    Error,
    iam::{Action, IamError},
};
use kms_types::RequestId;
use serde_json::Value;
use std::{net::IpAddr, sync::Arc, time::Duration};

use super::{Handled, body};
use crate::{
    ApiError, Authenticated, Authenticator, TransportError, query,
    service::{
        Admission, ApiCall, AuditFailure, KmsService, Origin, QueryCall, Refused, RefusedCall, Throttled,
    },
    shapes,
    sigv4::{self, Api},
    target, validate,
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
    api: Api,
    call: RefusedCall,
    caller: Option<Authenticated<()>>,
    audit_parameters: Value,
}

impl Refusal {
    fn unauthenticated(api: Api, error: impl Into<ApiError>) -> Box<Self> {
        let (error, call) = (error.into(), RefusedCall::Unknown);
        Box::new(Self { error, api, call, caller: None, audit_parameters: Value::Null })
    }

    fn of(caller: &Authenticated<()>, call: RefusedCall, error: impl Into<ApiError>) -> Box<Self> {
        let (api, caller) = (caller.api(), Some(caller.clone()));
        Box::new(Self { error: error.into(), api, call, caller, audit_parameters: Value::Null })
    }
}

/// A verified, typed call of one of the APIs.
enum Admitted {
    Kms(Box<dyn Admission>, Box<Authenticated<ApiCall>>),
    Query(Box<dyn Admission>, Box<Authenticated<QueryCall>>),
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
        (&Method::GET, "/metrics") => metrics_page(context.service.metrics()),
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
    let api = claimed_api(&head);
    let body = match body::read(&head.headers, body, context.body_timeout).await? {
        Ok(body) => body,
        Err(error) => {
            return Ok(refuse(context, origin, &head, *Refusal::unauthenticated(api, &error)).await);
        }
    };
    Ok(match admit(context, &origin, &head, &body, api).await {
        Ok(Admitted::Kms(admission, call)) => answer(admission, *call).await,
        Ok(Admitted::Query(admission, call)) => answer_query(admission, *call).await,
        Err(refusal) => refuse(context, origin, &head, *refusal).await,
    })
}

/// Whose words a refusal is told in while nothing is verified: by the claimed scope, else by the kind of body.
fn claimed_api(head: &Parts) -> Api {
    let form = head.headers.get(header::CONTENT_TYPE).is_some_and(|value| {
        value.as_bytes().to_ascii_lowercase().starts_with(b"application/x-www-form-urlencoded")
    });
    sigv4::claimed_api(head).unwrap_or(if form { Api::Iam } else { Api::Kms })
}

/// From bytes to a verified, typed call. The signature comes first: nothing parses what nobody vouches for.
async fn admit(
    context: &Context,
    origin: &Origin,
    head: &Parts,
    body: &[u8],
    api: Api,
) -> Result<Admitted, Box<Refusal>> {
    let unverified = context.auth.read(head, body).map_err(|error| Refusal::unauthenticated(api, &error))?;
    let admission = context.service.admit().await.map_err(|error| Refusal::unauthenticated(api, &error))?;
    let caller = context.auth.conclude(unverified, admission.now(), admission.credentials());
    let caller = caller.map_err(|error| Refusal::unauthenticated(api, &error))?;
    match caller.api() {
        Api::Kms => {
            let call = parse_operation(context, origin, head, body, caller)?;
            Ok(Admitted::Kms(admission, Box::new(call)))
        }
        Api::Iam | Api::Sts => {
            let call = parse_action(context, origin, body, caller)?;
            Ok(Admitted::Query(admission, Box::new(call)))
        }
    }
}

fn parse_operation(
    context: &Context,
    origin: &Origin,
    head: &Parts,
    body: &[u8],
    caller: Authenticated<()>,
) -> Result<Authenticated<ApiCall>, Box<Refusal>> {
    let operation = target::operation(&head.headers)
        .map_err(|error| Refusal::of(&caller, RefusedCall::Unknown, &error))?;
    let refused = |error: ApiError| Refusal::of(&caller, RefusedCall::Operation(operation), error);
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

/// `Action` and `Version` name what is asked; a version that is not the API's is another API.
fn parse_action(
    context: &Context,
    origin: &Origin,
    body: &[u8],
    caller: Authenticated<()>,
) -> Result<Authenticated<QueryCall>, Box<Refusal>> {
    let refused = |error: ApiError| Refusal::of(&caller, RefusedCall::Unknown, error);
    let params = query::parse(body).map_err(|error| refused(ApiError::from(&error)))?;
    let name = params.get("Action").unwrap_or_default();
    let known = params.get("Version") == Some(query::version(caller.api()));
    let action = Action::find(caller.api().name(), name).filter(|_| known);
    let unknown = || IamError::InvalidAction(name.chars().take(128).collect());
    let action = action.ok_or_else(|| refused(ApiError::from(&unknown())))?;
    context.service.throttle_query(caller.principal(), action).map_err(|Throttled| {
        let error = ApiError::from(&TransportError::Throttled);
        Refusal::of(&caller, RefusedCall::Action(action), error)
    })?;
    let origin = origin.clone();
    Ok(caller.map(|()| QueryCall { action, params, origin }))
}

async fn answer(admission: Box<dyn Admission>, call: Authenticated<ApiCall>) -> Response<Full<Bytes>> {
    let id = call.get().origin.request_id;
    match admission.call(call).await {
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

async fn answer_query(
    admission: Box<dyn Admission>,
    call: Authenticated<QueryCall>,
) -> Response<Full<Bytes>> {
    let (id, action, api) = (call.get().origin.request_id, call.get().action, call.api());
    let home = admission.identity_home().filter(|_| api == Api::Iam);
    let mut answer = match admission.query(call).await {
        Err(AuditFailure) => {
            query_failure(api, &query::renamed(&ApiError::from(&TransportError::AuditFailed)), id)
        }
        Ok(Ok(answer)) => response(StatusCode::OK, XML, query::success(action, &answer, id).into()),
        Ok(Err(error)) => {
            if let IamError::Internal(reason) = &error {
                tracing::error!(request_id = %id, reason, "a call failed");
            }
            query_failure(api, &ApiError::from(&error), id)
        }
    };
    if let Some(home) = home.and_then(|home| HeaderValue::from_str(home.as_str()).ok()) {
        answer.headers_mut().insert("x-meridian-identity-home", home);
    }
    answer
}

async fn refuse(context: &Context, origin: Origin, head: &Parts, refusal: Refusal) -> Response<Full<Bytes>> {
    let Refusal { error, api, call, caller, audit_parameters } = refusal;
    let named = target::operation(&head.headers).map_or(RefusedCall::Unknown, RefusedCall::Operation);
    let id = origin.request_id;
    let error = if api == Api::Kms { error } else { query::renamed(&error) };
    let record = Refused {
        origin,
        call: if call == RefusedCall::Unknown { named } else { call },
        access_key_id: match &caller {
            Some(proof) => Some(proof.access_key_id().to_owned()),
            None => sigv4::claimed_access_key_id(head),
        },
        caller: caller.map(|proof| (proof.principal().clone(), proof.credential().clone())),
        error: error.clone(),
        audit_parameters,
    };
    let error = match context.service.refused(record).await {
        Ok(()) => error,
        Err(_) => ApiError::from(&TransportError::AuditFailed),
    };
    match api {
        Api::Kms => failure(&error),
        Api::Iam | Api::Sts => query_failure(api, &query::renamed(&error), id),
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

const XML: HeaderValue = HeaderValue::from_static("text/xml");

fn query_failure(api: Api, error: &ApiError, id: RequestId) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response(status, XML, query::failure(api, error, id).into())
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

fn metrics_page(page: String) -> Response<Full<Bytes>> {
    response(
        StatusCode::OK,
        HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
        page.into(),
    )
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
