//! Rule 3: answering other Regions. An answer leaves only after the own Region's log holds what it says.

use kms_state::{AcceptAnswer, Command, ControlRecord, Outcome, PromiseAnswer};
use kms_types::{Epoch, KeyId, RecordVersion, Region};
use std::collections::BTreeSet;

use crate::{Alarm, Machine, Message, Output, message::batches, proposals::Pending};

/// Questions that are in the own log already; their repeats wait for the same answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Voting {
    accepts: BTreeSet<(KeyId, RecordVersion)>,
    promises: BTreeSet<(KeyId, Epoch)>,
}

impl Machine {
    pub(crate) fn on_accept(&mut self, from: Region, mut records: Vec<ControlRecord>) {
        self.drop_foreign(&from, "accept", &mut records, |r| &r.version.epoch);
        self.tell_destroyed(&from, records.iter().map(|r| r.key));
        let mut known = Vec::new();
        records.retain(|record| match self.known_accept(record) {
            Some(answer) => {
                known.push(answer);
                false
            }
            None => self.voting.accepts.insert((record.key, record.version.clone())),
        });
        self.send_accepted(&from, known);
        if !records.is_empty() {
            let asked = records.iter().map(|r| (r.key, r.version.clone())).collect();
            self.propose(Command::AcceptRecords { records }, Pending::Accept { to: from, asked });
        }
    }

    /// An answer that the applied state has already and that no later entry can change.
    fn known_accept(&self, record: &ControlRecord) -> Option<AcceptAnswer> {
        let register = self.register(&record.key)?;
        let same = register.accepted.as_ref().is_some_and(|a| a.version == record.version);
        // What was only read from another voter is for the log to judge (rule 12).
        let holds = register.promised.as_ref() == Some(&record.version.epoch);
        let accepted = same && holds && self.state.has_vote() && !record.is_destroyed();
        let overtaken = register.promised.as_ref() > Some(&record.version.epoch);
        let refused = overtaken && !seeded!(AcceptLowerEpoch | EqualEpochOfAnother);
        (accepted || refused).then(|| AcceptAnswer {
            key: record.key,
            version: record.version.clone(),
            accepted,
            promised: register.promised.clone(),
        })
    }

    pub(crate) fn on_prepare(&mut self, from: Region, mut epochs: Vec<(KeyId, Epoch)>) {
        self.drop_foreign(&from, "prepare", &mut epochs, |(_, epoch)| epoch);
        self.tell_destroyed(&from, epochs.iter().map(|(key, _)| *key));
        epochs.retain(|question| self.voting.promises.insert(question.clone()));
        if !epochs.is_empty() {
            let pending = Pending::Promise { to: from, asked: epochs.clone() };
            self.propose(Command::PromiseEpochs { epochs }, pending);
        }
    }

    pub(crate) fn answer_accept(
        &mut self,
        to: Region,
        asked: Vec<(KeyId, RecordVersion)>,
        outcome: Option<Outcome>,
    ) {
        for question in &asked {
            self.voting.accepts.remove(question);
        }
        if let Some(Outcome::Accepted(answers)) = outcome {
            self.send_accepted(&to, answers);
        }
    }

    pub(crate) fn answer_promise(
        &mut self,
        to: Region,
        asked: Vec<(KeyId, Epoch)>,
        outcome: Option<Outcome>,
    ) {
        for question in &asked {
            self.voting.promises.remove(question);
        }
        if let Some(Outcome::Promised(answers)) = outcome {
            for answers in batches::<PromiseAnswer>(answers) {
                self.send(&to, Message::Promise { answers });
            }
        }
    }

    fn send_accepted(&mut self, to: &Region, answers: Vec<AcceptAnswer>) {
        for answers in batches(answers) {
            self.send(to, Message::Accepted { answers });
        }
    }

    /// Nobody asks in another Region's epoch.
    fn drop_foreign<T>(
        &mut self,
        from: &Region,
        message: &'static str,
        items: &mut Vec<T>,
        epoch: impl Fn(&T) -> &Epoch,
    ) {
        let before = items.len();
        items.retain(|item| epoch(item).region == *from);
        if items.len() < before {
            self.outputs.push_back(Output::Alarm(Alarm::ForeignEpoch { from: from.clone(), message }));
        }
    }

    /// Who asks about a destroyed key has missed its tombstone (D3).
    pub(crate) fn tell_destroyed(&mut self, to: &Region, keys: impl Iterator<Item = KeyId>) {
        let tombstones = keys.filter_map(|key| self.committed(&key)).filter(|c| c.is_destroyed());
        let records: Vec<ControlRecord> = tombstones.map(|c| (*c).clone()).collect();
        if !records.is_empty() {
            self.send(to, Message::Learn { records });
        }
    }
}
