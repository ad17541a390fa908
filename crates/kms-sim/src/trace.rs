//! What happened, in order: one hash over all of it, and the lines themselves where somebody looks.

use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::fmt;

/// Lines that a failure shows.
const REMEMBERED: usize = 60;

/// Where lines go besides the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// Nowhere.
    Nothing,
    /// Faults, calls and their ends, and changes of leaders.
    Events,
    /// Messages too.
    Everything,
}

/// The trace of one run.
pub(crate) struct Trace {
    hash: Sha256,
    lines: u64,
    recent: VecDeque<String>,
    show: Show,
}

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Event,
    Message,
}

impl Trace {
    pub(crate) fn new(show: Show) -> Self {
        Self { hash: Sha256::new(), lines: 0, recent: VecDeque::new(), show }
    }

    pub(crate) fn note(&mut self, kind: Kind, at_ms: u64, what: fmt::Arguments<'_>) {
        let line = format!("{:>9.3}  {what}", at_ms as f64 / 1000.0);
        self.hash.update(line.as_bytes());
        self.hash.update(b"\n");
        self.lines += 1;
        match (self.show, kind) {
            (Show::Everything, _) | (Show::Events, Kind::Event) => println!("{line}"),
            (Show::Events | Show::Nothing, _) => {}
        }
        if kind == Kind::Event {
            self.recent.push_back(line);
            if self.recent.len() > REMEMBERED {
                self.recent.pop_front();
            }
        }
    }

    pub(crate) fn recent(&self) -> Vec<String> {
        self.recent.iter().cloned().collect()
    }

    /// How many lines, and the hash of all of them.
    pub(crate) fn finish(self) -> (u64, String) {
        (self.lines, hex::encode(self.hash.finalize()))
    }
}
