//! Rule 12: changing which Regions vote. The next directory is agreed on like a record, with a ballot per attempt.
//!
//! ```text
//!   Own promise ──► Collecting ──majority of the present──► Proposing ──► Accepting ──majority of both──► in force
//!        ▲              │ a voter has promised more                          │ resumed by the next leader
//!        └── Resting ◄──┘
//! ```
//!
//! A change that somebody else began and did not finish is finished first. The answer of the operator's command says so.

mod collect;

pub(crate) use collect::Asked;

use kms_state::{
    Command, ControlRecord, Directory, DirectoryAnswer, DirectoryChange, DirectoryHold, Outcome,
    ProposedDirectory,
};
use kms_types::{Epoch, Region, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::{Alarm, DirectoryResult, Force, Losses, Machine, Message, Output, proposals::Pending};

/// How often a change tries a higher ballot before it gives way.
const MOST_ATTEMPTS: u32 = 4;

#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    running: Option<Change>,
    /// The highest ballot that a voter named.
    highest: Option<Epoch>,
    /// When a Region that goes by another directory may be told again.
    tell_again: BTreeMap<Region, Timestamp>,
    /// The directory was told to everybody when it came into force.
    told: u64,
}

#[derive(Debug, Clone)]
struct Change {
    request: Option<u64>,
    /// What the operator asked for; none for a change that a leader before has begun.
    wanted: Option<DirectoryChange>,
    force: Force,
    generation: u64,
    ballot: Epoch,
    stage: Stage,
    attempts: u32,
    deadline: Timestamp,
    holds: BTreeMap<Region, DirectoryHold>,
    sends: u32,
    next_send: Timestamp,
}

#[derive(Debug, Clone)]
enum Stage {
    /// To promise the ballot to itself.
    Start,
    /// The own promise is in the log.
    OwnPromise,
    /// Asking the other voters.
    Collecting { promises: BTreeMap<Region, DirectoryAnswer> },
    /// The value is in the own log.
    Proposing { value: Box<Directory> },
    /// Asking the voters of both directories.
    Accepting { value: Box<Directory>, accepted: BTreeSet<Region> },
    /// It is agreed on, and in the own log.
    Committing { value: Box<Directory> },
    /// Waiting before a higher ballot is tried.
    Resting { until: Timestamp },
}

impl Changes {
    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_none()
    }
}

impl Machine {
    pub(crate) fn change_directory(
        &mut self,
        change: DirectoryChange,
        force: Force,
        losses: Losses,
        request: u64,
    ) {
        if let Some(result) = self.refuses_change(&change, force, losses) {
            return self.report_directory(Some(request), result);
        }
        if let Some(running) = &mut self.changes.running {
            if running.request.is_some() {
                return self.report_directory(Some(request), DirectoryResult::InProgress);
            }
            // What a leader before has begun is finished first, and answers this request.
            (running.request, running.wanted, running.force) = (Some(request), Some(change), force);
            running.deadline = self.now.plus_millis(self.config.majority_ms);
            return;
        }
        self.begin_change(Some(request), Some(change), force);
    }

    /// What this Region can judge alone.
    fn refuses_change(
        &self,
        change: &DirectoryChange,
        force: Force,
        losses: Losses,
    ) -> Option<DirectoryResult> {
        let Some(directory) = self.state.directory() else { return Some(DirectoryResult::NotVoter) };
        if !self.state.counts() || !self.state.has_vote() {
            return Some(DirectoryResult::NotVoter);
        }
        if let DirectoryChange::Add { region, voter, .. } = change
            && directory.voters.get(region) == Some(voter)
        {
            return Some(DirectoryResult::Changed { generation: directory.generation });
        }
        if let Err(error) = directory.after(change) {
            return Some(DirectoryResult::Refused(error));
        }
        let DirectoryChange::Remove { region } = change else {
            return (force == Force::Unsafe).then_some(DirectoryResult::OnlyRemovalIsForced);
        };
        if *region == self.region {
            return Some(DirectoryResult::Own);
        }
        self.refuses_removal(region, directory, losses)
    }

