//! The file that records are appended to: its lock, its torn end after a crash, and its rotation by size.
//!
//! ```text
//! audit-<node>.jsonl                     appended to
//! audit-<node>-<first time>.jsonl        full, never touched again
//! audit-<node>.jsonl.<offset>.torn       what a crash left behind the last whole record; was never acknowledged
//! ```

mod scan;
#[cfg(test)]
pub(crate) mod tests;

use kms_types::{NodeId, Timestamp};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::AuditError;
use scan::Scan;

/// Only the owner reads an audit log: it names keys, callers and encryption contexts.
const MODE: u32 = 0o600;
/// How many files of one name are tried before giving up.
const MOST_SIBLINGS: u32 = 10_000;

pub(crate) struct ActiveFile {
    directory: PathBuf,
    stem: String,
    path: PathBuf,
    file: File,
    length_bytes: u64,
    first: Option<Timestamp>,
    rotate_bytes: u64,
}

impl ActiveFile {
    /// Opens or creates the file and cuts off what a crash left after the last whole record.
    pub(crate) fn open(directory: &Path, node: NodeId, rotate_bytes: u64) -> Result<Self, AuditError> {
        let stem = format!("audit-{node}");
        let path = directory.join(format!("{stem}.jsonl"));
        let mut file = open_regular(&path)?;
        let scan = recover(directory, &path, &mut file).map_err(open_error("recover", &path))?;
        let (length_bytes, first) = (scan.whole_bytes, scan.first);
        Ok(Self { directory: directory.to_owned(), stem, path, file, length_bytes, first, rotate_bytes })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends whole lines, the first of which is of time `first`, and returns when they are durable.
    pub(crate) fn append_durably(&mut self, lines: &[u8], first: Timestamp) -> io::Result<()> {
        if self.length_bytes >= self.rotate_bytes && self.length_bytes > 0 {
            self.rotate()?;
        }
        self.file.write_all(lines)?;
        self.file.sync_data()?;
        self.first.get_or_insert(first);
        self.length_bytes += lines.len() as u64;
        Ok(())
    }

    /// Every line of the full file is durable already; the renaming and the new name become so before any new line.
    fn rotate(&mut self) -> io::Result<()> {
        let time = self.first.unwrap_or_default().to_iso_basic();
        let full = free_name(|n| match n {
            1 => self.directory.join(format!("{}-{time}.jsonl", self.stem)),
            n => self.directory.join(format!("{}-{time}-{n}.jsonl", self.stem)),
        })?;
        fs::rename(&self.path, &full)?;
        self.file = options().create_new(true).open(&self.path)?;
        self.file.try_lock().map_err(io::Error::from)?;
        sync_directory(&self.directory)?;
        (self.length_bytes, self.first) = (0, None);
        tracing::info!(path = %full.display(), "rotated the audit log");
        Ok(())
    }
}

/// Opens the file for this process alone. A pipe or device in its place is refused before it can block.
fn open_regular(path: &Path) -> Result<File, AuditError> {
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(AuditError::NotAFile { path: path.to_owned() });
    }
    let file = options().create(true).open(path).map_err(open_error("open", path))?;
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => AuditError::InUse { path: path.to_owned() },
        TryLockError::Error(source) => open_error("lock", path)(source),
    })?;
    Ok(file)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).append(true).mode(MODE);
    options
}

/// Finds the end of the last whole record, sets the rest aside, and makes all of it durable: lines that were written
/// but not synced before the crash are part of the log from here on.
fn recover(directory: &Path, path: &Path, file: &mut File) -> io::Result<Scan> {
    let length_bytes = file.metadata()?.len();
    file.seek(SeekFrom::Start(0))?;
    let scan = Scan::of((&mut *file).take(length_bytes))?;
    if scan.whole_bytes < length_bytes {
        set_aside(path, file, scan.whole_bytes)?;
    }
    if scan.damaged_lines > 0 {
        tracing::warn!(path = %path.display(), lines = scan.damaged_lines, "audit log holds damaged lines before its last record");
    }
    file.sync_all()?;
    sync_directory(directory)?;
    Ok(scan)
}

/// Copies everything from `offset` to a side file, durably, and only then cuts it off.
fn set_aside(path: &Path, file: &mut File, offset: u64) -> io::Result<()> {
    let side = free_name(|n| {
        let mut name = path.as_os_str().to_owned();
        name.push(if n == 1 { format!(".{offset}.torn") } else { format!(".{offset}-{n}.torn") });
        name.into()
    })?;
    file.seek(SeekFrom::Start(offset))?;
    let mut copy = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&side)?;
    let bytes = io::copy(file, &mut copy)?;
    copy.sync_all()?;
    sync_directory(side.parent().unwrap_or(Path::new(".")))?;
    file.set_len(offset)?;
    tracing::warn!(path = %path.display(), side = %side.display(), bytes, "cut a torn end off the audit log");
    Ok(())
}

/// The first name of a numbered series that does not exist; a rename would silently replace what does.
fn free_name(name: impl Fn(u32) -> PathBuf) -> io::Result<PathBuf> {
    (1..=MOST_SIBLINGS)
        .map(name)
        .find(|path| fs::symlink_metadata(path).is_err())
        .ok_or_else(|| io::Error::from(io::ErrorKind::AlreadyExists))
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn open_error<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> AuditError + 'a {
    move |source| AuditError::Open { action, path: path.to_owned(), source: Arc::new(source) }
}
