//! A snapshot on its way: read in chunks by the sender, written in chunks by the receiver.
//!
//! Does not look inside: the content is verified when the snapshot is installed, before anything is replaced.

use crate::disk::{Disk, DiskFile, DiskRead};
use crate::runtime::blocking;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A snapshot file, stored or being received.
///
/// A received file that is never installed disappears with its handle.
pub struct SnapshotFile {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    origin: Origin,
    reader: Option<Box<dyn DiskRead>>,
    writer: Option<Box<dyn DiskFile>>,
    /// Where the next chunk is read.
    offset_bytes: u64,
}

/// Where the file came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// One of this node's stored snapshots; stays.
    Stored,
    /// Received from a peer; temporary until it is installed.
    Received,
}

impl fmt::Debug for SnapshotFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnapshotFile(`{}`, {:?})", self.path.display(), self.origin)
    }
}

impl SnapshotFile {
    /// Opens a stored snapshot for sending.
    pub(crate) fn open(disk: &Arc<dyn Disk>, path: &Path) -> io::Result<Self> {
        Ok(Self::new(disk, path, Origin::Stored, disk.read(path)?, None))
    }

    /// Creates an empty file to receive into.
    pub(crate) fn create(disk: &Arc<dyn Disk>, path: &Path) -> io::Result<Self> {
        let writer = disk.create(path)?;
        Ok(Self::new(disk, path, Origin::Received, disk.read(path)?, Some(writer)))
    }

    fn new(
        disk: &Arc<dyn Disk>,
        path: &Path,
        origin: Origin,
        reader: Box<dyn DiskRead>,
        writer: Option<Box<dyn DiskFile>>,
    ) -> Self {
        let (disk, path, reader) = (disk.clone(), path.to_owned(), Some(reader));
        Self { disk, path, origin, reader, writer, offset_bytes: 0 }
    }

    /// The next bytes, at most `limit_bytes`; empty at the end.
    pub async fn read_chunk(&mut self, limit_bytes: usize) -> io::Result<Vec<u8>> {
        let (reader, offset_bytes) = (self.reader.take().ok_or_else(broken)?, self.offset_bytes);
        let (reader, chunk) = blocking(move || {
            let chunk = read_up_to(&*reader, limit_bytes, offset_bytes);
            (reader, chunk)
        })
        .await?;
        self.reader = Some(reader);
        let chunk = chunk?;
        self.offset_bytes += chunk.len() as u64;
        Ok(chunk)
    }

    /// Appends the next bytes of a snapshot being received. A chunk that failed leaves the file unusable.
    pub async fn write_chunk(&mut self, chunk: &[u8]) -> io::Result<()> {
        let (mut writer, chunk) = (self.writer.take().ok_or_else(broken)?, chunk.to_vec());
        let writer = blocking(move || writer.append(&chunk).map(|()| writer)).await??;
        self.writer = Some(writer);
        Ok(())
    }

    /// Back to the first byte.
    pub fn rewind(&mut self) {
        self.offset_bytes = 0;
    }

    /// The length so far.
    pub fn len_bytes(&self) -> io::Result<u64> {
        self.reader.as_ref().ok_or_else(broken)?.len_bytes()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the file where it is when the handle goes.
    pub(crate) fn keep(&mut self) {
        self.origin = Origin::Stored;
    }

    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }
}

fn broken() -> io::Error {
    io::Error::other("the snapshot file cannot be used after a failure")
}

fn read_up_to(reader: &dyn DiskRead, limit_bytes: usize, offset_bytes: u64) -> io::Result<Vec<u8>> {
    let left_bytes = reader.len_bytes()?.saturating_sub(offset_bytes);
    let mut chunk = vec![0; usize::try_from(left_bytes).unwrap_or(usize::MAX).min(limit_bytes)];
    crate::disk::read_exact_at(reader, &mut chunk, offset_bytes)?;
    Ok(chunk)
}

impl Drop for SnapshotFile {
    fn drop(&mut self) {
        if self.origin == Origin::Received {
            // Installed files were renamed away before; what is left is rubbish, and open() sweeps it as well.
            let _ = self.disk.remove(&self.path);
        }
    }
}