    /// A key gets another primary before its own goes. One that no other Region holds cannot, and is lost.
    fn refuses_removal(
        &self,
        region: &Region,
        directory: &Directory,
        losses: Losses,
    ) -> Option<DirectoryResult> {
        let committed = self.state.registers().filter_map(|(_, register)| register.committed.as_ref());
        let led = committed.filter(|record| record.primary == *region && !record.is_destroyed());
        let has_heir = |record: &&Arc<ControlRecord>| record.other_holder(directory, region).is_some();
        let (inherited, last): (Vec<_>, Vec<_>) = led.partition(has_heir);
        if !inherited.is_empty() {
            return Some(DirectoryResult::StillPrimary { region: region.clone(), keys: inherited.len() });
        }
        let example = last.first().filter(|_| losses == Losses::Refused)?.key;
        Some(DirectoryResult::LastHolder { region: region.clone(), keys: last.len(), example })
    }

    fn begin_change(&mut self, request: Option<u64>, wanted: Option<DirectoryChange>, force: Force) {
        let Some(generation) = self.state.directory().map(|directory| directory.generation) else { return };
        self.changes.running = Some(Change {
            request,
            wanted,
            force,
            generation,
            ballot: self.next_ballot(),
            stage: Stage::Start,
            attempts: 0,
            deadline: self.now.plus_millis(self.config.majority_ms),
            holds: BTreeMap::new(),
            sends: 0,
            next_send: self.now,
        });
    }

    fn next_ballot(&self) -> Epoch {
        let known = self.state.next_directory_promise().into_iter().chain(&self.changes.highest);
        let counter = known.map(|ballot| ballot.counter).max().unwrap_or_default();
        Epoch { counter: counter + 1, region: self.region.clone() }
    }

    pub(crate) fn run_directory(&mut self) {
        self.tell_everybody();
        self.resume_change();
        self.conclude_change();
        self.step_change();
    }

    /// A change that this Region's leader before had accepted, and that no higher ballot has fenced.
    fn resume_change(&mut self) {
        let outstanding = self.state.next_directory().filter(|next| {
            next.ballot.region == self.region && self.state.next_directory_promise() == Some(&next.ballot)
        });
        let (None, Some(next)) = (&self.changes.running, outstanding.cloned()) else { return };
        self.begin_change(None, None, Force::Safe);
        if let Some(running) = &mut self.changes.running {
            running.ballot = next.ballot;
            let accepted = BTreeSet::from([self.region.clone()]);
            running.stage = Stage::Accepting { value: Box::new(next.directory), accepted };
        }
    }

    fn conclude_change(&mut self) {
        let Some(result) = self.change_result() else { return };
        let unfinished = matches!(result, DirectoryResult::Unconfirmed { .. });
        let Some(running) = self.changes.running.take() else { return };
        self.report_directory(running.request, result);
        if unfinished {
            // It goes on without anybody waiting for it.
            self.changes.running = Some(Change { request: None, wanted: None, ..running });
        }
    }

    fn change_result(&self) -> Option<DirectoryResult> {
        let running = self.changes.running.as_ref()?;
        let directory = self.state.directory()?;
        if directory.generation != running.generation {
            let generation = directory.generation;
            return Some(match running.wanted.as_ref().is_none_or(|wanted| is_made(directory, wanted)) {
                true => DirectoryResult::Changed { generation },
                false => DirectoryResult::OtherFirst { generation },
            });
        }
        if self.now < running.deadline || running.request.is_none() {
            return None;
        }
        let holds = running.holds.clone();
        match &running.stage {
            Stage::Accepting { value, accepted } => {
                let asked = directory.voters.keys().chain(value.voters.keys());
                let missing: BTreeSet<Region> = asked.filter(|r| !accepted.contains(*r)).cloned().collect();
                Some(DirectoryResult::Unconfirmed { missing: missing.into_iter().collect() })
            }
            Stage::Collecting { .. } if running.force == Force::Unsafe => None,
            Stage::Collecting { promises } => {
                let missing = self.others().into_iter().filter(|r| !promises.contains_key(r)).collect();
                Some(DirectoryResult::NoMajority { missing, holds })
            }
            Stage::Committing { .. } => None,
            _ => Some(DirectoryResult::NoMajority { missing: self.others(), holds }),
        }
    }

