//! What a drill found: figures, counts, checks, verdict, timeline; as JSON for machines. `text` and `html` show it to people.

mod text;

use serde::Serialize;
use std::collections::BTreeMap;

use crate::drill::{
    latency::Series,
    ledger::Missing,
    observer::{Counts, Event, Gap},
    verify::Sweep,
};

/// The version of the JSON report.
pub const VERSION: u32 = 2;

/// The report of one run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The version of this format.
    pub version: u32,
    /// The drill's name.
    pub drill: String,
    /// What it rehearses.
    pub description: String,
    /// When it began, UTC.
    pub started: String,
    /// Seed of its choices.
    pub seed: u64,
    /// What repeats it.
    pub command: String,
    /// What it ran on.
    pub cluster: ClusterShape,
    /// The definition's parts and the Regions that played them.
    pub parts: BTreeMap<String, String>,
    /// The part `lost`: the Region that was lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<String>,
    /// The part `heir`: the Region that took over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promoted: Option<String>,
    /// Times.
    pub figures: Figures,
    /// Acknowledged changes, and those that are missing.
    pub rpo: Rpo,
    /// Calls.
    pub counts: Counts,
    /// Every check of all ciphertexts and changes, the last one in the end.
    pub checkpoints: Vec<Checkpoint>,
    /// Every check.
    pub checks: Vec<Check>,
    /// True if every check held.
    pub passed: bool,
    /// Why the drill ended before its story did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// The steps as they went.
    pub steps: Vec<StepRun>,
    /// When which fault was in force.
    pub faults: Vec<FaultWindow>,
    /// The longest stretch without success of each Region's clients.
    pub outages: BTreeMap<String, Gap>,
    /// How long the clients of each Region waited, over time.
    pub latency: Vec<Series>,
    /// When it ended, since its begin.
    pub end_ms: u64,
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
    /// From the first fault until the drill's own probes noticed it.
    pub detection_ms: Option<u64>,
    /// The longest time that the clients of any Region had no success, from the first fault to the end.
    pub crypto_rto_ms: Option<u64>,
    /// The same for the clients of each Region; those of a lost one fail over.
    pub longest_gap_ms: BTreeMap<String, u64>,
    /// From the first fault until a new primary led every key.
    pub promotion_ms: Option<u64>,
    /// From the first fault until a shared change was acknowledged again.
    pub control_rto_ms: Option<u64>,
    /// From the start of nodes until all of their Region served.
    pub restart_ms: Option<u64>,
    /// From the end of the last fault until all Regions agreed.
    pub catch_up_ms: Option<u64>,
    /// Half of the clients' operations took no longer.
    pub p50_ms: Option<u64>,
    /// 99 of 100 of the clients' operations took no longer.
    pub p99_ms: Option<u64>,
    /// Rotations that a `rotate-under-faults` step saw complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotations: Option<u64>,
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
    /// On-demand rotations that were acknowledged and not complete when the first fault began.
    pub rotations_in_progress_at_loss: usize,
    /// Those of them that a promotion gave up, as rule 7 allows; nothing was encrypted under their material.
    pub rotations_given_up: usize,
    /// Acknowledged changes that were missing at a check before the last.
    pub missing_during_loss: Vec<Missing>,
    /// Acknowledged changes that were missing in the end.
    pub missing_after_return: Vec<Missing>,
}

impl Rpo {
    /// How many acknowledged changes were missing, at any check.
    pub fn missing(&self) -> usize {
        self.missing_during_loss.len() + self.missing_after_return.len()
    }
}

/// All ciphertexts and changes, looked at once.
#[derive(Debug, Clone, Serialize)]
pub struct Checkpoint {
    /// When, in words.
    pub name: String,
    /// When it began.
    pub at_ms: u64,
    /// The ciphertexts.
    pub sweep: Sweep,
    /// Acknowledged changes that were missing.
    pub missing: usize,
}

/// One step as it went.
#[derive(Debug, Clone, Serialize)]
pub struct StepRun {
    /// From 1.
    pub number: usize,
    /// Line of the definition.
    pub line: usize,
    /// The step as written.
    pub step: String,
    /// When it began.
    pub from_ms: u64,
    /// When it ended.
    pub to_ms: u64,
    /// How.
    pub outcome: StepOutcome,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepOutcome {
    /// It was done.
    Done,
    /// It could not be done, or not in time.
    Failed,
    /// A stop condition ended it.
    Stopped,
}

/// A fault and its time.
#[derive(Debug, Clone, Serialize)]
pub struct FaultWindow {
    /// In words.
    pub what: String,
    /// Its begin.
    pub from_ms: u64,
    /// Its end; absent while it is in force.
    pub to_ms: Option<u64>,
}

/// One promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The promise.
    pub name: String,
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
    pub fn add(&mut self, name: impl Into<String>, held: bool, detail: impl Into<String>) {
        self.0.push(Check { name: name.into(), held, detail: detail.into() });
    }

    /// Adds a check that holds if `problems` is empty.
    pub fn none(&mut self, name: impl Into<String>, problems: &[String], fine: impl Into<String>) {
        let detail = if problems.is_empty() { fine.into() } else { problems.join("; ") };
        self.add(name, problems.is_empty(), detail);
    }

    /// Adds checks that were judged elsewhere.
    pub fn extend(&mut self, checks: Vec<Check>) {
        self.0.extend(checks);
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

    /// The verdict in words.
    pub fn verdict(&self) -> String {
        match self.failed().count() {
            0 => "every check held".to_owned(),
            1 => "1 check FAILED".to_owned(),
            failed => format!("{failed} checks FAILED"),
        }
    }

    /// The figures that have a value, by name.
    pub fn times(&self) -> Vec<(&'static str, u64)> {
        let figures = &self.figures;
        let all = [
            ("detection", figures.detection_ms),
            ("crypto RTO (longest gap of any client)", figures.crypto_rto_ms),
            ("promotion", figures.promotion_ms),
            ("control RTO (shared change acknowledged)", figures.control_rto_ms),
            ("restart until every node served", figures.restart_ms),
            ("catch-up until all Regions agreed", figures.catch_up_ms),
            ("p50 of clients' operations", figures.p50_ms),
            ("p99 of clients' operations", figures.p99_ms),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
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
