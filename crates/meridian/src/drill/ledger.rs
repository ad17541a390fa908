//! What was changed and acknowledged, as registers: each holds one value at a time, and a read must show the last
//! acknowledged one or one tried after it. Pure book-keeping.

use kms_types::Region;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a change is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Subject {
    /// Where it holds: one Region's own, or shared by all.
    pub scope: Scope,
    /// The key id.
    pub key: String,
    /// Which property.
    pub property: Property,
}

/// Where a change holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// A shared property of a multi-Region key.
    Shared,
    /// A property that each Region keeps for itself.
    Region(Region),
}

/// The properties that a drill changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Property {
    /// The period of automatic rotation, in days.
    RotationPeriod,
    /// The number of on-demand rotations.
    Rotations,
    /// The description.
    Description,
    /// The value of one tag.
    Tag,
    /// The target of an alias.
    Alias,
    /// The key policy.
    Policy,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The API said yes.
    Acknowledged,
    /// No answer, or a fault: it may hold.
    Unknown,
}

/// A change that was acknowledged and is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// What it was about.
    #[serde(flatten)]
    pub subject: Subject,
    /// Where it was looked for.
    pub region: Region,
    /// The values that would have been right.
    pub expected: Vec<String>,
    /// What is there.
    pub found: String,
}

/// Every change of a drill.
#[derive(Debug, Clone, Default)]
pub struct Ledger(BTreeMap<Subject, Vec<(String, Outcome)>>);

impl Ledger {
    /// A change was tried.
    pub fn record(&mut self, subject: Subject, value: String, outcome: Outcome) {
        self.0.entry(subject).or_default().push((value, outcome));
    }

    /// What `region` kept for itself is gone with it.
    pub fn lost_with(&mut self, region: &Region) {
        self.0.retain(|subject, _| subject.scope != Scope::Region(region.clone()));
    }

    /// Every subject of which something was acknowledged.
    pub fn subjects(&self) -> impl Iterator<Item = &Subject> {
        self.0
            .iter()
            .filter(|(_, values)| values.iter().any(|(_, o)| *o == Outcome::Acknowledged))
            .map(|(s, _)| s)
    }

    /// The values that a read may show: the last acknowledged one and every unknown one after it. Rotations are counted:
    /// every acknowledged one and any number of the unknown ones.
    pub fn allowed(&self, subject: &Subject) -> Vec<String> {
        let values = self.0.get(subject).map(Vec::as_slice).unwrap_or_default();
        if subject.property == Property::Rotations {
            let (least, unknown) = (count(values, Outcome::Acknowledged), count(values, Outcome::Unknown));
            return (least..=least + unknown).map(|n| n.to_string()).collect();
        }
        let last = values.iter().rposition(|(_, outcome)| *outcome == Outcome::Acknowledged).unwrap_or(0);
        values.iter().skip(last).map(|(value, _)| value.clone()).collect()
    }

    /// How many different values ended with this outcome; one that was unknown first and acknowledged later counts as
    /// acknowledged.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.0.values().map(|values| count(values, outcome)).sum()
    }
}

fn count(values: &[(String, Outcome)], outcome: Outcome) -> usize {
    let best: BTreeMap<&String, bool> = values.iter().fold(BTreeMap::new(), |mut best, (value, outcome)| {
        *best.entry(value).or_default() |= *outcome == Outcome::Acknowledged;
        best
    });
    best.into_values().filter(|acknowledged| *acknowledged == (outcome == Outcome::Acknowledged)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject() -> Subject {
        Subject { scope: Scope::Shared, key: "mrk-1".into(), property: Property::RotationPeriod }
    }

    fn ledger(changes: &[(&str, Outcome)]) -> Ledger {
        let mut ledger = Ledger::default();
        changes.iter().for_each(|(value, outcome)| ledger.record(subject(), (*value).into(), *outcome));
        ledger
    }

    #[test]
    fn last_acknowledged_and_later_unknown_values_are_allowed() {
        use Outcome::{Acknowledged, Unknown};
        let ledger = ledger(&[("90", Acknowledged), ("91", Unknown), ("92", Acknowledged), ("93", Unknown)]);
        assert_eq!(ledger.allowed(&subject()), ["92", "93"]);
        assert_eq!((ledger.count(Acknowledged), ledger.count(Unknown)), (2, 2));
    }

    #[test]
    fn value_that_is_acknowledged_later_counts_once() {
        let ledger =
            ledger(&[("1", Outcome::Unknown), ("1", Outcome::Acknowledged), ("2", Outcome::Unknown)]);
        assert_eq!((ledger.count(Outcome::Acknowledged), ledger.count(Outcome::Unknown)), (1, 1));
    }

    #[test]
    fn rotations_are_counted() {
        let mut ledger = Ledger::default();
        let subject = Subject { property: Property::Rotations, ..subject() };
        for (number, outcome) in
            [("1", Outcome::Unknown), ("2", Outcome::Unknown), ("2", Outcome::Acknowledged)]
        {
            ledger.record(subject.clone(), number.into(), outcome);
        }
        assert_eq!(ledger.allowed(&subject), ["1", "2"]);
    }

    #[test]
    fn subject_without_an_acknowledged_change_promises_nothing() {
        let ledger = ledger(&[("90", Outcome::Unknown)]);
        assert_eq!(ledger.subjects().count(), 0);
    }
}
