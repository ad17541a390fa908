//! One HTTP port for all Regions, and one per Region, in front of the nodes' APIs.
//!
//! Routes by the Region in the SigV4 credential scope, passes on what is signed as it came, and tries the next node only
//! while nothing of a request has been sent. Verifies no signature and answers no call itself: that is the nodes' part.

mod identity;
mod pool;
mod refusal;
mod route;
mod upstream;

#[cfg(test)]
mod tests;

use http_body_util::Either;
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use kms_types::{Region, limits::MAX_REQUEST_BYTES};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{
    failure::Failure,
    local::{
        health::HealthTable,
        layout::{Cluster, RegionPlan, Role},
        ports,
    },
};
use identity::IdentityRoute;
use pool::RegionPool;
use refusal::{Body, Refusal, refuse};

/// Everything a gateway port needs to route.
pub struct Gateway {
    pools: RwLock<Pools>,
    identity: IdentityRoute,
    health: Arc<HealthTable>,
}

/// The data Regions by name.
type Pools = Arc<BTreeMap<Region, Arc<RegionPool>>>;

/// A port and what it serves.
pub struct Door {
    listener: TcpListener,
    /// The one Region of this port; otherwise the credential scope says.
    region: Option<Region>,
}

impl Gateway {
    /// A gateway to the data Regions of `cluster`.
    pub fn new(cluster: &Cluster, health: &Arc<HealthTable>) -> Arc<Self> {
        let pool = |region: &RegionPlan| (region.name.clone(), Arc::new(RegionPool::new(region, health)));
        let identity = IdentityRoute::new(cluster.data_regions().map(|region| region.name.clone()));
        let pools = RwLock::new(Arc::new(cluster.data_regions().map(pool).collect()));
        Arc::new(Self { pools, identity, health: health.clone() })
    }

    /// From now on the Region consists of these nodes. A witness is not routed.
    pub fn set(&self, region: &RegionPlan) {
        if region.role == Role::Data {
            let pool = Arc::new(RegionPool::new(region, &self.health));
            self.change(|pools| drop(pools.insert(region.name.clone(), pool)));
            self.identity.know(&region.name);
        }
    }

    /// The Region is no more.
    pub fn forget(&self, region: &Region) {
        self.change(|pools| drop(pools.remove(region)));
        self.identity.forget(region);
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<Region, Arc<RegionPool>>)) {
        let mut pools = self.pools.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut pools));
    }

    fn pools(&self) -> Pools {
        self.pools.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Serves `door` until the task is dropped.
    pub async fn serve(self: Arc<Self>, door: Door) {
        let mut connections = JoinSet::new();
        loop {
            match door.listener.accept().await {
                Ok((stream, _)) => {
                    drop(connections.spawn(self.clone().converse(stream, door.region.clone())))
                }
                Err(error) => {
                    tracing::warn!(%error, "gateway");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
    }

    async fn converse(self: Arc<Self>, stream: TcpStream, region: Option<Region>) {
        let _ = stream.set_nodelay(true);
        let service = service_fn(move |request| {
            let (gateway, region) = (self.clone(), region.clone());
            async move { Ok::<_, Infallible>(gateway.handle(request, region).await) }
        });
        // A client that goes away mid-request is its own business.
        let _ =
            auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
    }

    async fn handle(&self, request: Request<Incoming>, fixed: Option<Region>) -> Response<Body> {
        // A node would refuse it without reading it, and its answer could get lost while the body is still on its way.
        if states_too_long(request.headers()) {
            return refuse(&Refusal::BodyTooLong);
        }
        if fixed.is_none() && route::is_identity(&request) {
            return self.identity.send(request, &self.pools()).await;
        }
        let region = match fixed.map_or_else(|| route::region(&request), Ok) {
            Ok(region) => region,
            Err(unroutable) => return refuse(&unroutable.into()),
        };
        let pools = self.pools();
        match pools.get(&region) {
            Some(pool) => pool.send(request.map(Either::Left)).await,
            None => refuse(
                &route::Unroutable::UnknownRegion { region, known: pools.keys().cloned().collect() }.into(),
            ),
        }
    }
}

fn states_too_long(headers: &http::HeaderMap) -> bool {
    let stated = headers.get(http::header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    stated.and_then(|text| text.parse::<usize>().ok()).is_some_and(|length| length > MAX_REQUEST_BYTES)
}

/// Binds the port that serves all Regions.
pub fn main_door(cluster: &Cluster) -> Result<Door, Failure> {
    door(cluster.gateway, "the gateway", None)
}

/// Binds a Region's own port, if it has one.
pub fn region_door(region: &RegionPlan) -> Result<Option<Door>, Failure> {
    let name = &region.name;
    region.gateway.map(|port| door(port, &format!("the endpoint of {name}"), Some(name.clone()))).transpose()
}

fn door(port: u16, what: &str, region: Option<Region>) -> Result<Door, Failure> {
    let remedy = "name another with --gateway-port PORT";
    let taken = |_| Failure::PortTaken { port, what: what.to_owned(), remedy };
    Ok(Door { listener: ports::listen(port).map_err(taken)?, region })
}
