//! The applied state as stored: one batch per group of entries, holding the changes and the mark.
//!
//! Holds nothing that cannot be rebuilt from snapshot and log, so a store that does not open, has lost a record, or
//! says what the log does not, is set aside and never repaired.

use crate::applied::{Applied, AppliedMark};
use crate::state_engine::{StateBatch, StateEngine, StateTree};
use kms_state::{Change, DecodeError, State};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const MARK_KEY: &[u8] = b"m";
const RECORD_PREFIX: u8 = b'r';

/// Why a stored state is not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppliedStoreError {
    #[error("it does not open: {0}")]
    Engine(#[from] io::Error),
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
    tree: Arc<dyn StateTree>,
    sum: Arc<Mutex<Sum>>,
}

/// A hash of the set of records that follows each change: the wrapping sum of the records' hashes. It finds what the
/// engine lost without an error; it need not resist an attacker, who could rewrite both.
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
        engine: &dyn StateEngine,
        dir: &Path,
        check: impl FnOnce(&AppliedMark) -> Result<(), AppliedStoreError>,
    ) -> io::Result<(Self, Applied)> {
        match Self::open_existing(engine, dir)
            .and_then(|(store, applied)| check(&applied.mark()).map(|()| (store, applied)))
        {
            Ok(opened) => Ok(opened),
            Err(reason) => {
                let aside = engine.set_aside(dir)?;
                tracing::warn!(%reason, aside = %aside.display(), "stored state set aside, rebuilding it");
                Self::open_existing(engine, dir).map_err(io::Error::other)
            }
        }
    }

    fn open_existing(engine: &dyn StateEngine, dir: &Path) -> Result<(Self, Applied), AppliedStoreError> {
        let store = Self { tree: engine.open(dir)?.into(), sum: Arc::default() };
        let applied = store.load()?;
        Ok((store, applied))
    }

    fn load(&self) -> Result<Applied, AppliedStoreError> {
        let mut records = Vec::new();
        let mut stored = None;
        let mut sum = Sum::default();
        for (key, value) in self.tree.scan()? {
            match key.split_first() {
                Some((&RECORD_PREFIX, record)) => {
                    sum.add(&key, &value);
                    records.push((record.to_vec(), value));
                }
                _ if key == MARK_KEY => stored = Some(kms_state::decode::<StoredMark>(&value)?),
                _ => return Err(AppliedStoreError::UnknownKey),
            }
        }
        *self.sum() = sum;
        match stored {
            None if records.is_empty() => Ok(Applied::default()),
            None => Err(AppliedStoreError::Unmarked),
            Some(stored) if stored.sum != sum && !seeded!(TrustStoredState) => {
                Err(AppliedStoreError::SumMismatch)
            }
            Some(stored) => Ok(Applied::new(stored.mark, State::restore(records)?)),
        }
    }

    /// Writes one group of entries: all of it or, after a crash, none.
    pub(crate) fn write(&self, changes: Vec<Change>, mark: &AppliedMark) -> io::Result<()> {
        let mut batch = StateBatch::new();
        let mut sum = self.sum();
        for (key, value) in last_of_each(changes) {
            if let Some(old) = self.tree.get(&key)? {
                sum.subtract(&key, &old);
            }
            if let Some(value) = &value {
                sum.add(&key, value);
            }
            batch.insert(key, value);
        }
        let mark = StoredMark { mark: mark.clone(), sum: *sum };
        batch.insert(MARK_KEY.to_vec(), Some(kms_state::encode(&mark)));
        self.tree.apply(batch)
    }

    /// Replaces everything in one batch (A6).
    pub(crate) fn replace(&self, applied: &Applied) -> io::Result<()> {
        let mut sum = Sum::default();
        let mut batch: StateBatch = self.tree.scan()?.into_iter().map(|(key, _)| (key, None)).collect();
        for (key, value) in applied.state.records() {
            let key = record_key(&key);
            sum.add(&key, &value);
            batch.insert(key, Some(value));
        }
        let mark = StoredMark { mark: applied.mark(), sum };
        batch.insert(MARK_KEY.to_vec(), Some(kms_state::encode(&mark)));
        *self.sum() = sum;
        self.tree.apply(batch)?;
        self.sync()
    }

    fn sum(&self) -> MutexGuard<'_, Sum> {
        self.sum.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns once every batch so far would survive a power cut.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.tree.sync()
    }
}

/// One change per record, the last: a batch keeps no order.
fn last_of_each(changes: Vec<Change>) -> BTreeMap<Vec<u8>, Option<Vec<u8>>> {
    changes.into_iter().map(|change| (record_key(&change.key), change.value)).collect()
}

fn record_key(key: &[u8]) -> Vec<u8> {
    let mut prefixed = Vec::with_capacity(key.len() + 1);
    prefixed.push(RECORD_PREFIX);
    prefixed.extend_from_slice(key);
    prefixed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state_engine::Sled;
    use tempfile::TempDir;

    fn change(key: &[u8], value: Option<&[u8]>) -> Change {
        Change { key: key.to_vec(), value: value.map(<[u8]>::to_vec) }
    }

    fn put(store: &AppliedStore, key: &[u8], value: Option<&[u8]>) {
        store.tree.apply([(record_key(key), value.map(<[u8]>::to_vec))].into()).unwrap();
    }

    /// Sums are checked before records are decoded, so any bytes will do.
    #[test]
    fn a_silently_lost_or_changed_record_is_noticed() {
        let dir = TempDir::new().unwrap();
        let dir = dir.path().join("state");
        let (store, _) = AppliedStore::open_existing(&Sled, &dir).unwrap();
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
        put(&store, b"b", Some(b"2"));
        assert!(matches!(store.load(), Err(AppliedStoreError::SumMismatch)));
        put(&store, b"b", Some(b"3"));
        put(&store, b"a", None);
        assert!(matches!(store.load(), Err(AppliedStoreError::SumMismatch)));
        drop(store);
        let (_, applied) = AppliedStore::open(&Sled, &dir, |_| Ok(())).unwrap();
        assert_eq!(applied.log_id, None);
        assert!(dir.with_extension("broken-1").exists());
    }
}
