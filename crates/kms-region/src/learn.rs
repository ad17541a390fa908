//! Following the own Region's state, and learning committed records from peers and from majorities (rule 1).

use kms_state::{Command, ControlRecord, State};
use kms_types::{KeyId, RecordVersion};
use std::collections::{BTreeMap, BTreeSet};

use crate::{Machine, Message, message::batches, proposals::Pending, pull::Peer};

/// Most records that wait for the own log before pulling pauses.
const MOST_LEARNED: usize = 1024;

#[derive(Debug, Clone, Default)]
pub(crate) struct Learning {
    /// The log index up to which committed records were looked at.
    seen: u64,
    /// Committed records that the state does not know yet.
    learned: BTreeMap<(KeyId, RecordVersion), ControlRecord>,
    /// Of these, and of rounds with a majority: the ones already proposed.
    proposed: BTreeSet<(KeyId, RecordVersion)>,
}

impl Learning {
    pub(crate) fn is_idle(&self) -> bool {
        self.learned.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.learned.len() >= MOST_LEARNED
    }
}

impl Machine {
    pub(crate) fn observe(&mut self, state: State) {
        self.state = state;
        self.follow_directory();
        let changed: Vec<(u64, KeyId)> = self.state.registers_since(self.learning.seen).collect();
        for (_, key) in &changed {
            self.rewatch(*key);
        }
        self.learning.seen = self.state.register_sequence().max(self.learning.seen);
        self.forget_known();
        self.hint(changed.iter().map(|(_, key)| key));
    }

    fn follow_directory(&mut self) {
        let Some(directory) = self.state.directory() else { return };
        let (own, now) = (&self.region, self.now);
        self.peers.retain(|region, _| directory.voters.contains_key(region));
        for region in directory.voters.keys().filter(|r| *r != own) {
            self.peers.entry(region.clone()).or_insert_with(|| Peer::new(now));
        }
    }

    fn forget_known(&mut self) {
        let mut learning = std::mem::take(&mut self.learning);
        learning.learned.retain(|_, record| self.is_news(record));
        learning.proposed.retain(|(key, version)| {
            learning.learned.contains_key(&(*key, version.clone())) || self.committed_before(key, version)
        });
        self.learning = learning;
    }

    fn committed_before(&self, key: &KeyId, version: &RecordVersion) -> bool {
        self.committed(key).is_none_or(|c| !c.is_destroyed() && c.version < *version)
    }

    /// The primary tells everybody at once; who misses it pulls a little later.
    fn hint<'a>(&mut self, mut changed: impl Iterator<Item = &'a KeyId>) {
        let own = changed.any(|key| self.committed(key).is_some_and(|c| c.primary == self.region));
        if own {
            let sequence = self.state.register_sequence();
            for to in self.others() {
                self.send(&to, Message::Hint { sequence });
            }
        }
    }

    /// Records that a verified peer knows to be committed.
    pub(crate) fn learn(&mut self, records: impl IntoIterator<Item = ControlRecord>) {
        for record in records {
            if self.is_news(&record) {
                self.learning.learned.insert((record.key, record.version.clone()), record);
            }
        }
    }

    /// True when committing the record would change the state: it outranks what is committed, or it names materials
    /// that were active on the other side of an unsafe promotion (rule 9).
    fn is_news(&self, record: &ControlRecord) -> bool {
        if !record.key.is_multi_region() {
            return false;
        }
        let Some(register) = self.register(&record.key) else { return true };
        match &register.committed {
            None => true,
            Some(committed) if committed.is_destroyed() && !seeded!(TombstoneLoses) => false,
            Some(committed) if record.is_destroyed() || record.version > committed.version => true,
            Some(committed) => committed
                .displaced_from(&record.materials)
                .any(|m| !register.displaced.iter().any(|known| known.id == m.id)),
        }
    }

    /// Proposes everything that is known to be committed and is not in the own state.
    pub(crate) fn flush_commits(&mut self) {
        if !self.may_propose() {
            return;
        }
        let Learning { learned, proposed, .. } = &self.learning;
        let fresh = |id: &(KeyId, RecordVersion)| !proposed.contains(id);
        let learned = learned.iter().filter(|(id, _)| fresh(id)).map(|(_, record)| record.clone());
        let chosen = self.chosen_records().filter(|r| fresh(&(r.key, r.version.clone()))).cloned();
        let records: Vec<ControlRecord> = learned.chain(chosen).collect();
        let ids = records.iter().map(|r| (r.key, r.version.clone()));
        self.learning.proposed.extend(ids);
        for records in batches(records) {
            let ids = records.iter().map(|r| (r.key, r.version.clone())).collect();
            self.propose(Command::CommitRecords { records }, Pending::Commit { records: ids });
        }
    }

    pub(crate) fn commit_lost(&mut self, records: &[(KeyId, RecordVersion)]) {
        for record in records {
            self.learning.proposed.remove(record);
        }
    }
}
