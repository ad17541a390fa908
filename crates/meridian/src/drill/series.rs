//! Many runs of one drill: how they went as a whole. Pure book-keeping.

use serde::Serialize;
use std::{collections::BTreeMap, fmt::Write, time::Duration};

use crate::drill::{latency::percentile, report::Report};

/// The runs so far.
#[derive(Debug, Clone, Default)]
pub struct Series {
    drill: String,
    first_seed: u64,
    wanted: u32,
    runs: Vec<OneRun>,
}

#[derive(Debug, Clone)]
struct OneRun {
    seed: u64,
    passed: bool,
    took_ms: u64,
    figures: Vec<(&'static str, u64)>,
    ciphertexts: u64,
    decrypts: usize,
    undecryptable: usize,
    acknowledged: usize,
    missing: usize,
}

/// The whole series.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// The drill's name.
    pub drill: String,
    /// Runs that were asked for.
    pub wanted: u32,
    /// Runs that were made.
    pub runs: usize,
    /// Runs in which every check held.
    pub passed: usize,
    /// Seed of the first run; the others count up.
    pub first_seed: u64,
    /// Seeds of the runs that failed.
    pub failed_seeds: Vec<u64>,
    /// Ciphertexts that were returned.
    pub ciphertexts: u64,
    /// Decrypts of the checks: every ciphertext in every Region.
    pub decrypts: usize,
    /// Those that did not give the plaintext.
    pub undecryptable: usize,
    /// Changes that were acknowledged.
    pub acknowledged: usize,
    /// Those that were missing.
    pub missing: usize,
    /// Times over the runs.
    pub figures: BTreeMap<&'static str, Spread>,
}

/// One figure over the runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// In so many runs.
    pub runs: usize,
    /// The least.
    pub min_ms: u64,
    /// Half of the runs needed no longer.
    pub p50_ms: u64,
    /// 99 of 100 runs needed no longer.
    pub p99_ms: u64,
    /// The most.
    pub max_ms: u64,
}

fn spread(mut values: Vec<u64>) -> Option<Spread> {
    values.sort_unstable();
    Some(Spread {
        runs: values.len(),
        min_ms: *values.first()?,
        p50_ms: percentile(&values, 50)?,
        p99_ms: percentile(&values, 99)?,
        max_ms: *values.last()?,
    })
}

impl Series {
    /// None yet of `wanted`.
    pub fn new(drill: &str, first_seed: u64, wanted: u32) -> Self {
        Self { drill: drill.to_owned(), first_seed, wanted, runs: Vec::new() }
    }

    /// One more.
    pub fn add(&mut self, report: &Report, took: Duration) {
        self.runs.push(OneRun {
            seed: report.seed,
            passed: report.passed,
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            figures: report.times(),
            ciphertexts: report.counts.encrypts,
            decrypts: report.checkpoints.iter().map(|checkpoint| checkpoint.sweep.decrypts).sum(),
            undecryptable: report.checkpoints.iter().map(|checkpoint| checkpoint.sweep.failed).sum(),
            acknowledged: report.rpo.acknowledged,
            missing: report.rpo.missing(),
        });
    }

    /// All of them together.
    pub fn summary(&self) -> Summary {
        let runs = &self.runs;
        let mut figures: BTreeMap<&'static str, Vec<u64>> = BTreeMap::new();
        for run in runs {
            run.figures.iter().for_each(|(name, ms)| figures.entry(name).or_default().push(*ms));
            figures.entry("length of a run").or_default().push(run.took_ms);
        }
        Summary {
            drill: self.drill.clone(),
            wanted: self.wanted,
            runs: runs.len(),
            passed: runs.iter().filter(|run| run.passed).count(),
            first_seed: self.first_seed,
            failed_seeds: runs.iter().filter(|run| !run.passed).map(|run| run.seed).collect(),
            ciphertexts: runs.iter().map(|run| run.ciphertexts).sum(),
            decrypts: runs.iter().map(|run| run.decrypts).sum(),
            undecryptable: runs.iter().map(|run| run.undecryptable).sum(),
            acknowledged: runs.iter().map(|run| run.acknowledged).sum(),
            missing: runs.iter().map(|run| run.missing).sum(),
            figures: figures.into_iter().filter_map(|(name, values)| Some((name, spread(values)?))).collect(),
        }
    }

    /// The summary for a person.
    pub fn text(&self) -> String {
        let summary = self.summary();
        let mut text = format!(
            "Drill {}: {} of {} runs, {} passed, seeds from {}\n\n",
            summary.drill, summary.runs, summary.wanted, summary.passed, summary.first_seed
        );
        let _ =
            writeln!(text, "  {:<42} {:>9} {:>9} {:>9} {:>9}", "milliseconds", "min", "p50", "p99", "max");
        for (name, Spread { min_ms, p50_ms, p99_ms, max_ms, .. }) in &summary.figures {
            let _ = writeln!(text, "  {name:<42} {min_ms:>9} {p50_ms:>9} {p99_ms:>9} {max_ms:>9}");
        }
        let Summary { ciphertexts, decrypts, undecryptable, acknowledged, missing, .. } = summary;
        let _ = writeln!(
            text,
            "\n  {ciphertexts} ciphertexts, {decrypts} decrypts in the checks, {undecryptable} undecryptable\n  \
             {acknowledged} acknowledged changes, {missing} missing"
        );
        for seed in &summary.failed_seeds {
            let _ = writeln!(text, "  FAILED with seed {seed}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_is_over_the_runs_that_have_the_figure() {
        let seen = spread(vec![30, 10, 20]).unwrap();
        assert_eq!((seen.runs, seen.min_ms, seen.p50_ms, seen.p99_ms, seen.max_ms), (3, 10, 20, 30, 30));
        assert_eq!(spread(Vec::new()), None);
    }
}
