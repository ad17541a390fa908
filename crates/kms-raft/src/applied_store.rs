//! The applied state in sled: one batch per group of entries, holding the changes and the mark.
//!
//! Holds nothing that cannot be rebuilt from snapshot and log, so a store that does not open, or says what the log
//! does not, is set aside and never repaired. The only module that knows sled.

use crate::applied::{Applied, AppliedMark};
use kms_state::{Change, DecodeError, State};
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

const MARK_KEY: &[u8] = b"m";
const RECORD_PREFIX: u8 = b'r';
/// All state is in memory as well; sled's own cache only has to carry the write path.
const CACHE_BYTES: u64 = 32 << 20;

/// Why a stored state is not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppliedStoreError {
    #[error("sled: {0}")]
    Sled(#[from] sled::Error),
    #[error("sled panicked while it opened")]
    Panicked,
    #[error("the process ended while sled opened")]
    Interrupted,
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error("a record has an unknown key")]
    UnknownKey,
    #[error("records without a mark")]
    Unmarked,
    #[error("it is at {0}, which neither the log nor a snapshot contains")]
    Ahead(String),
}

/// The store; clones share it.
#[derive(Clone)]
pub(crate) struct AppliedStore {
    db: sled::Db,
    tree: sled::Tree,
    dir: PathBuf,
}

impl AppliedStore {
    /// Opens the store in `dir` if what it holds is sound and `check` agrees; otherwise sets it aside and starts
    /// an empty one.
    pub(crate) fn open(
        dir: &Path,
        check: impl FnOnce(&AppliedMark) -> Result<(), AppliedStoreError>,
    ) -> io::Result<(Self, Applied)> {
        match Self::open_existing(dir)
            .and_then(|(store, applied)| check(&applied.mark()).map(|()| (store, applied)))
        {
            Ok(opened) => Ok(opened),
            Err(reason) => {
                let aside = set_aside(dir)?;
                tracing::warn!(%reason, aside = %aside.display(), "stored state set aside, rebuilding it");
                Self::open_existing(dir).map_err(io::Error::other)
            }
        }
    }

    fn open_existing(dir: &Path) -> Result<(Self, Applied), AppliedStoreError> {
        let store = Self::open_guarded(dir)?;
        let applied = store.load()?;
        Ok((store, applied))
    }

    /// sled can panic on what a power cut left. Where panics unwind they are caught; where they abort, the file that
    /// is still there at the next start says so.
    fn open_guarded(dir: &Path) -> Result<Self, AppliedStoreError> {
        let marker = dir.with_extension("opening");
        if marker.exists() {
            remove_marker(&marker)?;
            return Err(AppliedStoreError::Interrupted);
        }
        File::create(&marker).map_err(sled::Error::from)?;
        let opened = catch_unwind(AssertUnwindSafe(|| Self::open_sled(dir)));
        remove_marker(&marker)?;
        opened.map_err(|_| AppliedStoreError::Panicked)?
    }

    fn open_sled(dir: &Path) -> Result<Self, AppliedStoreError> {
        let db = sled::Config::new().path(dir).cache_capacity(CACHE_BYTES).open()?;
        let tree = db.open_tree("applied")?;
        // Reading everything here keeps sled's panics on damaged pages inside the guard.
        tree.iter().try_for_each(|item| item.map(drop))?;
        Ok(Self { db, tree, dir: dir.to_owned() })
    }

    fn load(&self) -> Result<Applied, AppliedStoreError> {
        let mut records = Vec::new();
        let mut mark = None;
        for item in &self.tree {
            let (key, value) = item?;
            match key.split_first() {
                Some((&RECORD_PREFIX, record)) => records.push((record.to_vec(), value.to_vec())),
                _ if &*key == MARK_KEY => mark = Some(kms_state::decode::<AppliedMark>(&value)?),
                _ => return Err(AppliedStoreError::UnknownKey),
            }
        }
        match mark {
            None if records.is_empty() => Ok(Applied::default()),
            None => Err(AppliedStoreError::Unmarked),
            Some(mark) => Ok(Applied::new(mark, State::restore(records)?)),
        }
    }

    /// Writes one group of entries: all of it or, after a crash, none.
    pub(crate) fn write(&self, changes: Vec<Change>, mark: &AppliedMark) -> io::Result<()> {
        let mut batch = sled::Batch::default();
        for Change { key, value } in changes {
            match value {
                Some(value) => batch.insert(record_key(&key), value),
                None => batch.remove(record_key(&key)),
            }
        }
        batch.insert(MARK_KEY, kms_state::encode(mark));
        Ok(self.tree.apply_batch(batch)?)
    }

    /// Replaces everything in one batch (A6).
    pub(crate) fn replace(&self, applied: &Applied) -> io::Result<()> {
        let mut batch = sled::Batch::default();
        for key in self.tree.iter().keys() {
            batch.remove(key?);
        }
        for (key, value) in applied.state.records() {
            batch.insert(record_key(&key), value);
        }
        batch.insert(MARK_KEY, kms_state::encode(&applied.mark()));
        self.tree.apply_batch(batch)?;
        self.sync()
    }

    /// Flushes sled, then fsyncs its files: without the second step acknowledged batches were lost in 30 of 32 power
    /// cuts (docs/adr/0002-storage.md).
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.db.flush()?;
        sync_tree(&self.dir)
    }
}

fn record_key(key: &[u8]) -> Vec<u8> {
    let mut prefixed = Vec::with_capacity(key.len() + 1);
    prefixed.push(RECORD_PREFIX);
    prefixed.extend_from_slice(key);
    prefixed
}

fn remove_marker(marker: &Path) -> Result<(), AppliedStoreError> {
    Ok(std::fs::remove_file(marker).map_err(sled::Error::from)?)
}

fn sync_tree(dir: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => sync_tree(&entry.path())?,
            false => sync_file(&entry.path())?,
        }
    }
    File::open(dir)?.sync_all()
}

/// sled removes its own snapshot files at any time.
fn sync_file(path: &Path) -> io::Result<()> {
    match File::open(path) {
        Ok(file) => file.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Renames the directory to the first free `state.broken-<n>`.
fn set_aside(dir: &Path) -> io::Result<PathBuf> {
    let free = (1u32..).map(|n| dir.with_extension(format!("broken-{n}"))).find(|p| !p.exists());
    let aside = free.ok_or(io::ErrorKind::AlreadyExists)?;
    if dir.exists() {
        std::fs::rename(dir, &aside)?;
    }
    Ok(aside)
}
