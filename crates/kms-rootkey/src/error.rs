//! Why a root key is not available. Never holds a byte of it.

use std::{io, path::PathBuf};

/// A root key that a provider cannot yield or store.
#[derive(Debug, thiserror::Error)]
pub enum RootKeyError {
    /// The operating system refused.
    #[error("cannot {action} root key file `{}`", path.display())]
    Io {
        /// What was tried, for example `open`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        #[source]
        source: io::Error,
    },
    /// Others than the owner have permissions on the file.
    #[error(
        "root key file `{}` has mode {mode:04o}, so others than its owner may use it; run `chmod 600 {}`",
        path.display(), path.display()
    )]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A symbolic link leads to a file of somebody else than the link's owner.
    #[error("root key file `{}` is a link of user {link_owner} to a file of user {file_owner}", path.display())]
    ForeignLink {
        /// The link.
        path: PathBuf,
        /// The link's owner.
        link_owner: u32,
        /// The file's owner.
        file_owner: u32,
    },
    /// A directory, device, pipe or socket.
    #[error("root key file `{}` is not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The content is not a root key.
    #[error("root key file `{}` is not a line `{header}` and a line of 64 hex digits", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The expected first line.
        header: &'static str,
    },
}
