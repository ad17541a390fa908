//! What ends a drill before its story does: damage, or too much time. Whatever was broken is mended, everything is checked
//! as always, and the drill fails.

use serde::Deserialize;
use std::time::{Duration, Instant};

use crate::drill::{
    definition::Time,
    observer::{Counts, Observer},
};

const POLL: Duration = Duration::from_millis(100);

/// When to stop.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct StopConditions {
    /// How long the steps may take in all.
    pub time_limit: Time,
    /// Stop at a ciphertext that does not open, a call that is refused and must not be, a wrong plaintext.
    pub undecryptable: bool,
    /// Stop at an acknowledged change that is missing, as soon as a `check` step sees it.
    pub missing_change: bool,
    /// Stop once this many operations under multi-Region keys were served by no Region.
    pub failed_calls: Option<u64>,
}

impl Default for StopConditions {
    fn default() -> Self {
        Self {
            time_limit: Time::from_ms(15 * 60_000),
            undecryptable: true,
            missing_change: true,
            failed_calls: None,
        }
    }
}

impl StopConditions {
    /// Ends with the reason once there is one.
    pub async fn watch(&self, observer: &Observer) -> String {
        let begin = Instant::now();
        loop {
            let reason = self.reason(begin.elapsed(), observer.violations().first(), &observer.counts());
            if let Some(reason) = reason {
                return reason;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn reason(&self, elapsed: Duration, violation: Option<&String>, counts: &Counts) -> Option<String> {
        if let Some(violation) = violation.filter(|_| self.undecryptable) {
            return Some(violation.clone());
        }
        if let Some(limit) = self.failed_calls.filter(|limit| counts.failed_operations >= *limit) {
            return Some(format!(
                "{} operations were served by no Region, and {limit} end the drill",
                counts.failed_operations
            ));
        }
        (elapsed >= self.time_limit.duration())
            .then(|| format!("the time limit of {} has passed", self.time_limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(1);

    #[test]
    fn nothing_ends_a_drill_without_a_reason() {
        assert_eq!(StopConditions::default().reason(SOON, None, &Counts::default()), None);
    }

    #[test]
    fn violation_ends_it_unless_the_definition_says_otherwise() {
        let (violation, counts) = ("a call was refused".to_owned(), Counts::default());
        let stop = StopConditions::default();
        assert_eq!(stop.reason(SOON, Some(&violation), &counts), Some(violation.clone()));
        let stop = StopConditions { undecryptable: false, ..stop };
        assert_eq!(stop.reason(SOON, Some(&violation), &counts), None);
    }

    #[test]
    fn time_and_failed_calls_are_limited() {
        let stop = StopConditions { failed_calls: Some(3), ..StopConditions::default() };
        let counts = |failed_operations| Counts { failed_operations, ..Counts::default() };
        assert_eq!(stop.reason(SOON, None, &counts(2)), None);
        assert!(stop.reason(SOON, None, &counts(3)).unwrap().contains("3 operations"));
        assert!(stop.reason(Duration::from_secs(900), None, &counts(0)).unwrap().contains("900 s"));
    }
}
