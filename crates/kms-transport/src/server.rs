//! The cluster port: one listener, mutual TLS, four services, and who may call which (invariant F3).
//!
//! The rule is applied before a service sees the request, by the path's service name, so that no method can forget
//! it. A path that no rule names is refused.

use crate::{
    admin::{AdminHandler, AdminService},
    history,
    identity::PeerIdentity,
    limits::{
        DRAIN_TIMEOUT, FRAME_BYTES, KEEP_ALIVE_INTERVAL, KEEP_ALIVE_TIMEOUT, MAX_ADMIN_MESSAGE_BYTES,
        MAX_RAFT_MESSAGE_BYTES, MAX_REGION_MESSAGE_BYTES, STREAMS_PER_CONNECTION,
    },
    node_service::{NodeHandler, NodeService},
    proto::{
        admin::admin_server::AdminServer,
        raft::{node_server::NodeServer, raft_server::RaftServer},
        region::region_server::RegionServer,
    },
    raft_service::RaftService,
    region_service::{RegionHandler, RegionService},
    tls::TlsIdentity,
};
use kms_raft::{Raft, SnapshotInbox, Standings};
use kms_types::{Incarnation, Region};
use std::{
    collections::BTreeSet,
    convert::Infallible,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{net::TcpListener, sync::watch};
use tonic::{
    Status,
    body::Body,
    codegen::{BoxFuture, Service, http},
    server::NamedService,
    transport::{
        Server,
        server::{TcpConnectInfo, TcpIncoming, TlsConnectInfo},
    },
};

/// Why the cluster port is not served.
#[derive(Debug, thiserror::Error)]
#[error("cluster port: {0}")]
pub struct ServeError(#[from] tonic::transport::Error);

/// Who may call.
#[derive(Debug, Clone)]
pub struct Access {
    /// This node's Region: only its nodes may call Raft and the node service.
    pub region: Region,
    /// The history that it is: only callers of the same one.
    pub incarnation: Incarnation,
    /// Regions of the directory: their nodes may use the Region link.
    pub voting_regions: watch::Receiver<BTreeSet<Region>>,
}

/// What answers the calls.
pub struct Services {
    /// The Raft group.
    pub raft: Raft,
    /// Whether this node takes part, and what it has seen of others.
    pub standings: Arc<Standings>,
    /// Where snapshots are received into.
    pub snapshots: SnapshotInbox,
    /// Answers other nodes of the Region.
    pub node: Arc<dyn NodeHandler>,
    /// Takes messages of other Regions.
    pub region: Arc<dyn RegionHandler>,
    /// Answers operators.
    pub admin: Arc<dyn AdminHandler>,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Services(..)")
    }
}

/// The server of the cluster port.
#[derive(Debug)]
pub struct ClusterServer;

impl ClusterServer {
    /// Serves until `shutdown` completes; then open calls get a short time to finish.
    pub async fn serve(
        listener: TcpListener,
        tls: &TlsIdentity,
        access: Access,
        services: Services,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        let (stopping, stopped) = watch::channel(false);
        let signal = async move {
            shutdown.await;
            let _ = stopping.send(true);
        };
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let server =
            builder(tls)?.serve_with_incoming_shutdown(Dispatch::new(access, services), incoming, signal);
        tokio::select! {
            served = server => Ok(served?),
            () = drained(stopped) => Ok(()),
        }
    }
}

/// Completes some time after the server began to stop: a peer that never closes does not hold the process.
async fn drained(mut stopped: watch::Receiver<bool>) {
    if stopped.wait_for(|stopping| *stopping).await.is_err() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(DRAIN_TIMEOUT).await;
}

fn builder(tls: &TlsIdentity) -> Result<Server, ServeError> {
    Ok(Server::builder()
        .tls_config(tls.server())?
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .initial_stream_window_size(2 << 20)
        .initial_connection_window_size(4 << 20)
        .http2_keepalive_interval(Some(KEEP_ALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEP_ALIVE_TIMEOUT)))
}

/// Sends a request to its service, if the caller may use it.
#[derive(Clone)]
struct Dispatch {
    access: Access,
    raft: RaftServer<RaftService>,
    node: NodeServer<NodeService>,
    region: RegionServer<RegionService>,
    admin: AdminServer<AdminService>,
}

impl Dispatch {
    fn new(access: Access, services: Services) -> Self {
        let Services { raft, standings, snapshots, node, region, admin } = services;
        let raft = RaftServer::new(RaftService::new(raft, standings, snapshots));
        Self {
            access,
            raft: raft.max_decoding_message_size(MAX_RAFT_MESSAGE_BYTES),
            node: NodeServer::new(NodeService(node)).max_decoding_message_size(MAX_RAFT_MESSAGE_BYTES),
            region: RegionServer::new(RegionService(region))
                .max_decoding_message_size(MAX_REGION_MESSAGE_BYTES + FRAME_BYTES),
            admin: AdminServer::new(AdminService(admin)).max_decoding_message_size(MAX_ADMIN_MESSAGE_BYTES),
        }
    }

    fn target(path: &str) -> Option<Target> {
        let name = path.strip_prefix('/')?.split_once('/')?.0;
        match name {
            RaftServer::<RaftService>::NAME => Some(Target::Raft),
            NodeServer::<NodeService>::NAME => Some(Target::Node),
            RegionServer::<RegionService>::NAME => Some(Target::Region),
            AdminServer::<AdminService>::NAME => Some(Target::Admin),
            _ => None,
        }
    }
}

/// The services of the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Raft,
    Node,
    Region,
    Admin,
}

