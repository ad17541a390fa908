//! What an observer of the whole deployment remembers: every vote, every record that any Region went by.

use kms_state::{ControlRecord, MaterialStatus, encode};
use kms_types::{RecordVersion, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::{Rule, Rules, event::Event, fingerprint::Fingerprint};

/// Records, votes, and the rules that events have broken.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// How many voters there are.
    voters: u32,
    /// Every record that was ever proposed and its votes.
    proposed: BTreeMap<RecordVersion, Votes>,
    /// Every record that any Region went by as committed.
    pub committed: BTreeMap<RecordVersion, Arc<ControlRecord>>,
    cancelled: BTreeSet<Timestamp>,
    /// A promotion without a majority has taken effect: C1, C3, C5 and C6 are not promised any more (rule 9).
    pub forced: bool,
    /// The rules that are broken so far.
    pub broken: Rules,
}

#[derive(Debug, Clone)]
struct Votes {
    record: Arc<ControlRecord>,
    /// One bit for each Region that accepted it.
    by: u8,
    /// Of these, the Regions in whose time the deadline of a tombstone had passed.
    timely: u8,
}

impl History {
    /// A history that begins with a record which every voter goes by.
    pub fn new(voters: usize, first: impl Iterator<Item = Arc<ControlRecord>>) -> Self {
        let voters = u32::try_from(voters).unwrap_or(u32::MAX);
        let mut history = Self { voters, ..Self::default() };
        for record in first {
            let votes = Votes { record: record.clone(), by: u8::MAX, timely: u8::MAX };
            history.proposed.insert(record.version.clone(), votes);
            history.committed.insert(record.version.clone(), record);
        }
        history
    }

    /// The newest record that is committed: known to be so by somebody, or accepted by a majority.
    pub fn latest(&self) -> Option<&Arc<ControlRecord>> {
        let tombstone = self.committed.values().find(|r| r.is_destroyed());
        tombstone.or_else(|| self.chosen().max_by(|a, b| a.version.cmp(&b.version)))
    }

    fn chosen(&self) -> impl Iterator<Item = &Arc<ControlRecord>> {
        let voted = self.proposed.values().filter(|v| self.is_majority(v.by)).map(|v| &v.record);
        voted.chain(self.committed.values())
    }

    fn is_majority(&self, votes: u8) -> bool {
        votes.count_ones() * 2 > self.voters
    }

    /// Remembers what happened in the Region with this place among the voters.
    pub fn note(&mut self, place: usize, events: &[Event]) {
        for event in events {
            match event {
                Event::Voted { record, at } => self.voted(1 << place, record, *at),
                Event::Learned(record) => self.learned(record),
                Event::Cancelled(delete_at) => {
                    self.cancelled.insert(*delete_at);
                }
                Event::Broke(rule) => self.broken.add(*rule),
            }
        }
    }

    fn voted(&mut self, by: u8, record: &Arc<ControlRecord>, at: Timestamp) {
        let first = !self.proposed.contains_key(&record.version);
        let fresh = || Votes { record: record.clone(), by: 0, timely: 0 };
        let votes = self.proposed.entry(record.version.clone()).or_insert_with(fresh);
        if votes.record != *record || record.primary != record.version.epoch.region {
            self.broken.add(Rule::C2);
        }
        let before = votes.by;
        votes.by |= by;
        if record.deletion.is_none_or(|d| d.delete_at <= at) {
            votes.timely |= by;
        }
        let (was, is) = (self.is_majority(before), self.is_majority(self.votes(&record.version)));
        if first {
            self.check_proposed(record);
        }
        if is && !was {
            self.check_chosen(record);
        }
    }

    fn votes(&self, version: &RecordVersion) -> u8 {
        self.proposed.get(version).map_or(0, |v| v.by)
    }

