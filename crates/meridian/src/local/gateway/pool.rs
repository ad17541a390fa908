//! The nodes of one Region, tried in turn. Sends a request to at most one node that may have seen any of it.

use http_body_util::Either;
use hyper::{Request, Response};
use kms_types::Region;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::local::{
    gateway::{
        refusal::{Body, Refusal, refuse},
        upstream::{Outgoing, SendError, Upstream, prepare},
    },
    health::HealthTable,
    layout::{NodeKey, RegionPlan},
};

/// One Region's nodes.
pub(super) struct RegionPool {
    region: Region,
    nodes: Vec<Upstream>,
    next: AtomicUsize,
}

impl RegionPool {
    /// The pool of `region`'s nodes.
    pub(super) fn new(region: &RegionPlan, health: &Arc<HealthTable>) -> Self {
        let upstream = |node: &crate::local::layout::NodePlan| {
            Upstream::new(NodeKey { region: region.name.clone(), id: node.id }, node.api(), health.clone())
        };
        Self {
            region: region.name.clone(),
            nodes: region.nodes.iter().map(upstream).collect(),
            next: AtomicUsize::new(0),
        }
    }

    /// Sends the request to a node: the ready ones in turn, then, if none takes it, the others.
    pub(super) async fn send(&self, request: Request<Outgoing>) -> Response<Body> {
        self.try_send(request).await.unwrap_or_else(|refusal| refuse(&refusal))
    }

    /// The same, for a caller that may ask another Region when this one took nothing.
    pub(super) async fn try_send(&self, request: Request<Outgoing>) -> Result<Response<Body>, Refusal> {
        let mut request = prepare(request);
        for node in self.order() {
            match node.send(request).await {
                Ok(response) => return Ok(response.map(Either::Left)),
                Err(SendError::NotSent(unsent)) => request = *unsent,
                Err(SendError::NoAnswer) => return Err(Refusal::NoAnswer(self.region.clone())),
            }
        }
        Err(Refusal::NoNode(self.region.clone()))
    }

    fn order(&self) -> Vec<&Upstream> {
        let start = self.next.fetch_add(1, Ordering::Relaxed) % self.nodes.len().max(1);
        let mut order: Vec<&Upstream> =
            self.nodes.iter().skip(start).chain(self.nodes.iter().take(start)).collect();
        order.sort_by_key(|node| node.rank());
        order
    }
}
