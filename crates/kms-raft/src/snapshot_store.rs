//! The snapshot files of a node: `snapshot-<last index>.snap`, written aside, synced, renamed; the last two stay.
//!
//! Does not decide when to take one, nor what becomes of the state.

use crate::SnapshotFile;
use crate::applied::Applied;
use crate::disk::{Appender, Disk, Reader};
use crate::segment_log::Coverage;
use crate::snapshot_file::Origin;
use crate::snapshot_format::{self, Header, SnapshotError};
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many files are kept: the newest, and one in case it turns out damaged.
const KEPT: usize = 2;

/// The files; clones share them.
#[derive(Clone)]
pub(crate) struct SnapshotStore {
    disk: Arc<dyn Disk>,
    dir: Arc<PathBuf>,
    next_part: Arc<AtomicU64>,
    coverage: Coverage,
}

/// Where received snapshots are written until they are installed.
#[derive(Clone)]
pub struct SnapshotInbox(SnapshotStore);

impl SnapshotInbox {
    /// A new, empty file to receive into.
    pub fn receive(&self) -> io::Result<SnapshotFile> {
        SnapshotFile::create(&self.0.disk, &self.0.part_path())
    }
}

impl SnapshotStore {
    /// Opens the directory and sweeps files that were being written.
    pub(crate) fn open(disk: Arc<dyn Disk>, dir: &Path, coverage: Coverage) -> io::Result<Self> {
        disk.create_dir(dir)?;
        for name in disk.list(dir)?.iter().filter(|name| name.ends_with(".part")) {
            disk.remove(&dir.join(name))?;
        }
        Ok(Self { disk, dir: Arc::new(dir.to_owned()), next_part: Arc::default(), coverage })
    }

    pub(crate) fn inbox(&self) -> SnapshotInbox {
        SnapshotInbox(self.clone())
    }

    /// Writes a snapshot and makes it durable.
    pub(crate) fn save(&self, applied: &Applied) -> io::Result<()> {
        let part = self.part_path();
        let mut file = self.disk.create(&part)?;
        snapshot_format::write(applied, BufWriter::new(Appender(&mut *file)))?;
        if !seeded!(PurgeBeforeDurable) {
            file.sync()?;
        }
        self.adopt(&part, applied)
    }

    /// Takes over a received file, verified whole: hash, records, state hash (A6).
    pub(crate) fn receive(
        &self,
        mut file: SnapshotFile,
        announced: &crate::SnapshotMeta,
    ) -> Result<Applied, SnapshotError> {
        let applied = load(&*self.disk, file.path())?;
        check_announced(&applied, announced)?;
        if file.origin() == Origin::Received {
            self.disk.open(file.path())?.sync()?;
            self.adopt(file.path(), &applied)?;
            file.keep();
        } else {
            self.save(&applied)?;
        }
        Ok(applied)
    }

    /// The newest sound snapshot, with its state; damaged ones are named and passed over.
    pub(crate) fn newest(&self) -> io::Result<Option<Applied>> {
        for (_, path) in self.list()? {
            match load(&*self.disk, &path) {
                Ok(applied) => {
                    self.coverage.store(covered(&applied), Ordering::Release);
                    return Ok(Some(applied));
                }
                Err(error) => tracing::warn!(path = %path.display(), %error, "snapshot passed over"),
            }
        }
        Ok(None)
    }

    /// The newest snapshot as a file to send, with its header. Its hash was verified when it was written here, and
    /// the receiver verifies it again.
    pub(crate) fn current(&self) -> Result<Option<(Header, SnapshotFile)>, SnapshotError> {
        let Some((_, path)) = self.list()?.into_iter().next() else { return Ok(None) };
        let header = snapshot_format::read_header(BufReader::new(Reader::open(&*self.disk, &path)?))?;
        Ok(Some((header, SnapshotFile::open(&self.disk, &path)?)))
    }

    /// Gives a synced file its name, then drops old ones.
    fn adopt(&self, part: &Path, applied: &Applied) -> io::Result<()> {
        self.disk.rename(part, &self.dir.join(format!("snapshot-{}.snap", applied.index)))?;
        self.disk.sync_dir(&self.dir)?;
        self.coverage.fetch_max(covered(applied), Ordering::AcqRel);
        for (_, path) in self.list()?.into_iter().skip(KEPT) {
            self.disk.remove(&path)?;
        }
        Ok(())
    }

    /// All snapshots, newest first.
    fn list(&self) -> io::Result<Vec<(u64, PathBuf)>> {
        let mut found = Vec::new();
        for name in self.disk.list(&self.dir)? {
            found.extend(index_of(&name).map(|index| (index, self.dir.join(name))));
        }
        found.sort_unstable_by(|a, b| b.cmp(a));
        Ok(found)
    }

    fn part_path(&self) -> PathBuf {
        let number = self.next_part.fetch_add(1, Ordering::Relaxed);
        self.dir.join(format!("incoming-{number}.part"))
    }
}

/// How many entries, from index zero, a snapshot stands for.
fn covered(applied: &Applied) -> u64 {
    applied.log_id.map_or(0, |id| id.index + 1)
}

fn index_of(name: &str) -> Option<u64> {
    name.strip_prefix("snapshot-")?.strip_suffix(".snap")?.parse().ok()
}

/// Verifies a file, then reads it.
fn load(disk: &dyn Disk, path: &Path) -> Result<Applied, SnapshotError> {
    let file = Reader::open(disk, path)?;
    let len_bytes = file.len_bytes()?;
    snapshot_format::verify(BufReader::new(file), len_bytes)?;
    snapshot_format::read(BufReader::new(Reader::open(disk, path)?))
}

fn check_announced(applied: &Applied, announced: &crate::SnapshotMeta) -> Result<(), SnapshotError> {
    if applied.log_id == announced.last_log_id && applied.membership == announced.last_membership {
        return Ok(());
    }
    let found =
        crate::SnapshotMeta { last_log_id: applied.log_id, last_membership: applied.membership.clone() };
    Err(SnapshotError::NotAsAnnounced { found: found.to_string(), announced: announced.to_string() })
}
