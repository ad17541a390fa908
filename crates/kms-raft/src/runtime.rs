//! What consensus and storage run on: tokio, and in a simulation the same with nothing left to chance.
//!
//! Not behind a trait: whoever simulates runs tokio with one thread and paused time. What tokio cannot make
//! repeatable is here, two things: randomness, and work on other threads.

use std::future::Future;
use std::io;

/// openraft's runtime.
#[cfg(not(feature = "simulation"))]
pub type Runtime = openraft::impls::TokioRuntime;
#[cfg(feature = "simulation")]
pub use crate::simulation::Runtime;

#[cfg(not(feature = "simulation"))]
const fn simulated() -> bool {
    false
}
#[cfg(feature = "simulation")]
use crate::simulation::active as simulated;

/// Runs work that blocks where it stalls nobody; in a simulation at once and here. Not to be used for work that
/// waits for other tasks.
pub fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = io::Result<T>> + Send {
    let started = match simulated() {
        true => Err(work()),
        false => Ok(tokio::task::spawn_blocking(work)),
    };
    async move {
        match started {
            Ok(task) => task.await.map_err(io::Error::other),
            Err(done) => Ok(done),
        }
    }
}
