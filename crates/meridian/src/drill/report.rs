//! What a drill found: figures, counts, checks, verdict, timeline; as JSON for machines and as text for people.

use serde::Serialize;
use std::{collections::BTreeMap, fmt::Write};

use crate::drill::{
    ledger::Missing,
    observer::{Counts, Event},
    verify::Sweep,
};

/// The version of the JSON report.
pub const VERSION: u32 = 1;

/// The report of one run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The version of this format.
    pub version: u32,
    /// The drill's name.
    pub drill: &'static str,
    /// When it began, UTC.
    pub started: String,
    /// Seed of its choices.
    pub seed: u64,
    /// What it ran on.
    pub cluster: ClusterShape,
    /// The Region that was lost.
    pub lost: String,
    /// The Region that took over.
    pub promoted: String,
    /// Times.
    pub figures: Figures,
    /// Acknowledged changes, and those that are missing.
    pub rpo: Rpo,
    /// Calls.
    pub counts: Counts,
    /// The sweep over all ciphertexts during the loss.
    pub sweep_during_loss: Sweep,
    /// The sweep over all ciphertexts after the return.
    pub sweep_after_return: Sweep,
    /// Every check.
    pub checks: Vec<Check>,
    /// True if every check held.
    pub passed: bool,
    /// What happened when.
    pub timeline: Vec<Event>,
}

/// What a drill ran on.
#[derive(Debug, Clone, Serialize)]
pub struct ClusterShape {
    /// Data Regions.
    pub regions: Vec<String>,
    /// The witness Region.
    pub witness: Option<String>,
    /// Nodes per data Region.
    pub nodes_per_region: usize,
}

/// Times in milliseconds; absent if the moment never came.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Figures {
    /// From the loss until the drill's own probes noticed it.
    pub detection_ms: Option<u64>,
    /// The longest time that the clients of any Region had no success, over the whole loss.
    pub crypto_rto_ms: Option<u64>,
    /// The same for the clients of each Region; those of the lost one fail over.
    pub longest_gap_ms: BTreeMap<String, u64>,
    /// From the loss until the promotion was done.
    pub promotion_ms: Option<u64>,
    /// From the loss until a shared change was acknowledged again.
    pub control_rto_ms: Option<u64>,
    /// From the start of the lost Region's nodes until all of them served.
    pub restart_ms: Option<u64>,
    /// From the start of the lost Region's nodes until it equalled the others.
    pub catch_up_ms: Option<u64>,
}

/// The recovery point: what was acknowledged and what of it is gone.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Rpo {
    /// Changes acknowledged in the whole drill.
    pub acknowledged: usize,
    /// Changes without an answer, which may or may not hold.
    pub unknown: usize,
    /// Changes that the service refused.
    pub refused: u64,
    /// On-demand rotations that were acknowledged and not complete at the loss.
    pub rotations_in_progress_at_loss: usize,
    /// Those of them that the promotion gave up, as rule 7 allows; nothing was encrypted under their material.
    pub rotations_given_up: usize,
    /// Acknowledged changes that were missing during the loss.
    pub missing_during_loss: Vec<Missing>,
    /// Acknowledged changes that were missing in the end.
    pub missing_after_return: Vec<Missing>,
}

/// One promise.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// The promise.
    pub name: &'static str,
    /// True if it held.
    pub held: bool,
    /// What was seen.
    pub detail: String,
}

/// The promises of a run, in the order they were looked at.
#[derive(Debug, Clone, Default)]
pub struct Checks(Vec<Check>);

impl Checks {
    /// Adds a check.
    pub fn add(&mut self, name: &'static str, held: bool, detail: impl Into<String>) {
        self.0.push(Check { name, held, detail: detail.into() });
    }

    /// Adds a check that holds if `problems` is empty.
    pub fn none(&mut self, name: &'static str, problems: &[String], fine: impl Into<String>) {
        let detail = if problems.is_empty() { fine.into() } else { problems.join("; ") };
        self.add(name, problems.is_empty(), detail);
    }

