//! One Region's consensus group: openraft types, the log, the applied state, snapshots.
//!
//! Knows nothing of the network (kms-transport) and nothing of requests (kms-node). What must survive lives in
//! a log of our own, what can be rebuilt lives in sled (docs/adr/0002-storage.md).

mod snapshot_file;
mod types;

pub use snapshot_file::SnapshotFile;
pub use types::{
    AppendRequest, AppendResponse, Entry, LeaderId, LogId, Peer, SnapshotMeta, StoredMembership, TypeConfig, Vote,
    VoteRequest, VoteResponse,
};
