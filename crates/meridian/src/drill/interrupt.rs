//! SIGINT and SIGTERM as something to wait for, so that a drill mends what it broke before it goes.

use std::path::Path;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::failure::{Failure, io_error};

/// Cancelled at the first of the two signals; the second ends the program at once, and its nodes with it.
pub fn interrupts() -> Result<CancellationToken, Failure> {
    let place = Path::new("this process");
    let mut interrupt = signal(SignalKind::interrupt()).map_err(io_error("handle signals of", place))?;
    let mut terminate = signal(SignalKind::terminate()).map_err(io_error("handle signals of", place))?;
    let token = CancellationToken::new();
    let heard = token.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if heard.is_cancelled() {
                std::process::exit(130);
            }
            heard.cancel();
        }
    });
    Ok(token)
}
