//! The drill's witness: every ciphertext that any Region returned, every call's outcome, every event, with its time.
//!
//! Knows nothing of what should have happened; the checks judge what it saw.

use kms_types::Region;
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::drill::{latency::Sample, terminal::Terminal};

/// Between two looks at how it goes.
const PROGRESS: Duration = Duration::from_millis(500);

/// A ciphertext that a Region returned.
#[derive(Debug)]
pub struct Sealed {
    /// The key id.
    pub key: String,
    /// True if every Region can open it.
    pub multi_region: bool,
    /// Who returned it.
    pub region: Region,
    /// The blob, as the API writes it.
    pub ciphertext: String,
    /// What it must open to.
    pub plaintext_sha256: [u8; 32],
    /// The encryption context it needs.
    pub context: Value,
    /// When it was returned, since the drill's begin.
    pub at_ms: u64,
}

/// One line of the timeline.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// Milliseconds since the drill's begin.
    pub at_ms: u64,
    /// What happened.
    pub event: String,
}

/// How many calls went how.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counts {
    /// Ciphertexts returned.
    pub encrypts: u64,
    /// Decrypts right after, in another Region, that gave the plaintext back.
    pub cross_region_decrypts: u64,
    /// Operations of clients that a Region other than their own served.
    pub failovers: u64,
    /// Operations under multi-Region keys that no Region served.
    pub failed_operations: u64,
    /// Operations under single-Region keys that their Region, away, did not serve.
    pub unavailable_single_region: u64,
    /// Operations not begun because too many were under way.
    pub skipped_operations: u64,
    /// Calls repeated after a transient error.
    pub retries: u64,
    /// Failed calls by Region and error code.
    pub errors: BTreeMap<String, u64>,
}

#[derive(Default)]
struct Seen {
    events: Vec<Event>,
    sealed: Vec<Arc<Sealed>>,
    counts: Counts,
    /// Operations by the Region that the client is at home in.
    operations: BTreeMap<Region, Vec<Sample>>,
    violations: Vec<String>,
    /// Regions on an earlier state of their disks: what they say proves nothing.
    stale: BTreeSet<Region>,
}

/// Collects what is seen, from many tasks at once.
pub struct Observer {
    begin: Instant,
    seen: Mutex<Seen>,
    terminal: Terminal,
    /// What takes long and has no events of its own, in words.
    doing: Mutex<String>,
}

impl Default for Observer {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer {
    /// An observer whose clock starts now.
    pub fn new() -> Self {
        let (seen, terminal, doing) = (Mutex::default(), Terminal::default(), Mutex::default());
        Self { begin: Instant::now(), seen, terminal, doing }
    }

    /// Milliseconds since the drill's begin.
    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Milliseconds from the drill's begin to `instant`.
    pub fn at_ms(&self, instant: Instant) -> u64 {
        u64::try_from(instant.saturating_duration_since(self.begin).as_millis()).unwrap_or(u64::MAX)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line to the timeline and shows it; the answer is its time.
    pub fn event(&self, text: impl Into<String>) -> u64 {
        let event = Event { at_ms: self.now_ms(), event: text.into() };
        self.terminal.event(event.at_ms, &event.event);
        let at_ms = event.at_ms;
        self.seen().events.push(event);
        at_ms
    }

    /// Says what takes long; nothing, when it is done.
    pub fn doing(&self, what: String) {
        *self.doing.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    /// Shows on a terminal how it goes, until dropped.
    pub async fn show_progress(&self) -> Infallible {
        let mut ticks = tokio::time::interval(PROGRESS);
        loop {
            ticks.tick().await;
            let (counts, doing) =
                (self.counts(), self.doing.lock().unwrap_or_else(PoisonError::into_inner).clone());
            let text = format!(
                "{} sealed, {} not served, {} by failover{doing}",
                counts.encrypts, counts.failed_operations, counts.failovers
            );
            self.terminal.status(self.now_ms(), &text);
        }
    }

    /// Leaves the terminal as others expect it.
    pub fn end_progress(&self) {
        self.terminal.clear();
    }

    /// A Region returned a ciphertext.
    pub fn sealed(&self, sealed: Sealed) -> Arc<Sealed> {
        let sealed = Arc::new(sealed);
        let mut seen = self.seen();
        seen.counts.encrypts += 1;
        seen.sealed.push(sealed.clone());
        sealed
    }

    /// An operation of a client at home in `home` ended after `took`, served by a Region or by none.
    pub fn operated(&self, home: &Region, served_by: Option<&Region>, took: Duration) {
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let sample = Sample { at_ms: self.now_ms(), took_us, served: served_by.is_some() };
        let mut seen = self.seen();
        seen.operations.entry(home.clone()).or_default().push(sample);
        if served_by.is_some_and(|served_by| served_by != home) {
            seen.counts.failovers += 1;
        }
    }

    /// A call failed.
    pub fn failed_call(&self, region: &Region, code: &str) {
        *self.seen().counts.errors.entry(format!("{region} {code}")).or_default() += 1;
    }

    /// Changes the counts.
    pub fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.seen().counts);
    }