    /// D2 and D5: a tombstone is written by a primary that is alone and whose deletion still stands.
    fn check_proposed(&mut self, record: &Arc<ControlRecord>) {
        let Some(deletion) = record.deletion else { return };
        let base = self.chosen().filter(|r| r.version < record.version).max_by_key(|r| r.version.clone());
        let alone = base.is_none_or(|r| r.members.keys().eq([&record.primary]) || r.is_destroyed());
        if !alone && !self.forced {
            self.broken.add(Rule::D2);
        }
        if self.cancelled.contains(&deletion.delete_at) {
            self.broken.add(Rule::D5);
        }
    }

    /// The moment at which a record wins a majority.
    fn check_chosen(&mut self, record: &Arc<ControlRecord>) {
        let timely = self.proposed.get(&record.version).is_some_and(|v| self.is_majority(v.timely));
        if !timely {
            self.broken.add(Rule::D1);
        }
        if self.forced {
            return;
        }
        // The first record of an epoch must carry on what was chosen before; what is chosen late, too (C6).
        if !self.carries_on(record) {
            self.broken.add(Rule::C5);
        }
        let later = |r: &&Arc<ControlRecord>| r.version.epoch > record.version.epoch;
        if !self.chosen().filter(later).all(|r| self.carries_on(r)) {
            self.broken.add(Rule::C6);
        }
        self.check_sequence(record);
    }

    fn learned(&mut self, record: &Arc<ControlRecord>) {
        let known = self.committed.entry(record.version.clone()).or_insert_with(|| record.clone());
        if *known != *record {
            self.broken.add(Rule::C2);
        }
        self.forced |= record.unsafe_promotions > 0;
        if self.forced {
            return;
        }
        if !self.is_majority(self.votes(&record.version)) {
            self.broken.add(Rule::Rule1);
        }
        self.check_sequence(record);
    }

    /// C3 for one record against all the others; D3 as far as it is about the sequence.
    fn check_sequence(&mut self, record: &Arc<ControlRecord>) {
        let mut broken = Rules::default();
        for other in self.chosen() {
            let (low, high) = if other.version < record.version { (other, record) } else { (record, other) };
            if !high.is_destroyed() && low.is_destroyed() && low.version < high.version {
                broken.add(Rule::D3);
            }
            if drops(low, high) {
                broken.add(Rule::C3);
            }
        }
        self.broken = self.broken.and(broken);
    }

    /// The first record of an epoch is the highest of a lower one that could have been acknowledged, with another
    /// primary. Later records of an epoch follow from the first.
    fn carries_on(&self, record: &ControlRecord) -> bool {
        let RecordVersion { epoch, n } = &record.version;
        let below = |version: &RecordVersion| version.epoch < *epoch;
        let acknowledged = self.chosen().filter(|r| below(&r.version)).map(|r| &r.version).max();
        let promoted = |v: &Votes| v.record.promote(epoch.clone()).is_ok_and(|r| r == *record);
        let mut adopted = self.proposed.iter().filter(|(v, votes)| below(v) && promoted(votes));
        *n > 1 || epoch.counter == 1 || adopted.any(|(version, _)| acknowledged <= Some(version))
    }

    /// A hash of all of it.
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Fingerprint::default();
        for votes in self.proposed.values() {
            hash.add(&(encode(&*votes.record), votes.by, votes.timely));
        }
        for record in self.committed.values() {
            hash.add(&(1_u8, encode(&**record)));
        }
        hash.add(&(
            &self.cancelled.iter().map(|t| t.as_millis()).collect::<Vec<_>>(),
            self.forced,
            self.broken,
        ));
        hash.value()
    }
}

/// True when the higher record lacks a material that was active in the lower one, or gives its id to other bytes.
fn drops(low: &ControlRecord, high: &ControlRecord) -> bool {
    low.materials.iter().any(|old| {
        let kept = high.materials.iter().find(|m| m.id == old.id);
        let reassigned = kept.is_some_and(|m| m.commitment != old.commitment);
        let inactive = kept.is_none_or(|m| m.status != MaterialStatus::Active);
        reassigned || (old.status == MaterialStatus::Active && inactive)
    })
}
