//! What an observer of the whole deployment remembers: every vote, every record that any Region went by.

use kms_state::{ControlRecord, Directory, MaterialStatus, Voter, encode};
use kms_types::{RecordVersion, Region, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::{Rule, Rules, event::Event, fingerprint::Fingerprint, names};

/// Records, votes, and the rules that events have broken.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Every Region, in the order of the scenario's voters.
    regions: Vec<Region>,
    /// The voters of each generation, one bit for each history of a Region.
    generations: BTreeMap<u64, u8>,
    /// Who accepted which directory.
    directories: BTreeMap<(u64, Vec<u8>), u8>,
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
    /// One bit for each history of a Region that accepted it, by the generation that it went by then.
    by: BTreeMap<u64, u8>,
    /// Of these, those in whose time the deadline of a tombstone had passed.
    timely: BTreeMap<u64, u8>,
}

/// The bit of a Region's history: the lower half for the first one, the upper half for a rebuilt one.
pub(crate) const REBUILT: usize = 4;

impl History {
    /// A history that begins with a record which every voter goes by.
    pub fn new(regions: Vec<Region>, first: impl Iterator<Item = Arc<ControlRecord>>) -> Self {
        let everybody = (1_u8 << regions.len()) - 1;
        let generations = BTreeMap::from([(1, everybody)]);
        let mut history = Self { regions, generations, ..Self::default() };
        for record in first {
            let all = BTreeMap::from([(1, u8::MAX)]);
            let votes = Votes { record: record.clone(), by: all.clone(), timely: all };
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
        let voted = self.proposed.values().filter(|v| self.is_majority(&v.by)).map(|v| &v.record);
        voted.chain(self.committed.values())
    }

    /// A majority of some generation has accepted it, each of them no later than in that generation.
    fn is_majority(&self, votes: &BTreeMap<u64, u8>) -> bool {
        self.generations.iter().any(|(generation, voters)| {
            let by = votes.range(..=generation).fold(0, |by, (_, votes)| by | votes);
            is_most(by, *voters)
        })
    }

    fn bits(&self, directory: &Directory) -> u8 {
        let bit = |(region, voter): (&Region, &Voter)| {
            let place = self.regions.iter().position(|known| known == region).unwrap_or_default();
            let rebuilt = voter.incarnation == names::rebuilt_incarnation(region);
            1 << (place + if rebuilt { REBUILT } else { 0 })
        };
        directory.voters.iter().map(bit).fold(0, |bits, bit: u8| bits | bit)
    }

    fn accepted_directory(&mut self, by: u8, directory: &Directory) {
        *self.directories.entry((directory.generation, encode(directory))).or_default() |= by;
    }

    /// Rule 12: one directory per generation, accepted by a majority of the one before and of itself.
    fn adopted_directory(&mut self, directory: &Directory) {
        let (generation, voters) = (directory.generation, self.bits(directory));
        let known = self.generations.insert(generation, voters);
        let value = encode(directory);
        let rivals = self.directories.keys().filter(|(of, other)| *of == generation && *other != value);
        let rival = rivals.into_iter().any(|rival| {
            let by = self.directories.get(rival).copied().unwrap_or_default();
            self.generations.get(&(generation - 1)).is_some_and(|before| is_most(by, *before))
        });
        let by = self.directories.get(&(generation, value)).copied().unwrap_or_default();
        let before = self.generations.get(&(generation - 1)).copied().unwrap_or_default();
        let agreed = is_most(by, before) && is_most(by, voters);
        if known.is_some_and(|known| known != voters) || rival || !agreed {
            self.broken.add(Rule::Rule12);
        }
    }

    /// Remembers what happened in the history of a Region with this bit.
    pub fn note(&mut self, bit: usize, events: &[Event]) {
        for event in events {
            match event {
                Event::Voted { record, at, generation } => self.voted(1 << bit, record, *at, *generation),
                Event::AcceptedDirectory(directory) => self.accepted_directory(1 << bit, directory),
                Event::Directory(directory) => self.adopted_directory(directory),
                Event::Learned(record) => self.learned(record),
                Event::Cancelled(delete_at) => {
                    self.cancelled.insert(*delete_at);
                }
                Event::Broke(rule) => self.broken.add(*rule),
            }
        }
    }

    fn voted(&mut self, by: u8, record: &Arc<ControlRecord>, at: Timestamp, generation: u64) {
        let first = !self.proposed.contains_key(&record.version);
        let none = BTreeMap::new;
        let fresh = || Votes { record: record.clone(), by: none(), timely: none() };
        let votes = self.proposed.entry(record.version.clone()).or_insert_with(fresh);
        if votes.record != *record || record.primary != record.version.epoch.region {
            self.broken.add(Rule::C2);
        }
        let before = votes.by.clone();
        *votes.by.entry(generation).or_default() |= by;
        if record.deletion.is_none_or(|d| d.delete_at <= at) {
            *votes.timely.entry(generation).or_default() |= by;
        }
        let (was, is) = (self.is_majority(&before), self.is_chosen(&record.version));
        if first {
            self.check_proposed(record);
        }
        if is && !was {
            self.check_chosen(record);
        }
    }

    fn is_chosen(&self, version: &RecordVersion) -> bool {
        self.proposed.get(version).is_some_and(|votes| self.is_majority(&votes.by))
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
        let timely = self.proposed.get(&record.version).is_some_and(|v| self.is_majority(&v.timely));
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
        if record.is_given_up() {
            self.check_given_up(record);
        }
        self.check_sequence(record);
    }

    /// D1: nothing is given up that a Region of the deployment holds. The one that gives it up may be named by what its other
    /// history was.
    fn check_given_up(&mut self, record: &Arc<ControlRecord>) {
        let base = self.chosen().filter(|r| r.version < record.version && !r.is_destroyed());
        let base = base.max_by(|a, b| a.version.cmp(&b.version)).cloned();
        let voters = self.generations.last_key_value().map_or(0, |(_, voters)| *voters);
        let votes = |region: &Region| {
            let place = self.regions.iter().position(|known| known == region);
            place.is_some_and(|place| voters & (1 << place) != 0)
        };
        let held = base.is_some_and(|r| r.active_members().any(|m| *m != record.primary && votes(m)));
        if held {
            self.broken.add(Rule::D1);
        }
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
        if !self.is_chosen(&record.version) {
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
    /// primary, or with none. Later records of an epoch follow from the first.
    fn carries_on(&self, record: &ControlRecord) -> bool {
        let RecordVersion { epoch, n } = &record.version;
        let below = |version: &RecordVersion| version.epoch < *epoch;
        let acknowledged = self.chosen().filter(|r| below(&r.version)).map(|r| &r.version).max();
        // Who may give a key up is judged apart.
        let nobody = Directory::default();
        let promoted = |v: &Votes| {
            let given_up = v.record.give_up(epoch.clone(), &nobody).is_ok_and(|r| r == *record);
            given_up || v.record.promote(epoch.clone()).is_ok_and(|r| r == *record)
        };
        let mut adopted = self.proposed.iter().filter(|(v, votes)| below(v) && promoted(votes));
        *n > 1 || epoch.counter == 1 || adopted.any(|(version, _)| acknowledged <= Some(version))
    }

    /// A hash of all of it.
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Fingerprint::default();
        for votes in self.proposed.values() {
            hash.add(&(encode(&*votes.record), &votes.by, &votes.timely));
        }
        for record in self.committed.values() {
            hash.add(&(1_u8, encode(&**record)));
        }
        hash.add(&(&self.generations, &self.directories));
        hash.add(&(
            &self.cancelled.iter().map(|t| t.as_millis()).collect::<Vec<_>>(),
            self.forced,
            self.broken,
        ));
        hash.value()
    }
}

fn is_most(by: u8, voters: u8) -> bool {
    (by & voters).count_ones() * 2 > voters.count_ones()
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
