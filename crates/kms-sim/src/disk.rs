//! A node's disk in memory: what an fsync covered stays, what none covered may be lost, torn or out of order after a
//! power cut.
//!
//! ```text
//! file      bytes up to `synced` survive; of the sectors behind it any subset, each whole or zero
//! names     creations, renames and removals are a journal; fsync of the directory writes it, a cut keeps a prefix
//! state     batches of the applied state; a cut keeps those that were flushed and a prefix of the others, and rarely
//!           loses a record without saying so, as sled was seen to do
//! ```

use crate::draw::Draw;
use kms_raft::{DirLock, Disk, DiskFile, DiskRead, StateBatch, StateEngine, StateTree};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

const SECTOR_BYTES: usize = 512;
/// In how many of a thousand power cuts with unflushed batches the stored state loses a record silently.
const SILENT_LOSS_PERMILLE: u64 = 150;

/// A disk; clones share it. It outlives the processes that use it.
#[derive(Clone)]
pub(crate) struct SimDisk(Arc<Mutex<Medium>>);

type FileNumber = u64;

#[derive(Debug, Clone, Default)]
struct FileContent {
    bytes: Vec<u8>,
    synced: usize,
}

#[derive(Debug, Clone)]
enum NameChange {
    Set(PathBuf, FileNumber),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
}

#[derive(Debug, Clone, Default)]
struct StoredState {
    flushed: BTreeMap<Vec<u8>, Vec<u8>>,
    current: BTreeMap<Vec<u8>, Vec<u8>>,
    unflushed: Vec<StateBatch>,
}

/// What is on a disk, to go back to.
#[derive(Debug, Clone, Default)]
pub(crate) struct DiskImage {
    files: BTreeMap<FileNumber, FileContent>,
    names: BTreeMap<PathBuf, FileNumber>,
    states: BTreeMap<PathBuf, StoredState>,
}

struct Medium {
    files: BTreeMap<FileNumber, FileContent>,
    names: BTreeMap<PathBuf, FileNumber>,
    durable_names: BTreeMap<PathBuf, FileNumber>,
    journal: Vec<NameChange>,
    states: BTreeMap<PathBuf, StoredState>,
    locks: BTreeMap<PathBuf, Weak<()>>,
    next_file: FileNumber,
    /// Nothing works any more until the next start.
    off: bool,
    full: bool,
    slow: bool,
    /// The power goes after so many more operations.
    cut_after: Option<u64>,
    draw: Draw,
    /// What was lost in power cuts so far.
    lost_bytes: u64,
    torn_writes: u64,
}

impl SimDisk {
    pub(crate) fn new(draw: Draw) -> Self {
        Self(Arc::new(Mutex::new(Medium {
            files: BTreeMap::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            journal: Vec::new(),
            states: BTreeMap::new(),
            locks: BTreeMap::new(),
            next_file: 0,
            off: false,
            full: false,
            slow: false,
            cut_after: None,
            draw,
            lost_bytes: 0,
            torn_writes: 0,
        })))
    }

    fn medium(&self) -> MutexGuard<'_, Medium> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The process that used the disk is ending: what its remains still do has no effect.
    pub(crate) fn detach(&self) {
        self.medium().off = true;
    }

    /// After a kill: everything written is there.
    pub(crate) fn survive_kill(&self) {
        let mut medium = self.medium();
        (medium.off, medium.cut_after) = (false, None);
    }

    /// After a power cut: what no fsync covered may be gone.
    pub(crate) fn survive_power_cut(&self) {
        self.medium().cut_power();
    }

    /// The power goes in the middle of what the disk does, so many operations from now.
    pub(crate) fn cut_after(&self, operations: u64) {
        self.medium().cut_after = Some(operations);
    }

    /// It does not go after all.
    pub(crate) fn disarm(&self) {
        self.medium().cut_after = None;
    }

    pub(crate) fn set_full(&self, full: bool) {
        self.medium().full = full;
    }

    /// True while it refuses what it is asked: a node that ends then has a reason.
    pub(crate) fn is_failing(&self) -> bool {
        let medium = self.medium();
        medium.off || medium.full
    }

    pub(crate) fn set_slow(&self, slow: bool) {
        self.medium().slow = slow;
    }

    /// How long the next write of the log takes.
    pub(crate) fn delay(&self) -> Duration {
        let mut medium = self.medium();
        let (low, high) = if medium.slow { (30, 300) } else { (0, 3) };
        Duration::from_millis(medium.draw.between(low, high))
    }

    /// Flips a bit of what is stored in some log file; false when there is none.
    pub(crate) fn rot(&self) -> bool {
        let mut medium = self.medium();
        let logs: Vec<FileNumber> = {
            let log = |path: &Path| path.extension().is_some_and(|e| e == "seg");
            medium.names.iter().filter(|(path, _)| log(path)).map(|(_, number)| *number).collect()
        };
        let Some(number) = medium.draw.pick(&logs).copied() else { return false };
        let len = medium.files.get(&number).map_or(0, |file| file.bytes.len());
        let at = usize::try_from(medium.draw.below(len as u64)).unwrap_or(0);
        let bit = medium.draw.below(8);
        let byte = medium.files.get_mut(&number).and_then(|file| file.bytes.get_mut(at));
        byte.map(|byte| *byte ^= 1 << bit).is_some()
    }

