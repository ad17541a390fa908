//! Connections to other nodes: opened when first used, kept, shared by every caller.
//!
//! Retries nothing. A call to a peer that could not be reached a moment ago fails at once.

use crate::{
    backoff_gate::BackoffGate,
    call_error::CallError,
    dialer::Dialer,
    history::{PeerChannel, Stamp},
    identity::node_name,
};
use kms_types::{Incarnation, NodeId, Region};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tonic::{Response, Status};

/// Traffic that must not wait behind other traffic to the same node has its own connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Lane {
    /// Heartbeats and lease confirmations.
    Heartbeat,
    /// Log entries and votes.
    Replication,
    /// Snapshots.
    Snapshot,
    /// Forwarded writes, read confirmations, clocks, Region messages, announcements.
    Calls,
    /// Admission of nodes that start: not held up by what failed while they were away.
    Admission,
}

/// The connections from this node to the nodes of its own Region.
#[derive(Debug)]
pub struct PeerLinks {
    region: Region,
    stamp: Stamp,
    dialer: Dialer,
    links: Mutex<HashMap<(NodeId, String, Lane), Arc<Link>>>,
}

impl PeerLinks {
    /// No connection is made before the first call; each call says of which incarnation the Region is.
    pub fn new(region: Region, incarnation: Incarnation, dialer: Dialer) -> Arc<Self> {
        Arc::new(Self { region, stamp: Stamp::of(incarnation), dialer, links: Mutex::default() })
    }

    /// The connection to a node. The node's certificate must carry its number: an address that another node took
    /// over is not mistaken for it.
    pub(crate) fn link(&self, node: NodeId, address: &str, lane: Lane) -> Arc<Link> {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (node, address.to_owned(), lane);
        let name = || node_name(&self.region, node);
        let open = || Arc::new(Link::new(address, &name(), &self.dialer, &self.stamp));
        links.entry(key).or_insert_with(open).clone()
    }

    /// A node that could not be reached is back: it is called again at once.
    pub(crate) fn came_back(&self, node: NodeId) {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.iter().filter(|((to, _, _), _)| *to == node).for_each(|(_, link)| link.gate.succeeded());
    }
}

/// One connection, or the reason why there cannot be one, and the memory of recent failures.
#[derive(Debug)]
pub(crate) struct Link {
    channel: Result<PeerChannel, String>,
    gate: BackoffGate,
}

impl Link {
    /// `name` is what the peer's certificate must carry.
    pub(crate) fn new(address: &str, name: &str, dialer: &Dialer, stamp: &Stamp) -> Self {
        let channel = dialer.channel(address, name).map(|channel| stamp.channel(channel));
        let channel = channel.map_err(|e| e.to_string());
        Self { channel, gate: BackoffGate::default() }
    }

    /// Runs one call, within a time.
    pub(crate) async fn call<T, F>(
        &self,
        timeout: Duration,
        call: impl FnOnce(PeerChannel) -> F,
    ) -> Result<T, CallError>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let channel = self.channel.clone().map_err(CallError::Unreachable)?;
        if !self.gate.admits(Instant::now()) {
            return Err(CallError::BackingOff);
        }
        let answer = tokio::time::timeout(timeout, call(channel)).await;
        self.judge(
            answer.map_err(|_| CallError::TimedOut(timeout)).and_then(|answer| Ok(answer?.into_inner())),
        )
    }

    /// A slow answer is no reason to back off: the peer may be busy, and heartbeats must go on.
    fn judge<T>(&self, result: Result<T, CallError>) -> Result<T, CallError> {
        match &result {
            Err(CallError::Unreachable(_)) => self.gate.failed(Instant::now()),
            Err(CallError::TimedOut(_)) => {}
            _ => self.gate.succeeded(),
        }
        result
    }
}
