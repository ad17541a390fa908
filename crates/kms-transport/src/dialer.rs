//! How this node reaches others: what every outgoing connection has in common. Opens none before it is used.

use crate::{
    limits::{CONNECT_TIMEOUT, KEEP_ALIVE_INTERVAL, KEEP_ALIVE_TIMEOUT},
    tls::TlsIdentity,
};
use http::Uri;
use hyper_util::client::legacy::connect::{HttpConnector, proxy::Tunnel};
use std::{fmt, net::SocketAddr};
use tonic::transport::{Channel, Endpoint, Error};

/// The own certificate and the way out.
#[derive(Clone)]
pub struct Dialer {
    tls: TlsIdentity,
    exit: Option<SocketAddr>,
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dialer({:?}, exit {:?})", self.tls, self.exit)
    }
}

impl Dialer {
    /// Connects to the address that is called.
    pub fn direct(tls: TlsIdentity) -> Self {
        Self { tls, exit: None }
    }

    /// Asks the HTTP proxy at `exit` to connect (CONNECT [RFC9110 §9.3.6]). TLS goes through it: the proxy sees no more than a
    /// cable would.
    pub fn through(tls: TlsIdentity, exit: SocketAddr) -> Self {
        Self { tls, exit: Some(exit) }
    }

    /// Connects lazily, and again after every failure. `name` is what the peer's certificate must carry.
    pub(crate) fn channel(&self, address: &str, name: &str) -> Result<Channel, Error> {
        let endpoint = Endpoint::from_shared(format!("https://{address}"))?
            .tls_config(self.tls.client(name))?
            .connect_timeout(CONNECT_TIMEOUT)
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