    /// Everything as it is, when no process runs on it.
    pub(crate) fn image(&self) -> DiskImage {
        let medium = self.medium();
        let (files, names, states) = (medium.files.clone(), medium.names.clone(), medium.states.clone());
        DiskImage { files, names, states }
    }

    /// Back to an earlier image.
    pub(crate) fn restore(&self, image: DiskImage) {
        let mut medium = self.medium();
        (medium.files, medium.states) = (image.files, image.states);
        medium.durable_names = image.names.clone();
        medium.names = image.names;
        medium.journal.clear();
    }

    /// An empty disk in its place.
    pub(crate) fn wipe(&self) {
        self.restore(DiskImage::default());
    }

    /// Bytes and torn writes lost in power cuts so far.
    pub(crate) fn losses(&self) -> (u64, u64) {
        let medium = self.medium();
        (medium.lost_bytes, medium.torn_writes)
    }
}

fn power_lost() -> io::Error {
    io::Error::other("the power is gone")
}

fn disk_full() -> io::Error {
    io::Error::from(io::ErrorKind::StorageFull)
}

fn not_found() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

impl Medium {
    /// One operation begins; fails once the power is gone.
    fn operate(&mut self) -> io::Result<()> {
        if self.off {
            return Err(power_lost());
        }
        match self.cut_after {
            Some(0) => {
                self.off = true;
                Err(power_lost())
            }
            Some(left) => {
                self.cut_after = Some(left - 1);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn number(&self, path: &Path) -> io::Result<FileNumber> {
        self.names.get(path).copied().ok_or_else(not_found)
    }

    fn file(&mut self, number: FileNumber) -> io::Result<&mut FileContent> {
        self.files.get_mut(&number).ok_or_else(not_found)
    }

    fn change(&mut self, change: NameChange) {
        apply_name(&mut self.names, &change);
        self.journal.push(change);
    }

    fn cut_power(&mut self) {
        (self.off, self.cut_after) = (false, None);
        let kept = usize::try_from(self.draw.below(self.journal.len() as u64 + 1)).unwrap_or(0);
        for change in self.journal.drain(..).take(kept) {
            apply_name(&mut self.durable_names, &change);
        }
        self.names = self.durable_names.clone();
        let named: std::collections::BTreeSet<FileNumber> = self.names.values().copied().collect();
        self.files.retain(|number, _| named.contains(number));
        let mut files = std::mem::take(&mut self.files);
        files.values_mut().for_each(|file| self.tear(file));
        self.files = files;
        let mut states = std::mem::take(&mut self.states);
        states.values_mut().for_each(|state| self.lose(state));
        self.states = states;
    }

    /// Of the sectors that no fsync covered, any subset was written.
    fn tear(&mut self, file: &mut FileContent) {
        let unsynced = file.bytes.len() - file.synced;
        if unsynced > 0 {
            self.torn_writes += 1;
            let (mut end, synced) = (file.synced, file.synced);
            let tail = file.bytes.split_at_mut(synced).1;
            for (i, sector) in tail.chunks_mut(SECTOR_BYTES).enumerate() {
                match self.draw.chance(500) {
                    true => end = synced + i * SECTOR_BYTES + sector.len(),
                    false => {
                        self.lost_bytes += sector.len() as u64;
                        sector.fill(0);
                    }
                }
            }
            // The new length may have been written, or only as far as there are sectors.
            if self.draw.chance(700) {
                file.bytes.truncate(end);
            }
        }
        file.synced = file.bytes.len();
    }

    fn lose(&mut self, state: &mut StoredState) {
        let unflushed = std::mem::take(&mut state.unflushed);
        let kept = usize::try_from(self.draw.below(unflushed.len() as u64 + 1)).unwrap_or(0);
        let any = !unflushed.is_empty();
        for batch in unflushed.into_iter().take(kept) {
            apply_batch(&mut state.flushed, batch);
        }
        if any && self.draw.chance(SILENT_LOSS_PERMILLE) {
            let keys: Vec<Vec<u8>> = state.flushed.keys().cloned().collect();
            if let Some(key) = self.draw.pick(&keys) {
                state.flushed.remove(key);
            }
        }
        state.current = state.flushed.clone();
    }
}

fn apply_name(names: &mut BTreeMap<PathBuf, FileNumber>, change: &NameChange) {
    match change {
        NameChange::Set(path, number) => drop(names.insert(path.clone(), *number)),
        NameChange::Remove(path) => drop(names.remove(path)),
        NameChange::Rename(from, to) => {
            if let Some(number) = names.remove(from) {
                names.insert(to.clone(), number);
            }
        }
    }
}

fn apply_batch(records: &mut BTreeMap<Vec<u8>, Vec<u8>>, batch: StateBatch) {
    for (key, value) in batch {
        match value {
            Some(value) => drop(records.insert(key, value)),
            None => drop(records.remove(&key)),
        }
    }
}

impl Disk for SimDisk {
    /// Directories are there; what is in them is what counts.
    fn create_dir(&self, _: &Path) -> io::Result<()> {
        self.medium().operate()
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let medium = self.medium();
        let inside = medium.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside.filter_map(|path| path.file_name()?.to_str().map(str::to_owned)).collect())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut medium = self.medium();
        medium.operate()?;
        if medium.full {
            return Err(disk_full());
        }
        medium.next_file += 1;
        let number = medium.next_file;
        medium.files.insert(number, FileContent::default());
        medium.change(NameChange::Set(path.to_owned(), number));
        Ok(Box::new(SimFile { disk: self.clone(), number }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut medium = self.medium();
        medium.operate()?;
        Ok(Box::new(SimFile { disk: self.clone(), number: medium.number(path)? }))
    }

    fn read(&self, path: &Path) -> io::Result<Box<dyn DiskRead>> {
        let medium = self.medium();
        Ok(Box::new(SimFile { disk: self.clone(), number: medium.number(path)? }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut medium = self.medium();
        medium.operate()?;
        medium.number(from)?;
        medium.change(NameChange::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut medium = self.medium();
        medium.operate()?;
        medium.number(path)?;
        medium.change(NameChange::Remove(path.to_owned()));
        Ok(())
    }

    /// The journal is one for the file system, so this writes all of it.
    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        let mut medium = self.medium();
        medium.operate()?;
        medium.durable_names = medium.names.clone();
        medium.journal.clear();
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<DirLock>> {
        let mut medium = self.medium();
        medium.operate()?;
        if medium.locks.get(path).is_some_and(|lock| lock.strong_count() > 0) {
            return Ok(None);
        }
        let lock = Arc::new(());
        medium.locks.insert(path.to_owned(), Arc::downgrade(&lock));
        Ok(Some(lock))
    }
}

struct SimFile {
    disk: SimDisk,
    number: FileNumber,
}

impl DiskFile for SimFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut medium = self.disk.medium();
        if medium.full {
            return Err(disk_full());
        }
        // A write that the power cut interrupts has begun.
        let begun = !medium.off;
        let outcome = medium.operate();
        if begun {
            medium.file(self.number)?.bytes.extend_from_slice(bytes);
        }
        outcome
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut medium = self.disk.medium();
        medium.operate()?;
        let file = medium.file(self.number)?;
        file.synced = file.bytes.len();
        Ok(())
    }

    fn cut(&mut self, len_bytes: u64) -> io::Result<()> {
        let mut medium = self.disk.medium();
        medium.operate()?;
        let file = medium.file(self.number)?;
        file.bytes.truncate(usize::try_from(len_bytes).unwrap_or(usize::MAX));
        file.synced = file.bytes.len();
        Ok(())
    }
}

impl DiskRead for SimFile {
    fn len_bytes(&self) -> io::Result<u64> {
        Ok(self.disk.medium().file(self.number)?.bytes.len() as u64)
    }

    fn read_at(&self, bytes: &mut [u8], offset_bytes: u64) -> io::Result<usize> {
        let mut medium = self.disk.medium();
        let file = medium.file(self.number)?;
        let rest = usize::try_from(offset_bytes).ok().and_then(|at| file.bytes.get(at..)).unwrap_or_default();
        let count = rest.len().min(bytes.len());
        if let (Some(to), Some(from)) = (bytes.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }
}

impl StateEngine for SimDisk {
    fn open(&self, dir: &Path) -> io::Result<Box<dyn StateTree>> {
        let mut medium = self.medium();
        medium.operate()?;
        medium.states.entry(dir.to_owned()).or_default();
        Ok(Box::new(SimTree { disk: self.clone(), dir: dir.to_owned() }))
    }

    fn set_aside(&self, dir: &Path) -> io::Result<PathBuf> {
        let mut medium = self.medium();
        medium.operate()?;
        medium.states.remove(dir);
        Ok(dir.with_extension("broken"))
    }
}

struct SimTree {
    disk: SimDisk,
    dir: PathBuf,
}

impl SimTree {
    fn with<T>(&self, work: impl FnOnce(&mut StoredState) -> T) -> io::Result<T> {
        self.disk.medium().states.get_mut(&self.dir).map(work).ok_or_else(not_found)
    }
}

impl StateTree for SimTree {
    fn get(&self, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        self.with(|state| state.current.get(key).cloned())
    }

    fn scan(&self) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        self.with(|state| state.current.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn apply(&self, batch: StateBatch) -> io::Result<()> {
        self.disk.medium().operate()?;
        self.with(|state| {
            apply_batch(&mut state.current, batch.clone());
            state.unflushed.push(batch);
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.medium().operate()?;
        self.with(|state| {
            state.unflushed.clear();
            state.flushed = state.current.clone();
        })
    }
}
