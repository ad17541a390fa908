//! One Region's consensus group: openraft types, the log, the applied state, snapshots.
//!
//! Knows nothing of the network (kms-transport) and nothing of requests (kms-node). What must survive lives in
//! a log of our own, what can be rebuilt lives in sled (docs/adr/0002-storage.md).

/// True while a known bug is built in, which only kms-sim's feature `seeded-bugs` can do.
#[cfg(feature = "seeded-bugs")]
macro_rules! seeded {
    ($bug:ident) => {
        $crate::seeded::is($crate::seeded::Bug::$bug)
    };
}
#[cfg(not(feature = "seeded-bugs"))]
macro_rules! seeded {
    ($bug:ident) => {
        false
    };
}

mod applied;
mod applied_store;
mod config;
mod disk;
mod fatal;
mod log_store;
mod runtime;
#[cfg(feature = "seeded-bugs")]
pub mod seeded;
mod segment_log;
#[cfg(feature = "simulation")]
pub mod simulation;
mod snapshot_file;
mod snapshot_format;
mod snapshot_store;
mod standing;
mod standings;
mod state_engine;
mod state_machine;
mod storage;
#[cfg(test)]
mod tests;
mod types;

pub use applied::Applied;
pub use config::{Tuning, raft_config};
pub use disk::{DirLock, Disk, DiskFile, DiskRead};
pub use fatal::{FATAL_EXIT_CODE, FatalHook, exit_process};
pub use log_store::LogStore;
pub use runtime::{Runtime, blocking};
pub use segment_log::{LogError, LogWriter, MAX_ENTRY_BYTES, proposal_fits};
pub use snapshot_file::SnapshotFile;
pub use snapshot_format::SnapshotError;
pub use snapshot_store::SnapshotInbox;
pub use standing::{Boot, Forgotten, NodeIncarnation, Seen, Standing};
pub use standings::Standings;
pub use state_engine::{StateBatch, StateEngine, StateTree};
pub use state_machine::{SnapshotBuilder, StateMachine};
pub use storage::{Storage, StorageError, StorageOptions};
pub use types::{
    AppendRequest, AppendResponse, Entry, LeaderId, LogId, Peer, Raft, SnapshotMeta, StoredMembership,
    TypeConfig, Vote, VoteRequest, VoteResponse,
};
