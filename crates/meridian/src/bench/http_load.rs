//! A closed loop of calls on many connections. Each connection repeats one request that was signed once, so that
//! signing on the client's side is not measured.

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use kms_http::sigv4::{PathForm, SigningContext, sign_request};
use kms_types::Region;
use serde_json::Value;
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{net::TcpStream, task::JoinSet};

use crate::{
    clock,
    failure::Failure,
    local::node_config::{ACCESS_KEY_ID, SECRET_ACCESS_KEY},
};

/// Not counted: connections are made and code is warm when counting starts.
const WARM_UP: Duration = Duration::from_millis(200);

/// What is called.
#[derive(Debug, Clone)]
pub(super) enum Case {
    /// The server's plain health endpoint.
    Health,
    /// An operation of the KMS API.
    Call(&'static str, Value),
}

/// How it went.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    /// Successful calls per second.
    pub(super) per_second: f64,
    /// Half of the calls took at most this long.
    pub(super) p50: Duration,
    /// All but one in a hundred took at most this long.
    pub(super) p99: Duration,
    /// Calls that failed.
    pub(super) failed: u64,
}

impl Measured {
    /// From the times of all successful calls.
    pub(super) fn new(mut latencies: Vec<Duration>, failed: u64, elapsed: Duration) -> Self {
        latencies.sort_unstable();
        let at = |share: usize| latencies.get(latencies.len() * share / 100).copied().unwrap_or_default();
        let per_second = latencies.len() as f64 / elapsed.as_secs_f64().max(f64::MIN_POSITIVE);
        Self { per_second, p50: at(50), p99: at(99), failed }
    }
}

impl Case {
    /// A call of the KMS API.
    pub(super) fn call(operation: &'static str, body: Value) -> Self {
        Self::Call(operation, body)
    }

    fn request(&self, node: SocketAddr, region: &Region) -> Result<Request<Full<Bytes>>, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::Bench(error.to_string());
        let request = Request::builder().uri("/").header(header::HOST, node.to_string());
        let (operation, body) = match self {
            Self::Health => {
                return request.uri("/health").body(Full::default()).map_err(|error| failed(&error));
            }
            Self::Call(operation, body) => (operation, body),
        };
        let mut request = request
            .method("POST")
            .header(header::CONTENT_TYPE, "application/x-amz-json-1.1")
            .header("x-amz-target", format!("TrentService.{operation}"))
            .body(Bytes::from(body.to_string()))
            .map_err(|error| failed(&error))?;
        let context = SigningContext {
            region: region.to_string(),
            service: kms_http::sigv4::SERVICE.into(),
            time: clock::now(),
            path_form: PathForm::Normalized,
        };
        sign_request(&mut request, ACCESS_KEY_ID, SECRET_ACCESS_KEY, &context)
            .map_err(|error| failed(&error))?;
        Ok(request.map(Full::new))
    }
}

/// Calls on `connections` connections, shared out over `nodes`, for `time`. More than one failure in a hundred calls is
/// no measurement.
pub(super) async fn measure(
    case: Case,
    nodes: Vec<SocketAddr>,
    region: Region,
    connections: usize,
    time: Duration,
) -> Result<Measured, Failure> {
    let mut tasks = JoinSet::new();
    let begin = Instant::now() + WARM_UP;
    for node in nodes.iter().cycle().take(connections) {
        let request = case.request(*node, &region)?;
        tasks.spawn(repeat(*node, request, begin, begin + time));
    }
    let (mut latencies, mut failed) = (Vec::new(), 0);
    while let Some(done) = tasks.join_next().await {
        let (times, failures) = done.map_err(|error| Failure::Bench(error.to_string()))??;
        latencies.extend(times);
        failed += failures;
    }
    let measured = Measured::new(latencies.clone(), failed, time);
    if failed * 100 > latencies.len() as u64 {
        return Err(Failure::Bench(format!(
            "{case:?}: {failed} of {} calls failed",
            latencies.len() as u64 + failed
        )));
    }
    Ok(measured)
}

async fn repeat(
    node: SocketAddr,
    request: Request<Full<Bytes>>,
    begin: Instant,
    end: Instant,
) -> Result<(Vec<Duration>, u64), Failure> {
    let mut sender = connect(node).await?;
    let (mut latencies, mut failed) = (Vec::new(), 0);
    while Instant::now() < end {
        let started = Instant::now();
        let succeeded = exchange(&mut sender, request.clone())
            .await
            .map_err(|error| Failure::Bench(error.to_string()))?;
        let finished = Instant::now();
        match succeeded {
            true if started >= begin && finished <= end => latencies.push(finished - started),
            true => {}
            false => failed += 1,
        }
    }
    Ok((latencies, failed))
}

async fn connect(node: SocketAddr) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Bench(format!("cannot connect to {node}: {error}"));
    let stream = TcpStream::connect(node).await.map_err(|error| failed(&error))?;
    let _ = stream.set_nodelay(true);
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn exchange(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> hyper::Result<bool> {
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    let succeeded = response.status().is_success();
    response.into_body().collect().await?;
    Ok(succeeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_and_rate_are_of_the_successful_calls() {
        let latencies = (1..=100).rev().map(Duration::from_millis).collect();
        let measured = Measured::new(latencies, 3, Duration::from_secs(2));
        assert_eq!((measured.per_second, measured.failed), (50.0, 3));
        assert_eq!((measured.p50, measured.p99), (Duration::from_millis(51), Duration::from_millis(100)));
    }
}
