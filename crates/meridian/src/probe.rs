//! A small HTTP client for `GET /ready`. Follows nothing, retries nothing, reads no body.

use bytes::Bytes;
use http_body_util::Empty;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use std::{net::SocketAddr, time::Duration};

/// Asks nodes whether they serve.
#[derive(Debug, Clone)]
pub struct Probe(Client<HttpConnector, Empty<Bytes>>);

impl Default for Probe {
    fn default() -> Self {
        Self::new()
    }
}

impl Probe {
    /// A client with its own connections.
    pub fn new() -> Self {
        let client =
            Client::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(5)).build_http();
        Self(client)
    }

    /// Whether the node says that it serves; nothing if it says nothing in time.
    pub async fn ready(&self, address: SocketAddr, timeout: Duration) -> Option<bool> {
        let uri = format!("http://{address}/ready").parse().ok()?;
        let answer = tokio::time::timeout(timeout, self.0.get(uri)).await.ok()?.ok()?;
        Some(answer.status() == http::StatusCode::OK)
    }
}