    /// Something happened that must never happen.
    pub fn violation(&self, text: String) {
        self.event(format!("VIOLATION {text}"));
        self.seen().violations.push(text);
    }

    /// From now on `region` runs on an earlier state of its disks.
    pub fn went_back(&self, region: &Region) {
        self.seen().stale.insert(region.clone());
    }

    /// From now on `region` is a new one, and can do again what every Region can. What it alone could open is gone: how many
    /// ciphertexts that were.
    pub fn rebuilt(&self, region: &Region) -> usize {
        let mut seen = self.seen();
        seen.stale.remove(region);
        let before = seen.sealed.len();
        seen.sealed.retain(|sealed| sealed.multi_region || sealed.region != *region);
        before - seen.sealed.len()
    }

    /// True if it does.
    pub fn is_stale(&self, region: &Region) -> bool {
        self.seen().stale.contains(region)
    }

    /// Every violation so far.
    pub fn violations(&self) -> Vec<String> {
        self.seen().violations.clone()
    }

    /// Every ciphertext so far.
    pub fn every_sealed(&self) -> Vec<Arc<Sealed>> {
        self.seen().sealed.clone()
    }

    /// The counts so far.
    pub fn counts(&self) -> Counts {
        self.seen().counts.clone()
    }

    /// The timeline so far.
    pub fn events(&self) -> Vec<Event> {
        self.seen().events.clone()
    }

    /// Every operation so far, by the Region that its client is at home in.
    pub fn operations(&self) -> BTreeMap<Region, Vec<Sample>> {
        self.seen().operations.clone()
    }

    /// For the clients of each Region: the longest time without a success that reaches into `from_ms..to_ms`.
    pub fn longest_gaps(&self, from_ms: u64, to_ms: u64) -> BTreeMap<Region, Gap> {
        let operations = self.operations();
        let served =
            |samples: Vec<Sample>| samples.into_iter().filter(|s| s.served).map(|s| s.at_ms).collect();
        operations
            .into_iter()
            .map(|(home, samples)| (home, longest_gap(served(samples), from_ms, to_ms)))
            .collect()
    }
}

/// A stretch without any success.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// Its begin.
    pub from_ms: u64,
    /// Its end.
    pub to_ms: u64,
}

impl Gap {
    /// Its length.
    pub fn ms(self) -> u64 {
        self.to_ms.saturating_sub(self.from_ms)
    }
}

/// The longest stretch without any of `times`, among those that overlap `from_ms..to_ms`.
fn longest_gap(mut times: Vec<u64>, from_ms: u64, to_ms: u64) -> Gap {
    times.sort_unstable();
    let before = times.iter().copied().rfind(|at| *at <= from_ms).unwrap_or(from_ms);
    let inside = times.into_iter().filter(|at| *at > from_ms && *at < to_ms);
    let (mut last, mut longest) = (before, Gap::default());
    for at in inside.chain(std::iter::once(to_ms)) {
        let gap = Gap { from_ms: last, to_ms: at };
        if gap.ms() > longest.ms() {
            longest = gap;
        }
        last = at;
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(times: &[u64], from_ms: u64, to_ms: u64) -> u64 {
        longest_gap(times.to_vec(), from_ms, to_ms).ms()
    }

    #[test]
    fn longest_gap_counts_from_the_last_success_before_the_loss() {
        assert_eq!(gap(&[100, 900, 1000], 950, 1000), 100);
        assert_eq!(longest_gap(vec![0, 400, 2400, 2500], 500, 3000), Gap { from_ms: 400, to_ms: 2400 });
        assert_eq!(gap(&[10, 20], 20, 5000), 4980);
        assert_eq!(gap(&[], 100, 600), 500);
    }

    #[test]
    fn times_may_arrive_out_of_order() {
        assert_eq!(gap(&[300, 100, 200], 100, 310), 100);
    }

    #[test]
    fn success_elsewhere_is_a_failover_and_none_is_no_success() {
        let (observer, home, other) =
            (Observer::new(), "us-east-1".parse().unwrap(), "eu-west-1".parse().unwrap());
        observer.operated(&home, Some(&home), Duration::ZERO);
        observer.operated(&home, Some(&other), Duration::ZERO);
        observer.operated(&home, None, Duration::ZERO);
        assert_eq!(observer.counts().failovers, 1);
        assert_eq!(observer.operations()[&home].iter().filter(|sample| sample.served).count(), 2);
    }
}