    /// The list.
    pub fn into_list(self) -> Vec<Check> {
        self.0
    }
}

/// A time as a person reads it.
pub fn in_words(ms: Option<u64>) -> String {
    ms.map_or_else(|| "never".to_owned(), |ms| format!("{ms} ms"))
}

impl Report {
    /// The checks that did not hold.
    pub fn failed(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| !check.held)
    }

    /// Everything, for a person.
    pub fn text(&self) -> String {
        let mut text = format!(
            "Drill {}: lost {}, promoted {}, seed {}\n\nTimeline\n",
            self.drill, self.lost, self.promoted, self.seed
        );
        for event in &self.timeline {
            let _ = writeln!(text, "  t+{:>7} ms  {}", event.at_ms, event.event);
        }
        self.write_figures(&mut text);
        self.write_counts(&mut text);
        let _ = writeln!(text, "\nChecks");
        for check in &self.checks {
            let _ = writeln!(
                text,
                "  {}  {}: {}",
                if check.held { "ok    " } else { "FAILED" },
                check.name,
                check.detail
            );
        }
        let failed = self.failed().count();
        let verdict =
            if self.passed { "every check held".to_owned() } else { format!("{failed} checks FAILED") };
        let _ = writeln!(text, "\nVerdict: {verdict}");
        text
    }

    fn write_figures(&self, text: &mut String) {
        let figures = &self.figures;
        let _ = writeln!(text, "\nFigures");
        for (name, value) in [
            ("detection", figures.detection_ms),
            ("crypto RTO (longest gap of any client)", figures.crypto_rto_ms),
            ("promotion", figures.promotion_ms),
            ("control RTO (shared change acknowledged)", figures.control_rto_ms),
            ("restart of the lost Region", figures.restart_ms),
            ("catch-up of the lost Region", figures.catch_up_ms),
        ] {
            let _ = writeln!(text, "  {name:<42} {:>10}", in_words(value));
        }
        for (region, gap) in &figures.longest_gap_ms {
            let _ = writeln!(text, "  {:<42} {gap:>7} ms", format!("longest gap, clients of {region}"));
        }
        let missing = self.rpo.missing_during_loss.len() + self.rpo.missing_after_return.len();
        let (acknowledged, unknown) = (self.rpo.acknowledged, self.rpo.unknown);
        let _ = writeln!(
            text,
            "  {:<42} {missing} missing of {acknowledged} acknowledged ({unknown} unknown)",
            "RPO"
        );
    }

    fn write_counts(&self, text: &mut String) {
        let counts = &self.counts;
        let _ = writeln!(text, "\nCounts");
        let _ = writeln!(
            text,
            "  {} encrypts, {} cross-Region decrypts, {} served by another Region than the client's, {} retries",
            counts.encrypts, counts.cross_region_decrypts, counts.failovers, counts.retries
        );
        let _ = writeln!(
            text,
            "  not served: {} under multi-Region keys, {} under single-Region keys; {} not begun",
            counts.failed_operations, counts.unavailable_single_region, counts.skipped_operations
        );
        for (name, sweep) in
            [("during the loss", &self.sweep_during_loss), ("after the return", &self.sweep_after_return)]
        {
            let Sweep { ciphertexts, decrypts, failed, .. } = sweep;
            let _ =
                writeln!(text, "  {name}: {ciphertexts} ciphertexts, {decrypts} decrypts, {failed} failed");
        }
        for (error, count) in &counts.errors {
            let _ = writeln!(text, "  {count:>6} x {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_without_problems_holds() {
        let mut checks = Checks::default();
        checks.none("a", &[], "fine");
        checks.none("b", &["x".into(), "y".into()], "fine");
        let list = checks.into_list();
        assert!(list[0].held && list[0].detail == "fine");
        assert!(!list[1].held && list[1].detail == "x; y");
    }
}
