use std::io;
use std::path::{Path, PathBuf};

/// Why the log cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The operating system refused.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The refusal.
        #[source]
        source: io::Error,
    },
    /// A damaged place that may hold acknowledged records (A4): repair by replacing the node.
    #[error("log file `{}` is damaged at byte {offset_bytes}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damage begins.
        offset_bytes: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// The directory belongs to another node.
    #[error("log file `{}` belongs to node {found}, this is node {expected}", path.display())]
    WrongNode {
        /// The file.
        path: PathBuf,
        /// This node.
        expected: u64,
        /// The owner.
        found: u64,
    },
    /// Written by a later version.
    #[error("log file `{}` has format version {version}, which this build does not know", path.display())]
    UnknownVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// A file between the first and the last is gone.
    #[error("log file number {sequence} is missing")]
    MissingSegment {
        /// Its number.
        sequence: u64,
    },
    /// An entry between the first and the last is gone.
    #[error("log entry {index} is missing")]
    MissingEntry {
        /// Its index.
        index: u64,
    },
    /// An entry that no reader could decode again.
    #[error("log entry of {size_bytes} bytes exceeds {limit_bytes}")]
    TooLarge {
        /// Its encoded size.
        size_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// The writer ended after a failure.
    #[error("the log is closed")]
    Closed,
}

impl LogError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(super) fn damaged(path: &Path, offset_bytes: u64, reason: &'static str) -> Self {
        Self::Damaged { path: path.to_owned(), offset_bytes, reason }
    }
}

impl From<LogError> for io::Error {
    fn from(error: LogError) -> Self {
        io::Error::other(error)
    }
}
