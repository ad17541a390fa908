//! Where a Region's root key lives. Does not wrap or unwrap anything with it: that is `kms-crypto`'s part.

mod error;
mod file;
mod file_format;

use kms_crypto::RootKey;
use std::sync::Arc;

pub use error::RootKeyError;
pub use file::FileProvider;

/// A place that yields the Region's root key to a node that starts.
pub trait RootKeyProvider: Send + Sync {
    /// The root key. Called at start and when the hierarchy changes, never per request (failure case 23).
    fn root_key(&self) -> Result<Arc<RootKey>, RootKeyError>;

    /// One line for the log that says where the key is; never a secret.
    fn describe(&self) -> String;
}
