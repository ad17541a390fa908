//! HTTP/1.1 and HTTP/2 without TLS on one port: connections, their limits and time-outs, graceful shutdown.
//!
//! Deliberately absent: what a request means (`handler.rs`), and TLS.

mod body;
mod handler;
mod idle_io;

#[cfg(test)]
mod tests;

use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};

use self::{handler::Context, idle_io::IdleIo};
use crate::{Authenticator, service::KmsService};

/// Limits of the server; the default suits a node.
#[derive(Debug, Clone, Copy)]
pub struct ServerOptions {
    /// Most connections at a time; further ones wait in the listener's backlog.
    pub max_connections: usize,
    /// Longest wait for the head of an HTTP/1.1 request.
    pub header_timeout: Duration,
    /// Longest wait for a whole body.
    pub body_timeout: Duration,
    /// Longest time without a byte in either direction; longer than any call takes.
    pub idle_timeout: Duration,
    /// Longest wait for calls under way when shutting down.
    pub drain_timeout: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(120),
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// Most header fields, and most bytes of them, that a request may have. SDKs send about a dozen in 2 KiB.
const MAX_HEADERS: usize = 64;
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// Most calls at a time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 64;
/// Pause after a failed accept (no file descriptors left), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves the API on `listener` until `shutdown` ends, then lets calls under way finish.
pub async fn serve(
    listener: TcpListener,
    service: Arc<dyn KmsService>,
    auth: Arc<Authenticator>,
    shutdown: impl Future<Output = ()>,
) {
    serve_with(listener, service, auth, ServerOptions::default(), shutdown).await;
}

/// [`serve`] with other limits.
pub async fn serve_with(
    listener: TcpListener,
    service: Arc<dyn KmsService>,
    auth: Arc<Authenticator>,
    options: ServerOptions,
    shutdown: impl Future<Output = ()>,
) {
    let context = Arc::new(Context { service, auth, body_timeout: options.body_timeout });
    let mut server = Server::new(context, options);
    tokio::select! {
        () = server.accept_all(&listener) => {}
        () = shutdown => {}
    }
    drop(listener);
    server.drain().await;
}

struct Server {
    context: Arc<Context>,
    options: ServerOptions,
    slots: Arc<Semaphore>,
    graceful: GracefulShutdown,
    connections: JoinSet<()>,
}

impl Server {
    fn new(context: Arc<Context>, options: ServerOptions) -> Self {
        let slots = Arc::new(Semaphore::new(options.max_connections));
        Self { context, options, slots, graceful: GracefulShutdown::new(), connections: JoinSet::new() }
    }

    /// Ends only if the semaphore is closed, which nobody does.
    async fn accept_all(&mut self, listener: &TcpListener) {
        while let Ok(slot) = self.slots.clone().acquire_owned().await {
            match listener.accept().await {
                Ok((stream, peer)) => self.spawn(stream, peer, slot),
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
            while self.connections.try_join_next().is_some() {}
        }
    }

    fn spawn(&mut self, stream: TcpStream, peer: SocketAddr, slot: OwnedSemaphorePermit) {
        // A missing TCP_NODELAY costs latency only.
        let _ = stream.set_nodelay(true);
        let context = self.context.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let context = context.clone();
            async move { handler::handle(&context, peer.ip(), request).await }
        });
        let io = TokioIo::new(IdleIo::new(stream, self.options.idle_timeout));
        let connection = builder(self.options).serve_connection(io, service).into_owned();
        let connection = self.graceful.watch(connection);
        self.connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%peer, %error, "connection ended");
            }
            drop(slot);
        });
    }

    async fn drain(mut self) {
        let finished = tokio::time::timeout(self.options.drain_timeout, self.graceful.shutdown()).await;
        if finished.is_err() {
            tracing::warn!("calls under way were cut off at shutdown");
        }
        self.connections.shutdown().await;
    }
}

fn builder(options: ServerOptions) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .keep_alive(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(MAX_HEAD_BYTES).unwrap_or(u32::MAX))
        .keep_alive_interval(options.idle_timeout / 4);
    builder
}

/// The answer to a request is never an error of the connection, except when the body broke off.
type Handled<T> = Result<T, handler::Disconnected>;
