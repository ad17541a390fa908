//! Why a cluster did not do what a test asked, in words for the person who reads the test's output.

use std::{fmt, path::PathBuf, time::Duration};

use crate::binary;

/// What went wrong. `Debug` prints the same as `Display`, because that is what `unwrap` and a failed test show.
#[derive(thiserror::Error)]
pub enum Error {
    /// There is no `meridian` program to run.
    #[error(
        "no `meridian` program: run `cargo build --release -p meridian` in Meridian's source tree{}, name one with the \
         environment variable MERIDIAN_BINARY, or put one on PATH; looked at: {}",
        binary::source_tree().map_or_else(String::new, |tree| format!(" (`{}`)", tree.display())),
        list(looked_at)
    )]
    NoBinary {
        /// Where it was looked for.
        looked_at: Vec<PathBuf>,
    },
    /// A file, process or pipe of this machine cannot be used.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was tried, as a verb and its object.
        action: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The cluster did not come up.
    #[error("the cluster did not start\n{output}")]
    NotStarted {
        /// What `meridian local up` said.
        output: String,
    },
    /// A command was refused, or failed.
    #[error("`meridian {arguments}` failed\n{output}")]
    Command {
        /// The command line.
        arguments: String,
        /// What it printed.
        output: String,
    },
    /// A command printed something else than was expected: another version of `meridian`.
    #[error(
        "`meridian {arguments}` printed what this testkit does not understand ({why}): is it another version?"
    )]
    Unreadable {
        /// The command line.
        arguments: String,
        /// What is wrong with it.
        why: String,
    },
    /// What was to name one node names none, or several.
    #[error("`{0}` does not name one node of this cluster: write `REGION/NUMBER` or `REGION/leader`")]
    NotOneNode(String),
    /// A condition did not come true in time.
    #[error("not within {limit:?}: {what}")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// For how long.
        limit: Duration,
    },
    /// A call of the KMS API failed.
    #[error("{operation}: {why}")]
    Call {
        /// The operation.
        operation: &'static str,
        /// What the client says.
        why: String,
    },
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(", ")
}

/// For `map_err`: names what was tried.
pub(crate) fn io_error(action: impl Into<String>) -> impl FnOnce(std::io::Error) -> Error {
    let action = action.into();
    move |source| Error::Io { action, source }
}
