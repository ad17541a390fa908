//! One record per version, proposed or committed (C2), and every promotion carries on the newest record that may have been
//! agreed on: nothing that was committed below it is missing in it (C3, C5).
//!
//! Voters keep their promises (rule 3), candidates have those of a majority (rule 7), and members hold what counts on them (C1).
//!
//! A promotion changes the primary and the phase and nothing else, so that the record it carries on is known by its content.

use super::{Newest, Violation, broken, is_majority, reading};
use crate::address::RegionNumber;
use crate::deployment::{region_name, region_number};
use kms_state::{ControlRecord, Register};
use kms_types::{Epoch, KeyId, RecordVersion};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Default)]
pub(crate) struct Chain {
    /// Every record that any Region has ever accepted or committed.
    records: BTreeMap<(KeyId, RecordVersion), Arc<ControlRecord>>,
    committed: BTreeSet<(KeyId, RecordVersion)>,
    /// What was looked at last: accepted and committed.
    seen: BTreeMap<(RegionNumber, KeyId), Seen>,
}

#[derive(Clone, Default, PartialEq, Eq)]
struct Seen {
    promised: Option<Epoch>,
    accepted: Option<RecordVersion>,
    committed: Option<RecordVersion>,
    reading: (u64, bool),
}

impl Seen {
    fn of(register: &Register, reading: (u64, bool)) -> Self {
        let version = |record: &Option<Arc<ControlRecord>>| Some(record.as_ref()?.version.clone());
        Self {
            promised: register.promised.clone(),
            accepted: version(&register.accepted),
            committed: version(&register.committed),
            reading,
        }
    }
}

impl Chain {
    /// The Region has another history from now on.
    pub(crate) fn forget(&mut self, region: RegionNumber) {
        self.seen.retain(|(of, _), _| *of != region);
    }

    pub(crate) fn see(&mut self, region: RegionNumber, newest: &Newest) -> Result<(), Violation> {
        let Some(state) = newest.of(region).map(|applied| &applied.state) else { return Ok(()) };
        let reading = reading(state);
        for (key, register) in state.registers() {
            let now = Seen::of(register, reading);
            if self.seen.get(&(region, *key)) == Some(&now) {
                continue;
            }
            let before = self.seen.insert((region, *key), now.clone()).unwrap_or_default();
            // What is learned, or read elsewhere after a change of the directory, is not this voter's own agreement.
            let read = reading.1 || before.reading != reading;
            if !read && now.accepted != now.committed {
                keeps_promise(region, key, &before, &now)?;
            }
            for record in register.accepted.iter().chain(&register.committed) {
                self.is_one(region, record, newest)?;
            }
            if let Some(record) = &register.committed
                && self.committed.insert((*key, record.version.clone()))
            {
                self.is_carried_on(record)?;
                self.is_held(record, newest)?;
            }
        }
        Ok(())
    }

    fn is_one(
        &mut self,
        region: RegionNumber,
        record: &Arc<ControlRecord>,
        newest: &Newest,
    ) -> Result<(), Violation> {
        let place = (record.key, record.version.clone());
        if !self.records.contains_key(&place) && is_promotion(record) {
            promised_by_majority(region, record, newest)?;
        }
        let place = self.records.entry(place);
        match *place.or_insert_with(|| record.clone()) == *record {
            true => Ok(()),
            false => {
                let name = region_name(region);
                broken("C2", format!("{name} has another record {} of {}", record.version, record.key))
            }
        }
    }

    /// The record is in every committed promotion above it, and if it is a promotion, every committed one below is in it.
    fn is_carried_on(&self, record: &ControlRecord) -> Result<(), Violation> {
        let of_key = |(key, _): &&(KeyId, RecordVersion)| *key == record.key;
        let committed = self.committed.iter().filter(of_key).filter_map(|place| self.records.get(place));
        let committed: Vec<&Arc<ControlRecord>> = committed.filter(|other| !other.is_destroyed()).collect();
        for promotion in committed.iter().filter(|other| is_promotion(other)) {
            let base = self.base(promotion);
            let below = committed.iter().filter(|other| other.version < promotion.version);
            let lost = below.max_by(|a, b| a.version.cmp(&b.version)).filter(|newest| {
                !is_same(newest, promotion) && base.is_none_or(|base| base < &newest.version)
            });
            if let Some(lost) = lost {
                let (key, version) = (record.key, &promotion.version);
                return broken("C5", format!("{version} of {key} does not carry on {}", lost.version));
            }
        }
        Ok(())
    }

    /// Every active member holds the material that the newest record makes current (C1).
    fn is_held(&self, record: &ControlRecord, newest: &Newest) -> Result<(), Violation> {
        let above = (record.key, record.version.next());
        let overtaken = self.committed.range(above..).next().is_some_and(|(key, _)| *key == record.key);
        let Some(current) = record.current.filter(|_| !overtaken && !record.is_destroyed()) else {
            return Ok(());
        };
        for member in record.active_members().filter_map(region_number) {
            let Some(applied) = newest.of(member) else { continue };
            let holds = applied.state.key(&record.key).is_some_and(|key| key.held.contains_key(&current));
            if !holds {
                let (name, version) = (region_name(member), &record.version);
                return broken("C1", format!("{version} of {} counts on {current} in {name}", record.key));
            }
        }
        Ok(())
    }

    /// The newest record below a promotion that it can have carried on.
    fn base(&self, promotion: &ControlRecord) -> Option<&RecordVersion> {
        let below = self.records.range(..(promotion.key, promotion.version.clone()));
        let of_key = below.rev().take_while(|((key, _), _)| *key == promotion.key);
        of_key.filter(|(_, other)| is_same(other, promotion)).map(|((_, version), _)| version).next()
    }
}

/// Rule 3: what a voter accepts is not below what it has promised.
fn keeps_promise(region: RegionNumber, key: &KeyId, before: &Seen, now: &Seen) -> Result<(), Violation> {
    let fresh = now.accepted.as_ref().filter(|_| now.accepted != before.accepted);
    match fresh.filter(|accepted| Some(&accepted.epoch) < before.promised.as_ref()) {
        Some(accepted) => {
            broken("rule 3", format!("{} accepts {accepted} of {key} below its promise", region_name(region)))
        }
        None => Ok(()),
    }
}

/// Rule 7: whoever proposes a promotion has promises of a majority, each in its voter's log.
fn promised_by_majority(
    region: RegionNumber,
    record: &ControlRecord,
    newest: &Newest,
) -> Result<(), Violation> {
    let directory = newest.of(region).and_then(|applied| applied.state.directory());
    let voters = directory.map_or(0, |directory| directory.voters.len());
    let promised = newest.voters().filter(|(_, applied)| {
        let register = applied.state.register(&record.key);
        register.and_then(|r| r.promised.as_ref()).is_some_and(|epoch| *epoch >= record.version.epoch)
    });
    let promised: BTreeSet<RegionNumber> = promised.map(|(region, _)| region).collect();
    let count = promised.len();
    match is_majority(directory, &promised) {
        true => Ok(()),
        false => broken(
            "rule 7",
            format!("{} of {} is proposed with {count} promises of {voters}", record.version, record.key),
        ),
    }
}

fn is_promotion(record: &ControlRecord) -> bool {
    record.version.n == 1 && record.version.epoch.counter > 1 && record.unsafe_promotions == 0
}

fn is_same(one: &ControlRecord, other: &ControlRecord) -> bool {
    (&one.members, &one.materials, one.current, &one.removed)
        == (&other.members, &other.materials, other.current, &other.removed)
        && one.rotation == other.rotation
}
