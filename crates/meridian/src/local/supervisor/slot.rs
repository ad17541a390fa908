//! What the supervisor remembers of one node between its processes.

use std::{
    os::unix::process::ExitStatusExt,
    process::ExitStatus,
    time::{Duration, Instant},
};

use crate::local::{process::NodeProcess, report::ProcessState};

/// The delay before the first restart in a row.
pub(super) const RESTART_AFTER: Duration = Duration::from_millis(500);

/// One node, running or not.
pub(super) struct Slot {
    pub(super) process: Option<NodeProcess>,
    pub(super) state: ProcessState,
    pub(super) generation: u64,
    pub(super) started: Instant,
    pub(super) restarts: u32,
    pub(super) delay: Duration,
    /// A start was asked for while the killed process had not ended yet.
    pub(super) start_when_ended: bool,
}

impl Slot {
    /// A node that was never started.
    pub(super) fn new() -> Self {
        Self {
            process: None,
            state: ProcessState::Killed,
            generation: 0,
            started: Instant::now(),
            restarts: 0,
            delay: RESTART_AFTER,
            start_when_ended: false,
        }
    }
}

/// The end of a process, in words.
pub(super) fn how_it_ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}
