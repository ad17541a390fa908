//! The ordered map that the applied state is stored in, behind a trait: sled in a node, memory in a simulation.
//!
//! Deliberately absent: what is in it, and whether it is to be trusted (`applied_store.rs`).

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Values to set, and keys to remove where there is none.
pub type StateBatch = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Opens and sets aside stored states.
pub trait StateEngine: Send + Sync {
    /// Opens or creates the one in `dir`, readable from end to end.
    fn open(&self, dir: &Path) -> io::Result<Box<dyn StateTree>>;
    /// Moves the one in `dir` away, so that the next `open` finds nothing; returns where to.
    fn set_aside(&self, dir: &Path) -> io::Result<PathBuf>;
}

/// One stored state.
pub trait StateTree: Send + Sync {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> io::Result<Option<Vec<u8>>>;
    /// Everything, by key.
    fn scan(&self) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>>;
    /// Carries out a batch: after a crash all of it is there, or none.
    fn apply(&self, batch: StateBatch) -> io::Result<()>;
    /// Returns once every batch so far would survive a power cut.
    fn sync(&self) -> io::Result<()>;
}

/// All state is in memory as well; sled's own cache only has to carry the write path.
const CACHE_BYTES: u64 = 32 << 20;

/// sled; the only module that knows it.
pub(crate) struct Sled;

impl StateEngine for Sled {
    /// sled can panic on what a power cut left. Where panics unwind they are caught; where they abort, the file that
    /// is still there at the next start says so.
    fn open(&self, dir: &Path) -> io::Result<Box<dyn StateTree>> {
        let marker = dir.with_extension("opening");
        if marker.exists() {
            std::fs::remove_file(&marker)?;
            return Err(io::Error::other("the process ended while sled opened"));
        }
        File::create(&marker)?;
        let opened = catch_unwind(AssertUnwindSafe(|| SledTree::open(dir)));
        std::fs::remove_file(&marker)?;
        match opened {
            Ok(tree) => Ok(Box::new(tree?)),
            Err(_) => Err(io::Error::other("sled panicked while it opened")),
        }
    }

    /// Renames the directory to the first free `state.broken-<n>`.
    fn set_aside(&self, dir: &Path) -> io::Result<PathBuf> {
        let free = (1u32..).map(|n| dir.with_extension(format!("broken-{n}"))).find(|p| !p.exists());
        let aside = free.ok_or(io::ErrorKind::AlreadyExists)?;
        if dir.exists() {
            std::fs::rename(dir, &aside)?;
        }
        Ok(aside)
    }
}

struct SledTree {
    db: sled::Db,
    tree: sled::Tree,
    dir: PathBuf,
}

impl SledTree {
    fn open(dir: &Path) -> io::Result<Self> {
        let db = sled::Config::new().path(dir).cache_capacity(CACHE_BYTES).open()?;
        let tree = db.open_tree("applied")?;
        // Reading everything here keeps sled's panics on damaged pages inside the guard.
        tree.iter().try_for_each(|item| item.map(drop))?;
        Ok(Self { db, tree, dir: dir.to_owned() })
    }
}

impl StateTree for SledTree {
    fn get(&self, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        Ok(self.tree.get(key)?.map(|value| value.to_vec()))
    }

    fn scan(&self) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        self.tree.iter().map(|item| Ok(item.map(|(key, value)| (key.to_vec(), value.to_vec()))?)).collect()
    }

    fn apply(&self, changes: StateBatch) -> io::Result<()> {
        let mut batch = sled::Batch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        Ok(self.tree.apply_batch(batch)?)
    }

    /// Flushes sled, then fsyncs its files: without the second step acknowledged batches were lost in 30 of 32 power
    /// cuts (docs/adr/0002-storage.md).
    fn sync(&self) -> io::Result<()> {
        self.db.flush()?;
        sync_tree(&self.dir)
    }
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
