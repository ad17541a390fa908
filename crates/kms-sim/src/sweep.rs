//! Many seeds, and their sum.

use crate::faults::Fault;
use crate::run::{Options, Report, run};
use crate::workload::CallCounts;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Which seeds, and how long.
#[derive(Debug, Clone, Copy)]
pub struct Sweep {
    /// The first seed.
    pub from: u64,
    /// How many.
    pub seeds: u64,
    /// No new seed begins after this time.
    pub limit: Duration,
    /// Threads, each with a seed of its own at a time.
    pub threads: usize,
    /// What a seed runs, apart from its seed.
    pub options: Options,
}

/// The sum of many runs.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Seeds that ran.
    pub seeds: u64,
    /// Simulated time of all of them.
    pub simulated_ms: u64,
    /// What clients did.
    pub calls: CallCounts,
    /// How often each fault happened.
    pub faults: BTreeMap<Fault, u64>,
    /// Messages: sent, cut off, lost, duplicated, late.
    pub messages: [u64; 5],
    /// Bytes that power cuts lost, and writes that they tore.
    pub disk_losses: (u64, u64),
    /// Histories judged, and calls in them.
    pub histories: (u64, u64),
    /// Histories that could not be judged within the bound.
    pub undecided: u64,
    /// Ciphertexts opened in the end.
    pub opened: u64,
    /// Ciphertexts refused in the end, for the right reason.
    pub refused: u64,
    /// Log entries applied, counted once per Region.
    pub entries: u64,
    /// Runs in which a rule was broken.
    pub failed: Vec<Report>,
    /// How long it took.
    pub took: Duration,
}

impl Summary {
    /// Adds one run.
    pub fn add(&mut self, report: Report) {
        self.seeds += 1;
        self.simulated_ms += report.simulated_ms;
        self.calls = self.calls.and(report.calls);
        for (fault, count) in &report.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
        for (sum, count) in self.messages.iter_mut().zip(report.messages) {
            *sum += count;
        }
        self.disk_losses.0 += report.disk_losses.0;
        self.disk_losses.1 += report.disk_losses.1;
        self.histories.0 += report.histories.0;
        self.histories.1 += report.histories.1;
        self.undecided += report.undecided;
        self.opened += report.opened;
        self.refused += report.refused;
        self.entries += report.entries_applied;
        if report.violation.is_some() {
            self.failed.push(report);
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = self.simulated_ms as f64 / 3_600_000.0;
        writeln!(f, "{} seeds, {hours:.2} simulated hours in {:.0} s", self.seeds, self.took.as_secs_f64())?;
        let CallCounts { made, succeeded, refused, unknown } = self.calls;
        writeln!(f, "calls: {made}, of these {succeeded} succeeded, {refused} refused, {unknown} unknown")?;
        writeln!(f, "log entries applied: {}", self.entries)?;
        let [sent, cut, lost, twice, late] = self.messages;
        writeln!(
            f,
            "messages: {sent}, of these {cut} cut off, {lost} lost, {twice} came twice, {late} late"
        )?;
        let (bytes, writes) = self.disk_losses;
        writeln!(f, "power cuts tore {writes} writes and lost {bytes} bytes that no fsync covered")?;
        let (histories, calls) = self.histories;
        writeln!(f, "histories judged: {histories} with {calls} calls, {} undecided", self.undecided)?;
        writeln!(
            f,
            "ciphertexts in the end: {} opened, {} refused as they must be",
            self.opened, self.refused
        )?;
        let faults: u64 = self.faults.values().sum();
        write!(f, "faults: {faults}")?;
        for (fault, count) in &self.faults {
            write!(f, ", {fault:?} {count}")?;
        }
        writeln!(f)?;
        write!(f, "violations: {}", self.failed.len())
    }
}

/// Runs the seeds; `say` hears of every one that ended. Stops at the first violation when `stop_at_first`.
pub fn sweep(what: Sweep, stop_at_first: bool, say: &mut dyn FnMut(&Report, &Summary)) -> Summary {
    let began = Instant::now();
    let (next, stop) = (AtomicU64::new(what.from), AtomicBool::new(false));
    let end = what.from.saturating_add(what.seeds);
    let (sender, reports) = mpsc::channel();
    let mut summary = Summary::default();
    std::thread::scope(|scope| {
        for _ in 0..what.threads.max(1) {
            let (sender, next, stop) = (sender.clone(), &next, &stop);
            scope.spawn(move || {
                while began.elapsed() < what.limit && !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || sender.send(run(Options { seed, ..what.options })).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for report in reports {
            if report.violation.is_some() && stop_at_first {
                stop.store(true, Ordering::Relaxed);
            }
            let shown = report.clone();
            summary.add(report);
            summary.took = began.elapsed();
            say(&shown, &summary);
        }
    });
    summary.took = began.elapsed();
    summary
}
