//! The sending end of the Region link: delivers signed bytes to any node of a peer Region.
//!
//! Keeps no queue and repeats nothing later: messages may be lost, and the Region protocol resends by its timers.

use crate::{
    call_error::CallError,
    dialer::Dialer,
    history::Stamp,
    identity::region_name,
    limits::{DELIVER_TIMEOUT, DELIVERIES_IN_FLIGHT, MAX_REGION_MESSAGE_BYTES},
    peer_links::Link,
    proto::region::{self as pb, region_client::RegionClient},
};
use bytes::Bytes;
use kms_types::Region;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::sync::Semaphore;

/// Why a message was not handed over.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No address is known for the Region.
    #[error("Region `{0}` is not configured")]
    UnknownRegion(Region),
    /// The message is larger than a link carries.
    #[error("message of {size_bytes} bytes is over the limit of {MAX_REGION_MESSAGE_BYTES}")]
    TooLarge {
        /// Its size.
        size_bytes: usize,
    },
    /// As many messages are on their way to the Region as may be.
    #[error("too many messages on their way to Region `{0}`")]
    Busy(Region),
    /// No node of the Region took it.
    #[error("no node of Region `{region}` took the message: {last}")]
    Unreachable {
        /// The Region.
        region: Region,
        /// What the last node tried said.
        #[source]
        last: CallError,
    },
}

/// Connections to the nodes of every peer Region.
#[derive(Debug)]
pub struct TonicRegionLink {
    dialer: Dialer,
    peers: RwLock<BTreeMap<Region, Arc<PeerRegion>>>,
}

#[derive(Debug)]
struct PeerRegion {
    addresses: Vec<String>,
    nodes: Vec<Link>,
    /// The node that took a message last; it is tried first.
    preferred: AtomicUsize,
    permits: Semaphore,
}

impl TonicRegionLink {
    /// `peers` are the cluster addresses of each Region's nodes. Connects when first used.
    pub fn new(peers: BTreeMap<Region, Vec<String>>, dialer: &Dialer) -> Self {
        let link = Self { dialer: dialer.clone(), peers: RwLock::default() };
        link.set_peers(peers);
        link
    }

    /// Other Regions, or other addresses of theirs, from now on. Connections to unchanged Regions stay.
    pub fn set_peers(&self, peers: BTreeMap<Region, Vec<String>>) {
        let mut known = self.peers.write().unwrap_or_else(PoisonError::into_inner);
        let kept = |region: &Region, addresses: &[String]| {
            known.get(region).filter(|peer| peer.addresses == addresses).cloned()
        };
        let peer = |(region, addresses): (Region, Vec<String>)| {
            let peer = kept(&region, &addresses);
            let peer = peer.unwrap_or_else(|| Arc::new(PeerRegion::new(&region, addresses, &self.dialer)));
            (region, peer)
        };
        let peers = peers.into_iter().map(peer).collect();
        *known = peers;
    }

    /// Hands a message to some node of a Region. Success means queued there, nothing more.
    pub async fn send(&self, to: &Region, message: Vec<u8>) -> Result<(), LinkError> {
        let peer = self.peers.read().unwrap_or_else(PoisonError::into_inner).get(to).cloned();
        let peer = peer.ok_or_else(|| LinkError::UnknownRegion(to.clone()))?;
        if message.len() > MAX_REGION_MESSAGE_BYTES {
            return Err(LinkError::TooLarge { size_bytes: message.len() });
        }
        let _permit = peer.permits.try_acquire().map_err(|_| LinkError::Busy(to.clone()))?;
        peer.deliver(message.into()).await.map_err(|last| LinkError::Unreachable { region: to.clone(), last })
    }
}

impl PeerRegion {
    fn new(region: &Region, addresses: Vec<String>, dialer: &Dialer) -> Self {
        let name = region_name(region);
        let dialer = dialer.far();
        let nodes =
            addresses.iter().map(|address| Link::new(address, &name, &dialer, &Stamp::default())).collect();
        let permits = Semaphore::new(DELIVERIES_IN_FLIGHT);
        Self { addresses, nodes, preferred: AtomicUsize::new(0), permits }
    }

    async fn deliver(&self, message: Bytes) -> Result<(), CallError> {
        let (first, count) = (self.preferred.load(Ordering::Relaxed), self.nodes.len());
        let mut last = CallError::BackingOff;
        for position in (0..count).map(|step| (first + step) % count) {
            let Some(node) = self.nodes.get(position) else { break };
            match deliver_to(node, message.clone()).await {
                Ok(()) => {
                    self.preferred.store(position, Ordering::Relaxed);
                    return Ok(());
                }
                // Backing off says the least about the Region; keep what a node said.
                Err(CallError::BackingOff) => {}
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

async fn deliver_to(node: &Link, message: Bytes) -> Result<(), CallError> {
    let request = pb::DeliverRequest { message };
    let call = async |channel| RegionClient::new(channel).deliver(request).await;
    node.call(DELIVER_TIMEOUT, call).await.map(|pb::DeliverReply {}| ())
}
