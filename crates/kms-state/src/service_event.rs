//! What the service did to keys by itself, until its audit record is durable (docs/adr/0009).
//!
//! `apply` writes an event in the entry that has the effect, so that no leader change can lose it. The leader of the
//! moment records it and then has it forgotten. A record that was written twice has one event id.

use kms_types::{
    AccountId, Incarnation, KeyId, KeyOrigin, MaterialId, Principal, RequestId, RotationType, Timestamp,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Which event: the log index of its entry, and its number in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ServiceEventId {
    /// Log index.
    pub index: u64,
    /// From zero.
    pub number: u32,
}

/// Something that the service did to a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEvent {
    /// Region time.
    pub at: Timestamp,
    /// The key's owner.
    pub account: AccountId,
    /// The key.
    pub key: KeyId,
    /// What was done.
    pub act: ServiceAct,
}

/// What the service does to keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceAct {
    /// Another material became current.
    Rotated {
        /// Automatic or on demand.
        rotation: RotationType,
        /// The key's origin.
        origin: KeyOrigin,
        /// The material that was current.
        previous: Option<MaterialId>,
        /// The material that is.
        current: MaterialId,
    },
    /// The waiting period of a deletion ended.
    Deleted,
    /// An imported material expired.
    ExpiredMaterialDeleted {
        /// The material.
        material: MaterialId,
    },
    /// The primary's shared properties went to the other members.
    Synchronized,
    /// ReplicateKey made a replica here, asked for in the primary's Region.
    ReplicaCreated {
        /// The call.
        requested: Requested,
    },
    /// UpdatePrimaryRegion took effect here, asked for in the Region that was primary.
    BecamePrimary {
        /// The call.
        requested: Requested,
    },
}

/// The call of another Region that a change here goes back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    /// The verified caller.
    pub principal: Principal,
    /// The API request.
    pub request: RequestId,
}

impl ServiceEventId {
    /// 16 bytes for the event id of the record, the same whoever writes it.
    pub fn record_bytes(&self, incarnation: &Incarnation) -> [u8; 16] {
        self.derive(b"meridian/v1/service-event", incarnation)
    }

    /// 16 bytes for the request id of a record whose form wants one although nobody called.
    pub fn request_bytes(&self, incarnation: &Incarnation) -> [u8; 16] {
        self.derive(b"meridian/v1/service-request", incarnation)
    }

    fn derive(&self, label: &[u8], incarnation: &Incarnation) -> [u8; 16] {
        let mut hash = Sha256::new();
        hash.update(label);
        hash.update(incarnation.bytes());
        hash.update(self.index.to_be_bytes());
        hash.update(self.number.to_be_bytes());
        let hash: [u8; 32] = hash.finalize().into();
        hash.first_chunk::<16>().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_records_differ_by_event_region_and_use() {
        let (here, there) = (Incarnation::from_random([1; 16]), Incarnation::from_random([2; 16]));
        let id = |index, number| ServiceEventId { index, number };
        let all = [
            id(1, 0).record_bytes(&here),
            id(1, 1).record_bytes(&here),
            id(2, 0).record_bytes(&here),
            id(1, 0).record_bytes(&there),
            id(1, 0).request_bytes(&here),
        ];
        for (n, one) in all.iter().enumerate() {
            assert!(!all[n + 1..].contains(one));
        }
        assert_eq!(id(1, 0).record_bytes(&here), all[0]);
    }
}
