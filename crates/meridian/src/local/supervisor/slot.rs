//! What the supervisor remembers of one node between its processes.

use std::{
    os::unix::process::ExitStatusExt,
    process::ExitStatus,
    time::{Duration, Instant},
};

use kms_node::disturbance::Disturbance;

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
    /// What is wrong with the node, also in its next process.
    pub(super) disturbance: Disturbance,
    /// The disk has been full since the process started, so that it may have died or may yet die of it.
    pub(super) met_full_disk: bool,
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
            disturbance: Disturbance::default(),
            met_full_disk: false,
            start_when_ended: false,
        }
    }
}

impl Slot {
    /// True if the node ended by itself, of a disk that has room again: a service manager would have tried until then.
    pub(super) fn died_of_full_disk(&self) -> bool {
        let has_room = self.met_full_disk && !self.disturbance.disk_full;
        has_room && matches!(self.state, ProcessState::Exited { .. })
    }

    /// Changes what is wrong with the node, and tells its process.
    pub(super) fn disturb(&mut self, change: impl FnOnce(&mut Disturbance)) {
        let before = self.disturbance.clone();
        change(&mut self.disturbance);
        self.met_full_disk |= self.disturbance.disk_full;
        if let Some(process) = self.process.as_ref().filter(|_| before != self.disturbance) {
            process.tell(&self.disturbance);
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
