//! INTERFACE WANTED BY THE LEAD (node.rs and admin.rs are written against it; the region author replaces the bodies).

use bytes::Bytes;
use kms_crypto::SigningKey;
use kms_region::{EvictScope, Force, KeyResult, PromoteScope};
use kms_transport::TonicRegionLink;
use kms_types::{KeyId, NodeId, Region};
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{clock::Clock, group::Group, keyring::RegionKeyRing};

/// What the driver is made of.
pub struct Parts {
    /// This Region.
    pub region: Region,
    /// This node.
    pub node: NodeId,
    /// The Region's group.
    pub group: Group,
    /// The domain keys.
    pub keyring: Arc<RegionKeyRing>,
    /// Signs messages.
    pub signing: Arc<SigningKey>,
    /// Sends messages.
    pub link: Arc<TonicRegionLink>,
    /// Time for timers.
    pub clock: Arc<dyn Clock>,
    /// Messages of other Regions, filled by `Group` while this node leads.
    pub inbox: mpsc::Receiver<Bytes>,
}

/// The driver's task and the handle for operators' commands.
pub struct Started<F> {
    /// For `admin.rs`.
    pub handle: RegionHandle,
    /// Runs until the token is cancelled; follows the lead as it comes and goes.
    pub task: F,
}

/// Operators' side of the driver.
#[derive(Clone)]
pub struct RegionHandle;

/// Why a command has no result.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// This node does not lead.
    #[error("this node does not lead its Region")]
    NotLeader,
    /// No result in time.
    #[error("no result in time; it may still happen")]
    TimedOut,
}

/// What is known of a peer Region.
#[derive(Debug, Clone, Default)]
pub struct PeerStatus {
    /// Time since its last valid message.
    pub last_heard_ms: Option<u64>,
    /// Peer's sequence minus our cursor.
    pub lag: Option<u64>,
    /// One sentence each.
    pub alarms: Vec<String>,
    /// Keys whose rotation waits for it.
    pub rotations_held_up: Vec<KeyId>,
}

impl RegionHandle {
    /// Promotes and waits for the result.
    pub async fn promote(
        &self,
        _: PromoteScope,
        _: Force,
    ) -> Result<BTreeMap<KeyId, KeyResult>, DriverError> {
        Err(DriverError::NotLeader)
    }
    /// Evicts and waits for the result.
    pub async fn evict(&self, _: Region, _: EvictScope) -> Result<BTreeMap<KeyId, KeyResult>, DriverError> {
        Err(DriverError::NotLeader)
    }
    /// What is known of every peer.
    pub fn peers(&self) -> BTreeMap<Region, PeerStatus> {
        BTreeMap::new()
    }
}

/// Starts the driver.
pub fn start(parts: Parts, stop: CancellationToken) -> Started<impl Future<Output = ()>> {
    Started {
        handle: RegionHandle,
        task: async move {
            let _ = (parts, stop.cancelled().await);
        },
    }
}
