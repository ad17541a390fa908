//! Rule 12: after a change of the voters each of them reads what those before may have agreed on, page by page, until
//! it has read from one of every majority of theirs.
//!
//! An answer comes from a Region that goes by the new directory, so that it takes part in no agreement of the old one
//! any more. What it holds then is all that it ever knew of those.

use kms_state::{Command, Register};
use kms_types::{KeyId, Region, Timestamp};
use std::collections::BTreeMap;

use crate::{MAX_ITEMS, Machine, Message, proposals::Pending, rounds::resend_after};

/// Most bytes of registers in one answer, give or take the last.
const PAGE_BYTES: usize = 1 << 20;

/// How far each voter has been read; begun anew by the next leader.
#[derive(Debug, Clone, Default)]
pub(crate) struct Survey {
    reading: BTreeMap<Region, Reading>,
    /// The end is in the own log.
    finishing: bool,
}

#[derive(Debug, Clone, Default)]
struct Reading {
    after: Option<KeyId>,
    done: bool,
    /// A page is in the own log.
    merging: bool,
    attempts: u32,
    next_send: Timestamp,
}

impl Survey {
    pub(crate) fn is_idle(&self) -> bool {
        self.reading.is_empty()
    }
}

impl Machine {
    pub(crate) fn run_survey(&mut self) {
        if !self.state.is_survey_open() {
            if !self.survey.is_idle() {
                // What was read may be of keys that nobody holds.
                self.follow_orphans();
            }
            self.survey = Survey::default();
            return;
        }
        let Some(directory) = self.state.directory() else { return };
        let (generation, enough) = (directory.generation, directory.blocks_before(self.surveyed()));
        if !enough {
            return self.ask_voters_before();
        }
        if !self.survey.finishing && self.may_propose() {
            self.survey.finishing = true;
            self.propose(Command::FinishSurvey { generation }, Pending::FinishSurvey);
        }
    }

    /// Whose agreements are known here: a voter of the generation before knows its own.
    fn surveyed(&self) -> impl Iterator<Item = &Region> {
        let own = Some(&self.region).filter(|_| self.state.has_vote());
        let read = self.survey.reading.iter().filter(|(_, reading)| reading.done);
        own.into_iter().chain(read.map(|(region, _)| region))
    }

    fn ask_voters_before(&mut self) {
        let (now, config) = (self.now, self.config);
        let before = self.state.directory().map(|directory| directory.before.clone()).unwrap_or_default();
        for to in self.others().into_iter().filter(|region| before.contains(region)) {
            let reading = self.survey.reading.entry(to.clone()).or_default();
            if reading.done || reading.merging || reading.next_send > now {
                continue;
            }
            reading.next_send = now.plus_millis(resend_after(&config, reading.attempts));
            reading.attempts += 1;
            let after = reading.after;
            self.send(&to, Message::Survey { after });
        }
    }

    pub(crate) fn on_survey(&mut self, from: &Region, after: Option<KeyId>) {
        let (mut registers, mut bytes, mut last) = (Vec::new(), 0, true);
        for (key, register) in self.state.registers_after(after) {
            if registers.len() >= MAX_ITEMS || bytes >= PAGE_BYTES {
                last = false;
                break;
            }
            bytes += kms_state::encode(&**register).len();
            registers.push((*key, (**register).clone()));
        }
        self.send(from, Message::SurveyPage { after, registers, last });
    }

    pub(crate) fn on_survey_page(
        &mut self,
        from: Region,
        after: Option<KeyId>,
        registers: Vec<(KeyId, Register)>,
        last: bool,
    ) {
        let Some(reading) = self.survey.reading.get_mut(&from) else { return };
        if reading.merging || reading.done || reading.after != after {
            return;
        }
        reading.merging = true;
        let reached = registers.last().map(|(key, _)| *key).or(after);
        self.propose(Command::MergeRegisters { registers }, Pending::Merge { from, reached, last });
    }

    pub(crate) fn merge_concluded(
        &mut self,
        from: &Region,
        reached: Option<KeyId>,
        last: bool,
        applied: bool,
    ) {
        let now = self.now;
        let Some(reading) = self.survey.reading.get_mut(from) else { return };
        reading.merging = false;
        if applied {
            (reading.after, reading.done, reading.attempts, reading.next_send) = (reached, last, 0, now);
        }
    }

    pub(crate) fn finish_concluded(&mut self) {
        self.survey.finishing = false;
    }
}
