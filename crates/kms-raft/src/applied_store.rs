//! The applied state in sled: one batch per group of entries, holding the changes and the mark.
//!
//! Holds nothing that cannot be rebuilt from snapshot and log, so a store that does not open, has lost a record, or
//! says what the log does not, is set aside and never repaired. The only module that knows sled.

use crate::applied::{Applied, AppliedMark};
use kms_state::{Change, DecodeError, State};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    #[error("records were lost or changed")]
    SumMismatch,
    #[error("it is at {0}, which neither the log nor a snapshot contains")]
    Ahead(String),
}

/// The store; clones share it.
#[derive(Clone)]
pub(crate) struct AppliedStore {
    db: sled::Db,
    tree: sled::Tree,
    dir: PathBuf,
    sum: Arc<Mutex<Sum>>,
}

/// A hash of the set of records that follows each change: the wrapping sum of the records' hashes. It finds what sled
/// lost without an error; it need not resist an attacker, who could rewrite both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Sum(u128);

impl Sum {
    fn add(&mut self, key: &[u8], value: &[u8]) {
        self.0 = self.0.wrapping_add(record_hash(key, value));
    }

    fn subtract(&mut self, key: &[u8], value: &[u8]) {
        self.0 = self.0.wrapping_sub(record_hash(key, value));
    }
}

fn record_hash(key: &[u8], value: &[u8]) -> u128 {
    let mut hash = Sha256::new();
    hash.update((key.len() as u64).to_le_bytes());
    hash.update(key);
    hash.update(value);
    let hash: [u8; 32] = hash.finalize().into();
    hash.first_chunk::<16>().map_or(0, |half| u128::from_le_bytes(*half))
}

/// The mark as stored, written in the same batch as the records it sums up.
#[derive(Serialize, Deserialize)]
struct StoredMark {
    mark: AppliedMark,
    sum: Sum,
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
        Ok(Self { db, tree, dir: dir.to_owned(), sum: Arc::default() })
    }

    fn load(&self) -> Result<Applied, AppliedStoreError> {
        let mut records = Vec::new();
        let mut stored = None;
        let mut sum = Sum::default();
        for item in &self.tree {
            let (key, value) = item?;
            match key.split_first() {
                Some((&RECORD_PREFIX, record)) => {
                    sum.add(&key, &value);
                    records.push((record.to_vec(), value.to_vec()));
                }
                _ if &*key == MARK_KEY => stored = Some(kms_state::decode::<StoredMark>(&value)?),
                _ => return Err(AppliedStoreError::UnknownKey),
            }
        }
        *self.sum() = sum;
        match stored {
            None if records.is_empty() => Ok(Applied::default()),
            None => Err(AppliedStoreError::Unmarked),
            Some(stored) if stored.sum != sum => Err(AppliedStoreError::SumMismatch),
            Some(stored) => Ok(Applied::new(stored.mark, State::restore(records)?)),
        }
    }

    /// Writes one group of entries: all of it or, after a crash, none.
    pub(crate) fn write(&self, changes: Vec<Change>, mark: &AppliedMark) -> io::Result<()> {
        let mut batch = sled::Batch::default();
        let mut sum = self.sum();
        for (key, value) in last_of_each(changes) {
            if let Some(old) = self.tree.get(&key)? {
                sum.subtract(&key, &old);
            }
            match value {
                Some(value) => {
                    sum.add(&key, &value);
                    batch.insert(key, value);
                }
                None => batch.remove(key),
            }
        }
        batch.insert(MARK_KEY, kms_state::encode(&StoredMark { mark: mark.clone(), sum: *sum }));
        Ok(self.tree.apply_batch(batch)?)
    }

    /// Replaces everything in one batch (A6).
    pub(crate) fn replace(&self, applied: &Applied) -> io::Result<()> {
        let mut batch = sled::Batch::default();
        let mut sum = Sum::default();
        for key in self.tree.iter().keys() {
            batch.remove(key?);
        }
        for (key, value) in applied.state.records() {
            let key = record_key(&key);
            sum.add(&key, &value);
            batch.insert(key, value);
        }
        batch.insert(MARK_KEY, kms_state::encode(&StoredMark { mark: applied.mark(), sum }));
        *self.sum() = sum;
        self.tree.apply_batch(batch)?;
        self.sync()
    }

    fn sum(&self) -> MutexGuard<'_, Sum> {
        self.sum.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Flushes sled, then fsyncs its files: without the second step acknowledged batches were lost in 30 of 32 power
    /// cuts (docs/adr/0002-storage.md).
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.db.flush()?;
        sync_tree(&self.dir)
    }
}

/// One change per record, the last: within a batch sled keeps no order.
fn last_of_each(changes: Vec<Change>) -> BTreeMap<Vec<u8>, Option<Vec<u8>>> {
    changes.into_iter().map(|change| (record_key(&change.key), change.value)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn change(key: &[u8], value: Option<&[u8]>) -> Change {
        Change { key: key.to_vec(), value: value.map(<[u8]>::to_vec) }
    }

    /// Sums are checked before records are decoded, so any bytes will do.
    #[test]
    fn a_silently_lost_or_changed_record_is_noticed() {
        let dir = TempDir::new().unwrap();
        let dir = dir.path().join("state");
        let (store, _) = AppliedStore::open_existing(&dir).unwrap();
        let mark = AppliedMark::default();
        store.write(vec![change(b"a", Some(b"1")), change(b"b", Some(b"2"))], &mark).unwrap();
        store
            .write(vec![change(b"b", Some(b"3")), change(b"c", Some(b"4")), change(b"c", None)], &mark)
            .unwrap();
        let intact = store.load();
        assert!(
            matches!(intact, Err(AppliedStoreError::Decode(_))),
            "the sum holds, the bytes are no records"
        );
        let old = store.tree.insert(record_key(b"b"), b"2").unwrap();
        assert!(matches!(store.load(), Err(AppliedStoreError::SumMismatch)));
        store.tree.insert(record_key(b"b"), old.unwrap()).unwrap();
        store.tree.remove(record_key(b"a")).unwrap();
        assert!(matches!(store.load(), Err(AppliedStoreError::SumMismatch)));
        drop(store);
        let (_, applied) = AppliedStore::open(&dir, |_| Ok(())).unwrap();
        assert_eq!(applied.log_id, None);
        assert!(dir.with_extension("broken-1").exists());
    }
}