    fn step_change(&mut self) {
        let Some(running) = &self.changes.running else { return };
        match running.stage.clone() {
            Stage::Start if self.may_propose() => {
                let (generation, ballot) = (running.generation + 1, running.ballot.clone());
                self.set_stage(Stage::OwnPromise);
                self.propose(Command::PromiseDirectory { generation, ballot }, Pending::OwnDirectory);
            }
            Stage::Collecting { promises } => self.collect_directory(&promises),
            Stage::Accepting { value, accepted } => self.count_acceptances(&value, &accepted),
            Stage::Resting { until } if until <= self.now => {
                let ballot = self.next_ballot();
                if let Some(running) = &mut self.changes.running {
                    (running.ballot, running.stage) = (ballot, Stage::Start);
                }
            }
            _ => {}
        }
    }

    fn set_stage(&mut self, stage: Stage) {
        let now = self.now;
        if let Some(running) = &mut self.changes.running {
            (running.stage, running.sends, running.next_send) = (stage, 0, now);
        }
    }

    /// The outcome of this Region's own promise, own acceptance, or of the entry that brings the directory into force.
    pub(crate) fn own_directory_concluded(&mut self, outcome: Option<Outcome>) {
        let Some(stage) = self.changes.running.as_ref().map(|running| running.stage.clone()) else { return };
        let answer = match outcome {
            Some(Outcome::DirectoryAnswered(answer)) => Some(*answer),
            _ => None,
        };
        let ballot = self.changes.running.as_ref().map(|running| running.ballot.clone());
        match (stage, answer) {
            (Stage::Committing { value }, _) => {
                let accepted = BTreeSet::from([self.region.clone()]);
                // In force by now, or asked once more.
                self.set_stage(Stage::Accepting { value, accepted });
            }
            (Stage::OwnPromise, Some(answer)) if Some(&answer.ballot) == ballot.as_ref() => {
                self.own_promise_answered(answer);
            }
            (Stage::Proposing { value }, Some(answer)) if Some(&answer.ballot) == ballot.as_ref() => {
                self.own_acceptance_answered(*value, answer);
            }
            (Stage::OwnPromise | Stage::Proposing { .. }, _) => self.set_stage(Stage::Start),
            _ => {}
        }
    }

    fn own_promise_answered(&mut self, answer: DirectoryAnswer) {
        if answer.granted {
            let promises = BTreeMap::from([(self.region.clone(), answer)]);
            return self.set_stage(Stage::Collecting { promises });
        }
        self.held_or_fenced(answer);
    }

    fn own_acceptance_answered(&mut self, value: Directory, answer: DirectoryAnswer) {
        if answer.granted {
            let accepted = BTreeSet::from([self.region.clone()]);
            return self.set_stage(Stage::Accepting { value: Box::new(value), accepted });
        }
        self.held_or_fenced(answer);
    }

    fn held_or_fenced(&mut self, answer: DirectoryAnswer) {
        let own = self.region.clone();
        match answer.hold {
            Some(DirectoryHold::Step(error)) => self.finish_change(DirectoryResult::Refused(error)),
            Some(hold) => {
                let until = self.now.plus_millis(self.config.resend_ms);
                if let Some(running) = &mut self.changes.running {
                    running.holds.insert(own, hold);
                }
                self.set_stage(Stage::Resting { until });
            }
            None => {
                self.changes.highest = self.changes.highest.take().max(answer.promised);
                self.rest_change();
            }
        }
    }

