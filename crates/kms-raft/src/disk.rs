//! The file operations of a node's storage, behind traits: tests fail each of them, the simulation delays them and
//! forgets what no fsync covered.
//!
//! Deliberately absent: what the files mean.

use std::any::Any;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// Kept while a directory is in use; dropping the last clone frees it.
pub type DirLock = Arc<dyn Any + Send + Sync>;

/// Where a node keeps its files.
pub trait Disk: Send + Sync {
    /// Creates a directory and its parents, where they are missing.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// The names in a directory, in any order.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Creates an empty file, replacing any.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Opens a file for appending.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Opens a file for reading.
    fn read(&self, path: &Path) -> io::Result<Box<dyn DiskRead>>;
    /// Renames within one directory.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes creations, renames and removals durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Locks a directory by the file `path` in it; `None` when somebody else has it.
    fn lock(&self, path: &Path) -> io::Result<Option<DirLock>>;
}

/// A file that only grows, except for the one cut at open.
pub trait DiskFile: Send {
    /// Writes all bytes at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns once everything written is on the medium.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file, durably.
    fn cut(&mut self, len_bytes: u64) -> io::Result<()>;
}

/// A file to read.
pub trait DiskRead: Send {
    /// Its length.
    fn len_bytes(&self) -> io::Result<u64>;
    /// Reads some bytes from an offset; zero at the end.
    fn read_at(&self, bytes: &mut [u8], offset_bytes: u64) -> io::Result<usize>;
}

/// Reads a file from its start.
pub(crate) struct Reader {
    file: Box<dyn DiskRead>,
    offset_bytes: u64,
}

impl Reader {
    pub(crate) fn open(disk: &dyn Disk, path: &Path) -> io::Result<Self> {
        Ok(Self { file: disk.read(path)?, offset_bytes: 0 })
    }

    pub(crate) fn len_bytes(&self) -> io::Result<u64> {
        self.file.len_bytes()
    }
}

impl Read for Reader {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(bytes, self.offset_bytes)?;
        self.offset_bytes += read as u64;
        Ok(read)
    }
}

/// Writes to the end of a file.
pub(crate) struct Appender<'a>(pub(crate) &'a mut dyn DiskFile);

impl Write for Appender<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.append(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads exactly as many bytes as fit.
pub(crate) fn read_exact_at(
    file: &dyn DiskRead,
    mut bytes: &mut [u8],
    mut offset_bytes: u64,
) -> io::Result<()> {
    while !bytes.is_empty() {
        let read = file.read_at(bytes, offset_bytes)?;
        offset_bytes += read as u64;
        bytes = bytes.get_mut(read..).filter(|_| read > 0).ok_or(io::ErrorKind::UnexpectedEof)?;
    }
    Ok(())
}

/// The real thing.
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        std::fs::create_dir_all(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let names = std::fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        names.filter_map(Result::transpose).collect()
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        File::create(path)?;
        self.open(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(File::options().append(true).open(path)?))
    }

    fn read(&self, path: &Path) -> io::Result<Box<dyn DiskRead>> {
        Ok(Box::new(File::open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Option<DirLock>> {
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Arc::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl DiskFile for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, len_bytes: u64) -> io::Result<()> {
        self.set_len(len_bytes)?;
        self.sync_all()
    }
}

impl DiskRead for File {
    fn len_bytes(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, bytes: &mut [u8], offset_bytes: u64) -> io::Result<usize> {
        FileExt::read_at(self, bytes, offset_bytes)
    }
}
