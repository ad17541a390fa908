//! A small KMS client for drills, benchmarks and tests: one signed call, one answer, no retries.
//!
//! Deliberately absent: retries, credential providers, TLS. Applications use an AWS SDK.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use kms_types::{Region, Timestamp};
use serde_json::Value;
use std::{fmt, sync::Arc, time::Duration};
use zeroize::Zeroizing;

use crate::sigv4::{PathForm, SERVICE, SigningContext, sign_request};

/// Largest answer that is read; the API's largest lists stay far below.
const MAX_ANSWER_BYTES: usize = 16 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Time for signatures; a client has no Region time of its own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// An access key as a client holds it.
#[derive(Clone)]
pub struct ClientCredentials {
    /// The public half.
    pub access_key_id: String,
    /// The secret half; wiped on drop, never printed.
    pub secret: Zeroizing<String>,
}

impl ClientCredentials {
    /// A key pair.
    pub fn new(access_key_id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { access_key_id: access_key_id.into(), secret: Zeroizing::new(secret.into()) }
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// A call that gave no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code} ({status}): {message}")]
pub struct ClientError {
    /// HTTP status; 0 when no answer came, and the outcome of a write is then unknown.
    pub status: u16,
    /// The AWS code, or `ConnectionError`, `Timeout`, `InvalidRequest`, `InvalidAnswer`.
    pub code: String,
    /// What the service, or the transport, said.
    pub message: String,
}

impl ClientError {
    fn local(code: &str, message: impl fmt::Display) -> Self {
        Self { status: 0, code: code.into(), message: message.to_string() }
    }
}

/// A client of one endpoint over HTTP/1.1 connections that are kept alive; clones share them.
#[derive(Clone)]
pub struct KmsClient {
    endpoint: String,
    region: Region,
    credentials: ClientCredentials,
    clock: Clock,
    timeout: Duration,
    http: Client<HttpConnector, Full<Bytes>>,
}

impl KmsClient {
    /// A client of `endpoint`, for example `http://127.0.0.1:8101`, that signs for `region`.
    pub fn new(
        endpoint: impl Into<String>,
        region: Region,
        credentials: ClientCredentials,
        clock: Clock,
    ) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let http = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        let endpoint = endpoint.into().trim_end_matches('/').to_owned();
        Self { endpoint, region, credentials, clock, timeout: Duration::from_secs(10), http }
    }

    /// The same client with another limit for a whole call; the default is ten seconds.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The endpoint.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Calls an operation by its API name; an answer without a body is an empty object.
    pub async fn call(&self, operation: &str, body: Value) -> Result<Value, ClientError> {
        let request = self.request(operation, &body)?;
        let exchange = async {
            let response = self.http.request(request).await.map_err(connection_error)?;
            read_answer(response).await
        };
        let timed_out = |_| ClientError::local("Timeout", format!("no answer in {:?}", self.timeout));
        let (status, bytes) = tokio::time::timeout(self.timeout, exchange).await.map_err(timed_out)??;
        if status == StatusCode::OK { success(&bytes) } else { Err(failure(status, &bytes)) }
    }

    fn request(&self, operation: &str, body: &Value) -> Result<Request<Full<Bytes>>, ClientError> {
        let invalid = |error: &dyn fmt::Display| ClientError::local("InvalidRequest", error);
        let uri: http::Uri = format!("{}/", self.endpoint).parse().map_err(|e| invalid(&e))?;
        let host = uri.authority().map(|a| a.as_str().to_owned()).unwrap_or_default();
        let mut request = Request::post(uri)
            .header("host", host)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("TrentService.{operation}"))
            .body(Bytes::from(body.to_string()))
            .map_err(|e| invalid(&e))?;
        let context = SigningContext {
            region: self.region.to_string(),
            service: SERVICE.into(),
            time: (self.clock)(),
            path_form: PathForm::Normalized,
        };
        let ClientCredentials { access_key_id, secret } = &self.credentials;
        sign_request(&mut request, access_key_id, secret, &context).map_err(|e| invalid(&e))?;
        Ok(request.map(Full::new))
    }
}

async fn read_answer(response: Response<Incoming>) -> Result<(StatusCode, Bytes), ClientError> {
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
    let body = body.map_err(|error| ClientError::local("ConnectionError", error))?;
    Ok((status, body.to_bytes()))
}

fn connection_error(error: hyper_util::client::legacy::Error) -> ClientError {
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    ClientError::local("ConnectionError", format!("{error}{cause}"))
}

fn success(bytes: &[u8]) -> Result<Value, ClientError> {
    if bytes.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    serde_json::from_slice(bytes).map_err(|error| ClientError::local("InvalidAnswer", error))
}

/// SDKs read `__type` up to a `#`, and either spelling of the message; so do we.
fn failure(status: StatusCode, bytes: &[u8]) -> ClientError {
    let body: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let code = text("__type").and_then(|code| code.rsplit('#').next()).unwrap_or("InvalidAnswer");
    let message = text("message").or_else(|| text("Message")).unwrap_or_default();
    ClientError { status: status.as_u16(), code: code.into(), message: message.into() }
}
