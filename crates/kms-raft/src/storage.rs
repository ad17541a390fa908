//! Opens everything a node keeps on disk and makes the parts agree.
//!
//! ```text
//! <dir>/lock                     held while the process lives
//! <dir>/log/log-00000001.seg     must not be lost: refuses to open when damaged
//! <dir>/snapshots/snapshot-42.snap
//! <dir>/state/                   sled; rebuilt from the two above when in doubt
//! ```

use crate::applied::{Applied, AppliedMark};
use crate::applied_store::{AppliedStore, AppliedStoreError};
use crate::disk::{DirLock, Disk, RealDisk};
use crate::segment_log::{Coverage, LogError, LogOptions, LogWriter, SegmentLog};
use crate::snapshot_store::SnapshotStore;
use crate::state_engine::{Sled, StateEngine};
use crate::{FatalHook, LogStore, SnapshotInbox, StateMachine, fatal};
use kms_types::NodeId;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;

const SEGMENT_BYTES: u64 = 16 << 20;
const CACHE_BYTES: usize = 32 << 20;

/// Everything openraft needs of one node, and what reads are served from.
pub struct Storage {
    /// For `openraft::Raft::new`.
    pub log: LogStore,
    /// For `openraft::Raft::new`.
    pub machine: StateMachine,
    /// The newest applied state.
    pub applied: watch::Receiver<Arc<Applied>>,
    /// Where the transport puts snapshots it receives.
    pub inbox: SnapshotInbox,
}

/// What a node's storage stands on.
#[derive(Clone)]
pub struct StorageOptions {
    /// Where the files are.
    pub disk: Arc<dyn Disk>,
    /// Where the applied state is.
    pub engine: Arc<dyn StateEngine>,
    /// Called when a write failed.
    pub fatal: FatalHook,
    /// Who writes the log.
    pub writer: LogWriter,
    /// A log file that has reached this size gets no more batches.
    pub segment_bytes: u64,
    /// How much of the newest entries stays in memory.
    pub cache_bytes: usize,
}

impl Default for StorageOptions {
    /// The real disk, sled, and a process that ends when a write fails.
    fn default() -> Self {
        Self {
            disk: Arc::new(RealDisk),
            engine: Arc::new(Sled),
            fatal: fatal::exit_process(),
            writer: LogWriter::Thread,
            segment_bytes: SEGMENT_BYTES,
            cache_bytes: CACHE_BYTES,
        }
    }
}

/// Why a node's directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The operating system refused.
    #[error("cannot use `{}`", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The refusal.
        #[source]
        source: io::Error,
    },
    /// Another process holds it.
    #[error("`{}` is in use by another process", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The log cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log begins after the end of every stored state: entries between are gone.
    #[error("the log begins after entry {purged}, the stored state ends with entry {applied}")]
    Gap {
        /// Last entry that is not in the log.
        purged: u64,
        /// Last entry that is in the state; zero for none.
        applied: u64,
    },
}

impl Storage {
    /// Opens or creates the storage of `node` in `dir`. Blocks on the disk; a failed write later ends the process.
    ///
    /// Within one process the directory stays in use until openraft's tasks are gone, shortly after `shutdown`.
    pub fn open(dir: &Path, node: NodeId) -> Result<Self, StorageError> {
        Self::open_with(dir, node, fatal::exit_process())
    }

    /// As [`Storage::open`], with another way to end.
    pub fn open_with(dir: &Path, node: NodeId, fatal: FatalHook) -> Result<Self, StorageError> {
        Self::open_on(dir, node, StorageOptions { fatal, ..StorageOptions::default() })
    }

    /// As [`Storage::open`], on another disk, with other sizes.
    pub fn open_on(dir: &Path, node: NodeId, options: StorageOptions) -> Result<Self, StorageError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| StorageError::Io { path, source }
        };
        let log_dir = dir.join("log");
        let StorageOptions { disk, engine, fatal, writer, segment_bytes, cache_bytes } = options;
        disk.create_dir(&log_dir).map_err(at(&log_dir))?;
        let lock = lock(&*disk, dir)?;
        let coverage = Coverage::default();
        let snapshots_dir = dir.join("snapshots");
        let snapshots = SnapshotStore::open(disk.clone(), &snapshots_dir, coverage.clone())
            .map_err(at(&snapshots_dir))?;
        sync_dir(&*disk, dir).map_err(at(dir))?;
        let newest = snapshots.newest().map_err(at(&snapshots_dir))?;
        let options = LogOptions { disk, fatal: fatal.clone(), writer, segment_bytes, cache_bytes };
        let log = SegmentLog::open(&log_dir, node, options, coverage)?;
        let state_dir = dir.join("state");
        let (store, applied) = open_state(&*engine, &state_dir, &log, newest).map_err(at(&state_dir))?;
        check_gap(&log, &applied)?;
        let inbox = snapshots.inbox();
        let machine = StateMachine::new(applied, store, snapshots, fatal, lock.clone());
        Ok(Self { applied: machine.subscribe(), log: LogStore::new(log, lock), machine, inbox })
    }
}

/// The stored state, or the newest snapshot where that is ahead of it. openraft applies the rest of the log.
fn open_state(
    engine: &dyn StateEngine,
    dir: &Path,
    log: &SegmentLog,
    newest: Option<Applied>,
) -> io::Result<(AppliedStore, Applied)> {
    let covered = newest.as_ref().and_then(|s| s.log_id);
    let (store, applied) = AppliedStore::open(engine, dir, |mark| check_agrees(mark, log, covered))?;
    match newest.filter(|snapshot| snapshot.log_id > applied.log_id) {
        Some(snapshot) => {
            store.replace(&snapshot)?;
            Ok((store, snapshot))
        }
        None => Ok((store, applied)),
    }
}

/// A stored state must end with an entry that the log or a snapshot vouches for.
fn check_agrees(
    mark: &AppliedMark,
    log: &SegmentLog,
    covered: Option<crate::LogId>,
) -> Result<(), AppliedStoreError> {
    let Some(applied) = mark.log_id else { return Ok(()) };
    let index = log.index();
    let known = match index.slot(applied.index) {
        Some(slot) => slot.log_id == applied,
        None => covered.max(index.purged).is_some_and(|c| applied <= c),
    };
    match known {
        true => Ok(()),
        false => Err(AppliedStoreError::Ahead(applied.to_string())),
    }
}

/// The log must reach back to the state, or entries would be skipped.
fn check_gap(log: &SegmentLog, applied: &Applied) -> Result<(), StorageError> {
    let purged = log.index().purged;
    match purged.filter(|p| Some(*p) > applied.log_id) {
        Some(purged) => Err(StorageError::Gap { purged: purged.index, applied: applied.index }),
        None => Ok(()),
    }
}

fn lock(disk: &dyn Disk, dir: &Path) -> Result<DirLock, StorageError> {
    let path = dir.join("lock");
    match disk.lock(&path) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(StorageError::InUse { path: dir.to_owned() }),
        Err(source) => Err(StorageError::Io { path, source }),
    }
}

/// The subdirectories themselves must survive, and so must the directory that was just created.
fn sync_dir(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    disk.sync_dir(dir)?;
    match dir.parent().filter(|p| !p.as_os_str().is_empty()) {
        Some(parent) => disk.sync_dir(parent),
        None => disk.sync_dir(Path::new(".")),
    }
}
