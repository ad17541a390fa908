//! What happens when storage fails: the process ends before anything is answered (A2).
//!
//! Never retries: after a failed fsync the kernel may have dropped the pages, and a second fsync would lie.

use std::fmt::Display;
use std::sync::Arc;

/// Called with the failure, before the failed request is answered or dropped.
pub type FatalHook = Arc<dyn Fn(&dyn Display) + Send + Sync>;

/// The exit code of a process that ends because storage failed (EX_SOFTWARE of sysexits).
pub const FATAL_EXIT_CODE: i32 = 70;

/// The hook of real nodes: one error line, then the process ends.
pub fn exit_process() -> FatalHook {
    Arc::new(|error| {
        tracing::error!(%error, "storage failed; the process ends so that nothing unwritten is answered");
        std::process::exit(FATAL_EXIT_CODE);
    })
}
