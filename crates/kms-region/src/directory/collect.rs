//! Asking voters about the next directory, answering them, and counting.

use kms_state::{Command, Directory, DirectoryAnswer, DirectoryHold, Outcome, ProposedDirectory};
use kms_types::{Epoch, Region};
use std::collections::{BTreeMap, BTreeSet};

use super::Stage;
use crate::{Force, Machine, Message, proposals::Pending, rounds::resend_after};

impl Machine {
    pub(super) fn collect_directory(&mut self, promises: &BTreeMap<Region, DirectoryAnswer>) {
        let Some(running) = &self.changes.running else { return };
        let (ballot, generation) = (running.ballot.clone(), running.generation);
        let late = self.now >= running.deadline && running.force == Force::Unsafe;
        if self.is_majority(promises.keys()) {
            return self.choose_directory(promises, ballot);
        }
        if late {
            return self.force_directory();
        }
        let asked: Vec<Region> = self.others().into_iter().filter(|r| !promises.contains_key(r)).collect();
        let message = Message::DirectoryPrepare { generation: generation + 1, ballot };
        self.send_directory(&asked, &message);
    }

    /// What was accepted under the highest ballot, or else what the operator wants.
    fn choose_directory(&mut self, promises: &BTreeMap<Region, DirectoryAnswer>, ballot: Epoch) {
        let accepted = promises.values().filter_map(|answer| answer.accepted.as_deref());
        let highest = accepted.max_by(|a, b| a.ballot.cmp(&b.ballot)).map(|found| found.directory.clone());
        let wanted = self.changes.running.as_ref().and_then(|running| running.wanted.clone());
        let present = self.state.directory().cloned();
        let fresh = || present?.after(&wanted?).ok();
        match highest.or_else(fresh) {
            Some(value) => self.propose_directory(value, ballot),
            None => self.changes.running = None,
        }
    }

    /// Rule 12 without a majority, by typed confirmation: it takes effect here and now.
    fn force_directory(&mut self) {
        let wanted = self.changes.running.as_ref().and_then(|running| running.wanted.clone());
        let (Some(present), Some(wanted)) = (self.state.directory(), wanted) else { return };
        if let Ok(next) = present.after(&wanted) {
            let forced = Directory { forced: next.forced + 1, ..next };
            self.commit_directory(forced, Force::Unsafe);
        }
    }

    pub(super) fn count_acceptances(&mut self, value: &Directory, accepted: &BTreeSet<Region>) {
        let Some(present) = self.state.directory() else { return };
        let by_present = present.is_majority(accepted) || seeded!(DirectoryWithoutOldMajority);
        if by_present && value.is_majority(accepted) && self.may_propose() {
            return self.commit_directory(value.clone(), Force::Safe);
        }
        let both: BTreeSet<Region> = present.voters.keys().chain(value.voters.keys()).cloned().collect();
        let asked: Vec<Region> =
            both.into_iter().filter(|r| *r != self.region && !accepted.contains(r)).collect();
        let Some(ballot) = self.changes.running.as_ref().map(|running| running.ballot.clone()) else {
            return;
        };
        let proposed = Box::new(ProposedDirectory { ballot, directory: value.clone() });
        self.send_directory(&asked, &Message::DirectoryAccept { proposed });
    }

    fn send_directory(&mut self, to: &[Region], message: &Message) {
        let (now, config) = (self.now, self.config);
        let Some(running) = &mut self.changes.running else { return };
        if running.next_send > now {
            return;
        }
        running.next_send = now.plus_millis(resend_after(&config, running.sends));
        running.sends += 1;
        for to in to {
            self.send(to, message.clone());
        }
    }

    pub(crate) fn on_directory_prepare(&mut self, from: Region, generation: u64, ballot: Epoch) {
        if ballot.region == from {
            let pending = Pending::AnswerDirectory { to: from, asked: Asked::Promise };
            self.propose(Command::PromiseDirectory { generation, ballot }, pending);
        }
    }

    pub(crate) fn on_directory_accept(&mut self, from: Region, proposed: Box<ProposedDirectory>) {
        if proposed.ballot.region == from {
            let pending = Pending::AnswerDirectory { to: from, asked: Asked::Accept };
            self.propose(Command::AcceptDirectory(proposed), pending);
        }
    }

    pub(crate) fn answer_directory(&mut self, to: &Region, asked: Asked, outcome: Option<Outcome>) {
        let Some(Outcome::DirectoryAnswered(answer)) = outcome else { return };
        let message = match asked {
            Asked::Promise => Message::DirectoryPromise { answer },
            Asked::Accept => Message::DirectoryAccepted { answer },
        };
        self.send(to, message);
    }

    pub(crate) fn on_directory_promise(&mut self, from: &Region, answer: DirectoryAnswer) {
        if !self.takes_answer(from, &answer) {
            return;
        }
        let granted = answer.granted;
        let Some(running) = &mut self.changes.running else { return };
        match &mut running.stage {
            Stage::Collecting { promises } if granted => {
                promises.insert(from.clone(), answer);
            }
            Stage::Collecting { .. } if answer.hold.is_none() => self.rest_change(),
            _ => {}
        }
    }

    pub(crate) fn on_directory_accepted(&mut self, from: &Region, answer: DirectoryAnswer) {
        if !self.takes_answer(from, &answer) {
            return;
        }
        let Some(running) = &mut self.changes.running else { return };
        match &mut running.stage {
            Stage::Accepting { accepted, .. } if answer.granted => {
                accepted.insert(from.clone());
            }
            Stage::Accepting { .. } if answer.hold.is_none() => self.rest_change(),
            _ => {}
        }
    }

    /// Counts for the ballot that is asked with; what keeps a voter from answering is remembered for the operator.
    fn takes_answer(&mut self, from: &Region, answer: &DirectoryAnswer) -> bool {
        if let Some(DirectoryHold::Generation(theirs)) = &answer.hold
            && self.state.directory().is_some_and(|own| *theirs > own.generation)
        {
            self.send(from, Message::DirectoryAsk);
        }
        self.changes.highest = self.changes.highest.take().max(answer.promised.clone());
        let Some(running) = &mut self.changes.running else { return false };
        if running.ballot != answer.ballot || running.generation + 1 != answer.generation {
            return false;
        }
        match &answer.hold {
            Some(hold) => running.holds.insert(from.clone(), hold.clone()),
            None => running.holds.remove(from),
        };
        true
    }
}

/// What another Region asked about a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Promise,
    Accept,
}