impl Access {
    fn admits(&self, peer: &PeerIdentity, target: Target) -> bool {
        match (target, peer) {
            (Target::Raft | Target::Node, PeerIdentity::Node { region, .. }) => *region == self.region,
            (Target::Region, PeerIdentity::Node { region, .. }) => {
                self.voting_regions.borrow().contains(region)
            }
            (Target::Admin, PeerIdentity::Operator) => true,
            _ => false,
        }
    }

    /// The caller, if it may use the service.
    fn check(&self, request: &http::Request<Body>, target: Target) -> Result<PeerIdentity, Status> {
        let peer = caller(request)?;
        if !self.admits(&peer, target) {
            return Err(Status::permission_denied(format!("this service is not for {peer}")));
        }
        if matches!(target, Target::Raft | Target::Node) {
            history::check(request, self.incarnation)?;
        }
        Ok(peer)
    }
}

fn caller(request: &http::Request<Body>) -> Result<PeerIdentity, Status> {
    let refuse = |e: crate::identity::IdentityError| Status::unauthenticated(e.to_string());
    let certificates = request
        .extensions()
        .get::<TlsConnectInfo<TcpConnectInfo>>()
        .and_then(TlsConnectInfo::peer_certs)
        .ok_or_else(|| refuse(crate::identity::IdentityError::NoCertificate))?;
    let leaf = certificates.first().ok_or_else(|| refuse(crate::identity::IdentityError::NoCertificate))?;
    PeerIdentity::from_certificate(leaf).map_err(refuse)
}

impl Service<http::Request<Body>> for Dispatch {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(())) // generated servers are always ready
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        let Some(target) = Self::target(request.uri().path()) else {
            return refuse(Status::unimplemented("no such service"));
        };
        match self.access.check(&request, target) {
            Ok(peer) => request.extensions_mut().insert(peer),
            Err(status) => return refuse(status),
        };
        match target {
            Target::Raft => self.raft.call(request),
            Target::Node => self.node.call(request),
            Target::Region => self.region.call(request),
            Target::Admin => self.admin.call(request),
        }
    }
}

fn refuse(status: Status) -> BoxFuture<http::Response<Body>, Infallible> {
    Box::pin(std::future::ready(Ok(status.into_http())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table: caller by service (invariant F3).
    #[test]
    fn each_service_admits_its_callers_only() {
        let name = |text: &str| text.parse::<Region>().unwrap();
        let voting = BTreeSet::from([name("us-east-1"), name("eu-west-1")]);
        let (_keep, voting_regions) = watch::channel(voting);
        let incarnation = Incarnation::from_random([1; 16]);
        let access = Access { region: name("us-east-1"), incarnation, voting_regions };
        let node = |region| PeerIdentity::Node { region: name(region), node: 1 };
        for (peer, allowed) in [
            (node("us-east-1"), vec![Target::Raft, Target::Node, Target::Region]),
            (node("eu-west-1"), vec![Target::Region]),
            (node("ap-southeast-2"), vec![]),
            (PeerIdentity::Operator, vec![Target::Admin]),
        ] {
            for target in [Target::Raft, Target::Node, Target::Region, Target::Admin] {
                assert_eq!(access.admits(&peer, target), allowed.contains(&target), "{peer} {target:?}");
            }
        }
    }
}
