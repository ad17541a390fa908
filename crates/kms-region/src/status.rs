use kms_types::{KeyId, MaterialId, Region, Timestamp};
use std::collections::BTreeMap;

use crate::{IdentityStatus, Machine, UnfinishedPromotions};

/// What an operator may want to know about the link to other Regions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Every other voter.
    pub peers: BTreeMap<Region, PeerStatus>,
    /// Rotations that wait for members.
    pub held_up: Vec<HeldUp>,
    /// Keys whose control record is being agreed on.
    pub unsettled_keys: usize,
    /// Those of them that a candidate has left unfinished, by the primary that should take them back.
    pub unfinished: BTreeMap<Region, UnfinishedPromotions>,
    /// The identity records.
    pub identity: IdentityStatus,
}

/// One other voter as this Region's leader knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerStatus {
    /// When its last message came, in the driver's time.
    pub last_heard: Option<Timestamp>,
    /// When everything that it had committed was last known here, or when it was first waited for.
    pub level_at: Timestamp,
    /// Its log index up to which its committed records are known here.
    pub cursor: u64,
    /// Its newest position, as last heard.
    pub sequence: u64,
}

impl PeerStatus {
    /// How far this Region's knowledge of the peer is behind, in log entries.
    pub fn lag(&self) -> u64 {
        self.sequence.saturating_sub(self.cursor)
    }
}

/// A rotation that waits for members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldUp {
    /// The key.
    pub key: KeyId,
    /// The staged material.
    pub material: MaterialId,
    /// The members that have not installed it.
    pub regions: Vec<Region>,
    /// Since when, in the driver's time.
    pub since: Timestamp,
}

impl Machine {
    /// A summary for operators.
    pub fn status(&self) -> Status {
        let peers = self.peers.iter().map(|(region, peer)| {
            let status = PeerStatus {
                last_heard: peer.last_heard,
                level_at: peer.level_at,
                cursor: peer.cursor,
                sequence: peer.sequence,
            };
            (region.clone(), status)
        });
        let held_up = self.watch.iter().filter_map(|(key, watch)| {
            let (material, regions) = self.laggards(&*self.committed(key)?)?;
            Some(HeldUp { key: *key, material, regions, since: watch.since })
        });
        Status {
            peers: peers.collect(),
            held_up: held_up.collect(),
            unsettled_keys: self.state.unsettled().count(),
            unfinished: self.unfinished_promotions(),
            identity: self.identity_status(),
        }
    }
}
