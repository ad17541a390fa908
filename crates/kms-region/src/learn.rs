//! Following the own Region's state, and learning committed records from peers and from majorities (rule 1).

use kms_state::{Command, ControlRecord, State};
use kms_types::{KeyId, RecordVersion, Region};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{Machine, Message, message::batches, proposals::Pending, pull::Peer, survey::Survey};

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
            self.drop_strangers_of(key);
            self.follow_orphan(*key);
        }
        self.learning.seen = self.state.register_sequence().max(self.learning.seen);
        self.forget_known();
        self.hint(changed.iter().map(|(_, key)| key));
    }

    fn follow_directory(&mut self) {
        let Some(directory) = self.state.directory().filter(|d| d.generation != self.generation) else {
            return;
        };
        let (own, now) = (self.region.clone(), self.now);
        // A Region that was removed has nobody to talk to.
        let voters = if self.state.is_in_directory() { directory.voters.clone() } else { BTreeMap::new() };
        self.generation = directory.generation;
        let same = |region: &Region, peer: &Peer| {
            voters.get(region).is_some_and(|voter| voter.incarnation == peer.incarnation)
        };
        self.peers.retain(|region, peer| same(region, peer));
        for (region, voter) in voters.iter().filter(|(region, _)| **region != own) {
            self.peers.entry(region.clone()).or_insert_with(|| Peer::new(voter.incarnation, now));
        }
        self.count_votes_anew();
        self.drop_strangers();
    }

    /// What was said to this Region under another directory counts nothing any more (rule 12): a voter may have been
    /// replaced by one that has said nothing.
    fn count_votes_anew(&mut self) {
        self.survey = Survey::default();
        self.primary.forget_acks();
        self.recount_rounds();
        self.recollect_promises();
    }

    /// Members that left the deployment are removed from the keys whose primary is this Region.
    fn drop_strangers(&mut self) {
        let keys: Vec<KeyId> = self.state.registers().map(|(key, _)| *key).collect();
        for key in keys {
            self.drop_strangers_of(&key);
        }
        self.follow_orphans();
    }

    fn drop_strangers_of(&mut self, key: &KeyId) {
        let own = |record: &Arc<ControlRecord>| record.primary == self.region && !record.is_destroyed();
        let Some(record) = self.committed(key).filter(own) else { return };
        let Some(directory) = self.state.directory() else { return };
        let strangers: Vec<Region> =
            record.members.keys().filter(|r| !directory.voters.contains_key(*r)).cloned().collect();
        for region in strangers.into_iter().filter(|region| *region != self.region) {
            self.primary.want_removal(*key, region);
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