    /// As for a promotion: longer with every attempt, and differently in every Region.
    fn rest_change(&mut self) {
        let place =
            self.state.directory().map_or(0, |d| d.voters.keys().take_while(|r| **r != self.region).count());
        let Some(running) = &mut self.changes.running else { return };
        running.attempts += 1;
        let attempts = running.attempts;
        if attempts >= MOST_ATTEMPTS {
            return self.finish_change(DirectoryResult::Superseded);
        }
        let wait_ms = self.config.resend_ms.saturating_mul(u64::from(attempts) * (2 + place as u64));
        self.set_stage(Stage::Resting { until: self.now.plus_millis(wait_ms) });
    }

    fn finish_change(&mut self, result: DirectoryResult) {
        if let Some(running) = self.changes.running.take() {
            self.report_directory(running.request, result);
        }
    }

    fn report_directory(&mut self, request: Option<u64>, result: DirectoryResult) {
        if let Some(request) = request {
            self.outputs.push_back(Output::DirectoryReport { request, result });
        }
    }

    /// A Region that came in with an invitation cannot know that its directory was agreed on before those who were there
    /// have answered it in that generation.
    fn may_tell(&self) -> bool {
        self.state.has_vote()
    }

    /// Everybody that either directory names hears of a change as soon as it is in force here; a leader begins with it.
    fn tell_everybody(&mut self) {
        let told = self.changes.told.max(1);
        let Some(directory) = self.state.directory().filter(|d| d.generation > told && self.may_tell())
        else {
            return;
        };
        let message = Message::DirectoryLearn { directory: Box::new(directory.clone()) };
        let mut names: BTreeSet<Region> = directory.voters.keys().chain(&directory.before).cloned().collect();
        names.remove(&self.region);
        self.changes.told = directory.generation;
        for to in names {
            self.send(&to, message.clone());
        }
    }

    /// A letter that was not heard because its sender goes by another directory, or was removed.
    pub(crate) fn on_other_directory(&mut self, from: &Region, theirs: u64) {
        let Some(directory) = self.state.directory() else { return };
        let message = match theirs > directory.generation {
            true => Message::DirectoryAsk,
            false if self.may_tell() => Message::DirectoryLearn { directory: Box::new(directory.clone()) },
            false => return,
        };
        let now = self.now;
        if self.changes.tell_again.get(from).is_none_or(|at| *at <= now) {
            self.changes.tell_again.insert(from.clone(), now.plus_millis(self.config.resend_ms));
            self.send(from, message);
        }
    }

    pub(crate) fn on_directory_ask(&mut self, from: &Region) {
        if let Some(directory) = self.state.directory().filter(|_| self.may_tell()).cloned() {
            self.send(from, Message::DirectoryLearn { directory: Box::new(directory) });
        }
    }

    /// Who tells of it has proven to be a voter.
    pub(crate) fn on_directory_learn(&mut self, directory: Directory) {
        let newer = self.state.directory().is_some_and(|own| directory.generation > own.generation);
        if newer && self.may_propose() {
            self.propose(Command::CommitDirectory(Box::new(directory)), Pending::Directory);
        }
    }

    fn commit_directory(&mut self, value: Directory, how: Force) {
        if how == Force::Unsafe {
            let (region, generation) = (self.region.clone(), value.generation);
            self.outputs.push_back(Output::Alarm(Alarm::ForcedDirectory { region, generation }));
        }
        self.set_stage(Stage::Committing { value: Box::new(value.clone()) });
        self.propose(Command::CommitDirectory(Box::new(value)), Pending::OwnDirectory);
    }

    fn propose_directory(&mut self, value: Directory, ballot: Epoch) {
        let proposed = ProposedDirectory { ballot, directory: value.clone() };
        self.set_stage(Stage::Proposing { value: Box::new(value) });
        self.propose(Command::AcceptDirectory(Box::new(proposed)), Pending::OwnDirectory);
    }
}

/// True when the directory is what the change wanted.
fn is_made(directory: &Directory, change: &DirectoryChange) -> bool {
    match change {
        DirectoryChange::Add { region, voter, .. } => directory.voters.get(region) == Some(voter),
        DirectoryChange::Remove { region } => !directory.voters.contains_key(region),
        DirectoryChange::Link { region, nodes } => directory.links.get(region) == Some(nodes),
    }
}
