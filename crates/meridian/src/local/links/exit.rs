//! The way out of one node: an HTTP proxy for CONNECT [RFC9110 §9.3.6] on a port that only this node is told. By the port it is
//! known who connects, by the request to whom.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{Links, pump::pump, view::View};
use crate::{entropy::OsEntropy, local::layout::NodeKey};

const HEAD_BYTES: usize = 1024;
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECTED: &[u8] = b"HTTP/1.1 200 Connected\r\n\r\n";
const REFUSED: &[u8] = b"HTTP/1.1 502 Bad Gateway\r\n\r\n";

/// One node's way out.
pub struct Exit {
    pub(super) node: NodeKey,
    pub(super) listener: TcpListener,
    pub(super) links: Arc<Links>,
}

impl Exit {
    /// Serves until the task is dropped.
    pub async fn serve(self) {
        let mut connections = JoinSet::new();
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    drop(connections.spawn(converse(stream, self.node.clone(), self.links.clone())))
                }
                Err(error) => {
                    tracing::warn!(%error, node = %self.node, "way out of a node");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
    }
}

async fn converse(stream: TcpStream, node: NodeKey, links: Arc<Links>) {
    if let Err(error) = carry(stream, node, &links).await {
        tracing::debug!(%error, "a connection between nodes ended");
    }
}

/// Connects as asked and carries both directions to their ends.
async fn carry(mut stream: TcpStream, node: NodeKey, links: &Links) -> io::Result<()> {
    let head = tokio::time::timeout(HEAD_TIMEOUT, read_head(&mut stream));
    let target = head.await.map_err(|_| io::ErrorKind::TimedOut)??;
    let view = links.view(&node, target);
    let reached = tokio::select! {
        reached = reach(target, view.clone()) => reached,
        () = gone(&stream) => return Ok(()),
    };
    let Ok(server) = reached else { return stream.write_all(REFUSED).await };
    stream.set_nodelay(true)?;
    server.set_nodelay(true)?;
    stream.write_all(CONNECTED).await?;
    let ((near_in, near_out), (far_in, far_out)) = (stream.into_split(), server.into_split());
    let back = view.far_end();
    // Each end learns of the other's end by the bytes' own way, or not at all.
    let (there, back) = tokio::join!(pump(near_in, far_out, view), pump(far_in, near_out, back));
    there.and(back)
}

/// Makes the connection once packets pass both ways, after the time that takes.
async fn reach(target: SocketAddr, mut view: View) -> io::Result<TcpStream> {
    let mut rules = view.rules();
    loop {
        if !rules.lets_connect() {
            rules = view.changed().await;
            continue;
        }
        let wait = rules.connect_time(&mut OsEntropy);
        tokio::select! {
            () = tokio::time::sleep(wait), if !wait.is_zero() => return TcpStream::connect(target).await,
            stream = TcpStream::connect(target), if wait.is_zero() => return stream,
            changed = view.changed() => rules = changed,
        }
    }
}

/// Completes when the client gives up. It has nothing to say before it is connected.
async fn gone(stream: &TcpStream) {
    let _ = stream.peek(&mut [0]).await;
}

/// Reads `CONNECT host:port` with its headers, which say nothing.
async fn read_head(stream: &mut TcpStream) -> io::Result<SocketAddr> {
    let mut head = Vec::with_capacity(128);
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= HEAD_BYTES || stream.read_buf(&mut head).await? == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    target(&head).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Whom the request names. Only nodes on loopback: this is no way into anybody's network.
fn target(head: &[u8]) -> Option<SocketAddr> {
    let line = std::str::from_utf8(head).ok()?.lines().next()?;
    let address: SocketAddr = line.strip_prefix("CONNECT ")?.strip_suffix(" HTTP/1.1")?.parse().ok()?;
    address.ip().is_loopback().then_some(address)
}

#[cfg(test)]
mod tests;
