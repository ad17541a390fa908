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
use crate::segment_log::{Coverage, LogError, LogOptions, RealDisk, SegmentLog};
use crate::snapshot_store::SnapshotStore;
use crate::{FatalHook, LogStore, SnapshotInbox, StateMachine, fatal};
use kms_types::NodeId;
use std::fs::{File, TryLockError};
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
        let disk = Arc::new(RealDisk);
        Self::open_sized(
            dir,
            node,
            LogOptions { disk, fatal, segment_bytes: SEGMENT_BYTES, cache_bytes: CACHE_BYTES },
        )
    }

    pub(crate) fn open_sized(dir: &Path, node: NodeId, options: LogOptions) -> Result<Self, StorageError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| StorageError::Io { path, source }
        };
        let log_dir = dir.join("log");
        std::fs::create_dir_all(&log_dir).map_err(at(&log_dir))?;
        let lock = Arc::new(lock(dir)?);
        let (coverage, fatal) = (Coverage::default(), options.fatal.clone());
        let snapshots_dir = dir.join("snapshots");
        let snapshots = SnapshotStore::open(&snapshots_dir, coverage.clone()).map_err(at(&snapshots_dir))?;
        sync_dir(dir).map_err(at(dir))?;
        let newest = snapshots.newest().map_err(at(&snapshots_dir))?;
        let log = SegmentLog::open(&log_dir, node, options, coverage)?;
        let state_dir = dir.join("state");
        let (store, applied) = open_state(&state_dir, &log, newest).map_err(at(&state_dir))?;
        check_gap(&log, &applied)?;
        let inbox = snapshots.inbox();
        let machine = StateMachine::new(applied, store, snapshots, fatal, lock.clone());
        Ok(Self { applied: machine.subscribe(), log: LogStore::new(log, lock), machine, inbox })
    }
}

/// The stored state, or the newest snapshot where that is ahead of it. openraft applies the rest of the log.
fn open_state(dir: &Path, log: &SegmentLog, newest: Option<Applied>) -> io::Result<(AppliedStore, Applied)> {
    let covered = newest.as_ref().and_then(|s| s.log_id);
    let (store, applied) = AppliedStore::open(dir, |mark| check_agrees(mark, log, covered))?;
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

fn lock(dir: &Path) -> Result<File, StorageError> {
    let path = dir.join("lock");
    let at = |source| StorageError::Io { path: path.clone(), source };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(at)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StorageError::InUse { path: dir.to_owned() }),
        Err(TryLockError::Error(source)) => Err(StorageError::Io { path, source }),
    }
}

/// The subdirectories themselves must survive, and so must the directory that was just created.
fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()?;
    match dir.parent().filter(|p| !p.as_os_str().is_empty()) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}
