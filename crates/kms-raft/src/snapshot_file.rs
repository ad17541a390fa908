//! A snapshot on its way: read in chunks by the sender, written in chunks by the receiver.
//!
//! Does not look inside: the content is verified when the snapshot is installed, before anything is replaced.

use std::io;
use std::path::{Path, PathBuf};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

/// A snapshot file, stored or being received.
///
/// A received file that is never installed disappears with its handle.
#[derive(Debug)]
pub struct SnapshotFile {
    file: File,
    path: PathBuf,
    origin: Origin,
}

/// Where the file came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// One of this node's stored snapshots; stays.
    Stored,
    /// Received from a peer; temporary until it is installed.
    Received,
}

impl SnapshotFile {
    /// Opens a stored snapshot for sending.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = std::fs::File::open(path)?;
        Ok(Self { file: File::from_std(file), path: path.to_owned(), origin: Origin::Stored })
    }

    /// Creates an empty file to receive into.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let file = std::fs::File::options().read(true).write(true).create_new(true).open(path)?;
        Ok(Self { file: File::from_std(file), path: path.to_owned(), origin: Origin::Received })
    }

    /// The next bytes, at most `limit_bytes`; empty at the end.
    pub async fn read_chunk(&mut self, limit_bytes: usize) -> io::Result<Vec<u8>> {
        let mut chunk = Vec::new();
        (&mut self.file).take(limit_bytes as u64).read_to_end(&mut chunk).await?;
        Ok(chunk)
    }

    /// Appends the next bytes of a snapshot being received.
    pub async fn write_chunk(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.file.write_all(chunk).await
    }

    /// Pushes buffered bytes to the operating system; call after the last `write_chunk`.
    pub async fn flush(&mut self) -> io::Result<()> {
        self.file.flush().await
    }

    /// Back to the first byte.
    pub async fn rewind(&mut self) -> io::Result<()> {
        self.file.rewind().await.map(drop)
    }

    /// The length so far.
    pub async fn len_bytes(&self) -> io::Result<u64> {
        Ok(self.file.metadata().await?.len())
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

impl Drop for SnapshotFile {
    fn drop(&mut self) {
        if self.origin == Origin::Received {
            // Installed files were renamed away before; what is left is rubbish, and open() sweeps it as well.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
