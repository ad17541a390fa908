//! How this node reaches others: what every outgoing connection has in common. Opens none before it is used.

use crate::{
    limits::{CONNECT_TIMEOUT, FAR_CONNECT_TIMEOUT, KEEP_ALIVE_INTERVAL, KEEP_ALIVE_TIMEOUT},
    tls::TlsIdentity,
};
use http::Uri;
use hyper_util::client::legacy::connect::{HttpConnector, proxy::Tunnel};
use std::{fmt, net::SocketAddr, time::Duration};
use tonic::transport::{Channel, Endpoint, Error};

/// The own certificate and the way out.
#[derive(Clone)]
pub struct Dialer {
    tls: TlsIdentity,
    exit: Option<SocketAddr>,
    connect_timeout: Duration,
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dialer({:?}, exit {:?})", self.tls, self.exit)
    }
}

impl Dialer {
    /// Connects to the address that is called.
    pub fn direct(tls: TlsIdentity) -> Self {
        Self { tls, exit: None, connect_timeout: CONNECT_TIMEOUT }
    }

    /// Asks the HTTP proxy at `exit` to connect (CONNECT [RFC9110 §9.3.6]). TLS goes through it: the proxy sees no more than a
    /// cable would.
    pub fn through(tls: TlsIdentity, exit: SocketAddr) -> Self {
        Self { tls, exit: Some(exit), connect_timeout: CONNECT_TIMEOUT }
    }

    /// With the patience that other Regions need.
    pub(crate) fn far(&self) -> Self {
        Self { connect_timeout: FAR_CONNECT_TIMEOUT, ..self.clone() }
    }

    /// Connects lazily, and again after every failure. `name` is what the peer's certificate must carry.
    pub(crate) fn channel(&self, address: &str, name: &str) -> Result<Channel, Error> {
        let endpoint = Endpoint::from_shared(format!("https://{address}"))?
            .tls_config(self.tls.client(name).timeout(self.connect_timeout))?
            .connect_timeout(self.connect_timeout)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(2 << 20)
            .initial_connection_window_size(4 << 20);
        Ok(match self.exit {
            None => endpoint.connect_lazy(),
            Some(exit) => endpoint.connect_with_connector_lazy(tunnel(exit)),
        })
    }
}

fn tunnel(exit: SocketAddr) -> Tunnel<HttpConnector> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    // A socket address is always an authority.
    let exit = Uri::builder().scheme("http").authority(exit.to_string()).path_and_query("/").build();
    Tunnel::new(exit.unwrap_or_default(), connector)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{history::Stamp, limits, peer_links::Link, pki::Authority, proto::region};
    use kms_types::Timestamp;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    /// A certificate that is valid now, and names a node.
    fn tls() -> TlsIdentity {
        let (dir, now) = (tempfile::tempdir().unwrap(), Timestamp::from_millis(1_800_000_000_000));
        let authority = Authority::generate(now).unwrap();
        let issued = authority.issue_node(&"us-east-1".parse().unwrap(), 1, now).unwrap();
        issued.write(dir.path(), "node").unwrap();
        authority.write(dir.path()).unwrap();
        let file = |name: &str| dir.path().join(name);
        TlsIdentity::load(&file("ca.pem"), &file("node.pem"), &file("node.key")).unwrap()
    }

    async fn head(stream: &mut TcpStream) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            assert!(stream.read_buf(&mut head).await.unwrap() > 0, "{head:?}");
        }
        String::from_utf8(head).unwrap()
    }

    #[tokio::test]
    async fn the_exit_is_asked_for_the_peer_and_sees_tls_alone() {
        let exit = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dialer = Dialer::through(tls(), exit.local_addr().unwrap());
        let link = Link::new("127.0.0.1:7601", "node-1.us-east-1", &dialer, &Stamp::default());
        let calling = tokio::spawn(async move {
            let deliver = async |channel| {
                region::region_client::RegionClient::new(channel)
                    .deliver(region::DeliverRequest::default())
                    .await
            };
            link.call(Duration::from_secs(5), deliver).await
        });
        let mut asked = exit.accept().await.unwrap().0;
        assert!(head(&mut asked).await.starts_with("CONNECT 127.0.0.1:7601 HTTP/1.1\r\n"));
        asked.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.unwrap();
        let mut hello = [0; 2];
        asked.read_exact(&mut hello).await.unwrap();
        assert_eq!(hello, [0x16, 0x03], "a TLS handshake");
        drop((asked, exit));
        assert!(calling.await.unwrap().is_err());
    }

    #[tokio::test]
    async fn an_exit_that_does_not_answer_is_given_up() {
        let exit = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dialer = Dialer::through(tls(), exit.local_addr().unwrap());
        let link = Link::new("127.0.0.1:7601", "node-1.us-east-1", &dialer, &Stamp::default());
        let deliver = async |channel| {
            region::region_client::RegionClient::new(channel).deliver(region::DeliverRequest::default()).await
        };
        let held = link.call(limits::CONNECT_TIMEOUT * 5, deliver);
        let error = held.await.unwrap_err();
        assert!(matches!(error, crate::CallError::Unreachable(_)), "{error:?}");
    }
}
