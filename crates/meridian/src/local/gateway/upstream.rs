//! Connections to one node. Knows for every failure whether anything of the request had left.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use http_body_util::{Either, Full};
use hyper::{
    Request, Response, Uri,
    body::Incoming,
    client::conn::{TrySendError, http1},
};
use hyper_util::rt::TokioIo;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{net::TcpStream, sync::watch};

use crate::local::{
    health::{Health, HealthTable},
    layout::NodeKey,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Longer than any call takes on a node that makes progress, shorter than SDKs wait for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
const MOST_IDLE: usize = 256;
/// Describe one connection, not the request; never signed [RFC9110 §7.6.1].
const HOP_BY_HOP: [HeaderName; 5] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// A request as it comes, or one that was read to be sent to more than one Region.
pub(super) type Outgoing = Either<Incoming, Full<Bytes>>;

type Sender = http1::SendRequest<Outgoing>;

/// A request that got no answer.
pub(super) enum SendError {
    /// Nothing of it was sent: here it is.
    NotSent(Box<Request<Outgoing>>),
    /// Some of it may have arrived.
    NoAnswer,
}

/// One node.
pub(super) struct Upstream {
    node: NodeKey,
    address: SocketAddr,
    idle: Arc<Mutex<Vec<Sender>>>,
    table: Arc<HealthTable>,
    health: Option<watch::Receiver<Health>>,
}

impl Upstream {
    /// The node at `address`; connects when first used.
    pub(super) fn new(node: NodeKey, address: SocketAddr, table: Arc<HealthTable>) -> Self {
        let health = table.follow(&node);
        Self { node, address, idle: Arc::default(), table, health }
    }

    /// Ready nodes first, silent ones last.
    pub(super) fn rank(&self) -> u8 {
        match self.health.as_ref().map(|health| *health.borrow()) {
            Some(health) if health.ready => 0,
            Some(health) if health.is_lost() => 2,
            _ => 1,
        }
    }

    /// Sends the request over an idle connection or a new one and waits for the head of the answer.
    pub(super) async fn send(&self, mut request: Request<Outgoing>) -> Result<Response<Incoming>, SendError> {
        while let Some(sender) = self.idle_sender() {
            match self.send_over(sender, request).await {
                // An idle connection may have been closed by the node: that says nothing about the node.
                Err(SendError::NotSent(unsent)) => request = *unsent,
                done => return done,
            }
        }
        match self.connect().await {
            Some(sender) => self.send_over(sender, request).await,
            None => {
                self.table.suspect(&self.node);
                Err(SendError::NotSent(Box::new(request)))
            }
        }
    }

    async fn send_over(
        &self,
        mut sender: Sender,
        request: Request<Outgoing>,
    ) -> Result<Response<Incoming>, SendError> {
        let answer = tokio::select! {
            biased;
            answer = sender.try_send_request(request) => answer,
            () = self.given_up() => return Err(SendError::NoAnswer),
        };
        match answer {
            Ok(response) => {
                self.keep(sender);
                Ok(response)
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    fn failed(&self, mut error: TrySendError<Request<Outgoing>>) -> SendError {
        error.take_message().map_or(SendError::NoAnswer, |request| SendError::NotSent(Box::new(request)))
    }

    /// Ends when the node has not answered probes for a while, or the answer takes too long.
    async fn given_up(&self) {
        let lost = async {
            match self.health.clone() {
                Some(mut health) => drop(health.wait_for(Health::is_lost).await),
                None => std::future::pending().await,
            }
        };
        let _ = tokio::time::timeout(ANSWER_TIMEOUT, lost).await;
    }

    fn idle_sender(&self) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(sender) = idle.pop() {
            if sender.is_ready() {
                return Some(sender);
            }
        }
        None
    }

    /// Puts the connection back once the answer's body has been read to its end.
    fn keep(&self, mut sender: Sender) {
        let idle = self.idle.clone();
        tokio::spawn(async move {
            if sender.ready().await.is_ok() {
                let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
                if idle.len() < MOST_IDLE {
                    idle.push(sender);
                }
            }
        });
    }

    async fn connect(&self) -> Option<Sender> {
        let stream =
            tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(self.address)).await.ok()?.ok()?;
        let _ = stream.set_nodelay(true);
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Some(sender)
    }
}

/// Makes the request fit an HTTP/1.1 connection to a node without touching anything that may be signed.
pub(super) fn prepare(mut request: Request<Outgoing>) -> Request<Outgoing> {
    let authority = request.uri().authority().map(|a| a.as_str().to_owned());
    let path = request.uri().path_and_query().cloned();
    *request.version_mut() = http::Version::HTTP_11;
    *request.uri_mut() = path.map_or_else(|| Uri::from_static("/"), Uri::from);
    let headers = request.headers_mut();
    HOP_BY_HOP.iter().for_each(|name| drop(headers.remove(name)));
    // HTTP/2 carries the signed host in a pseudo header.
    let host = authority.and_then(|host| HeaderValue::from_str(&host).ok());
    if let (false, Some(host)) = (headers.contains_key(header::HOST), host) {
        headers.insert(header::HOST, host);
    }
    request
}
