//! Why a record could not be made durable.

use std::{io, path::PathBuf, sync::Arc};

/// A failed use of the audit log.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AuditError {
    /// The log could not be opened.
    #[error("cannot {action} audit log `{}`", path.display())]
    Open {
        /// What was tried, for example `create`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's answer.
        #[source]
        source: Arc<io::Error>,
    },
    /// Another process appends to the same file.
    #[error("audit log `{}` is in use by another process", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The path of the log leads to something that is not a file.
    #[error("audit log `{}` is not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// A record that does not encode; it was not written, the log is well.
    #[error("audit record does not encode")]
    Encode {
        /// The encoder's answer.
        #[source]
        source: Arc<serde_json::Error>,
    },
    /// A write failed, now or earlier. The log takes nothing more until the process restarts (failure case 28).
    #[error("audit log cannot be written")]
    Poisoned {
        /// The first failure.
        #[source]
        source: Arc<io::Error>,
    },
    /// The writer is gone without having reported a failure, as after shutdown.
    #[error("audit log is closed")]
    Closed,
}
