//! What a drill must reach, and the judgement whether it did. Pure: figures in, checks out.

use serde::Deserialize;

use crate::drill::{
    definition::Time,
    observer::Counts,
    report::{Check, Figures, Rpo, in_words},
};

/// Targets; one that is absent is not judged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Targets {
    /// The longest time that calls and shared changes may stand still: both of the next two.
    pub rto: Option<Time>,
    /// The longest time that the clients of any Region may have no success.
    pub crypto_rto: Option<Time>,
    /// The longest time from the fault until a shared change is acknowledged again.
    pub control_rto: Option<Time>,
    /// The most acknowledged changes that may be missing.
    pub rpo: Option<usize>,
    /// The longest time until probes notice the fault.
    pub detection: Option<Time>,
    /// The most operations under multi-Region keys that no Region may have served.
    pub failed_calls: Option<u64>,
    /// The 99th percentile of what clients wait for an answer, failover included.
    pub p99: Option<Time>,
}

/// What the targets are compared with.
#[derive(Debug, Clone, Copy)]
pub struct Reached<'a> {
    /// Times.
    pub figures: &'a Figures,
    /// Changes.
    pub rpo: &'a Rpo,
    /// Calls.
    pub counts: &'a Counts,
}

impl Targets {
    /// These, with what `other` names put in their place.
    pub fn or(self, other: Targets) -> Targets {
        Targets {
            rto: other.rto.or(self.rto),
            crypto_rto: other.crypto_rto.or(self.crypto_rto),
            control_rto: other.control_rto.or(self.control_rto),
            rpo: other.rpo.or(self.rpo),
            detection: other.detection.or(self.detection),
            failed_calls: other.failed_calls.or(self.failed_calls),
            p99: other.p99.or(self.p99),
        }
    }

    /// One check for each target.
    pub fn judge(&self, reached: &Reached<'_>) -> Vec<Check> {
        let Reached { figures, rpo, counts } = reached;
        let missing = rpo.missing();
        let times = [
            ("crypto RTO", self.crypto_rto.or(self.rto), figures.crypto_rto_ms),
            ("control RTO", self.control_rto.or(self.rto), figures.control_rto_ms),
            ("detection", self.detection, figures.detection_ms),
            ("p99 of calls", self.p99, figures.p99_ms),
        ];
        let times = times.into_iter().filter_map(|(name, limit, seen)| Some(within(name, limit?, seen)));
        let numbers = [
            ("RPO", self.rpo.map(|rpo| rpo as u64), missing as u64, "acknowledged changes missing"),
            ("failed calls", self.failed_calls, counts.failed_operations, "operations that no Region served"),
        ];
        let numbers = numbers.into_iter().filter_map(|(name, limit, seen, what)| {
            let limit = limit?;
            Some(target(name, seen <= limit, format!("{seen} {what}, at most {limit}")))
        });
        times.chain(numbers).collect()
    }
}

/// A moment that never came misses every target.
fn within(name: &str, limit: Time, seen_ms: Option<u64>) -> Check {
    let held = seen_ms.is_some_and(|ms| ms <= limit.as_ms());
    target(name, held, format!("{}, at most {limit}", in_words(seen_ms)))
}

fn target(name: &str, held: bool, detail: String) -> Check {
    Check { name: format!("target: {name}"), held, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(targets: Targets, figures: &Figures) -> Vec<(String, bool)> {
        let (rpo, counts) = (Rpo::default(), Counts { failed_operations: 2, ..Counts::default() });
        let checks = targets.judge(&Reached { figures, rpo: &rpo, counts: &counts });
        checks.into_iter().map(|check| (check.name, check.held)).collect()
    }

    #[test]
    fn rto_is_a_target_for_calls_and_for_shared_changes() {
        let targets = Targets { rto: Some(Time::from_ms(5_000)), ..Targets::default() };
        let figures =
            Figures { crypto_rto_ms: Some(5_000), control_rto_ms: Some(5_001), ..Figures::default() };
        let expected = [("target: crypto RTO".to_owned(), true), ("target: control RTO".to_owned(), false)];
        assert_eq!(judge(targets, &figures), expected);
    }

    #[test]
    fn moment_that_never_came_misses_its_target() {
        let targets = Targets { detection: Some(Time::from_ms(60_000)), ..Targets::default() };
        assert_eq!(judge(targets, &Figures::default()), [("target: detection".to_owned(), false)]);
    }

    #[test]
    fn numbers_are_the_most_that_is_allowed() {
        let targets = Targets { rpo: Some(0), failed_calls: Some(1), ..Targets::default() };
        let expected = [("target: RPO".to_owned(), true), ("target: failed calls".to_owned(), false)];
        assert_eq!(judge(targets, &Figures::default()), expected);
    }

    #[test]
    fn flags_replace_targets_of_the_file_one_by_one() {
        let file = Targets { rpo: Some(0), rto: Some(Time::from_ms(1)), ..Targets::default() };
        let flags = Targets { rto: Some(Time::from_ms(2)), ..Targets::default() };
        assert_eq!(
            file.or(flags),
            Targets { rpo: Some(0), rto: Some(Time::from_ms(2)), ..Targets::default() }
        );
    }
}
