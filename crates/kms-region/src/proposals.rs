//! The machine's proposals whose outcome is not known yet.

use kms_state::{Command, ControlRecord, Outcome};
use kms_types::{Epoch, KeyId, RecordVersion, Region};
use std::collections::BTreeMap;

use crate::{Machine, Output, directory::Asked};

/// What a proposal was made for.
#[derive(Debug, Clone)]
pub(crate) enum Pending {
    /// Accept for a peer.
    Accept { to: Region, asked: Vec<(KeyId, RecordVersion)> },
    /// Promise to a peer.
    Promise { to: Region, asked: Vec<(KeyId, Epoch)> },
    /// Promise to this Region's own promotions.
    OwnPromise { asked: Vec<(KeyId, Epoch)> },
    /// The adopted record of a promotion.
    Promotion { record: Box<ControlRecord> },
    /// A primary's next record.
    Record { key: KeyId },
    /// Records to learn.
    Commit { records: Vec<(KeyId, RecordVersion)> },
    /// Materials to install. They are asked for again if they do not show up in the state.
    Install,
    /// Identity records of the home, or the own claim to be it.
    Identity,
    /// A key to destroy.
    Destroy { key: KeyId },
    /// The own promise, acceptance or commitment of the next directory.
    OwnDirectory,
    /// A peer's question about the next directory.
    AnswerDirectory { to: Region, asked: Asked },
    /// A directory that a peer has told of.
    Directory,
    /// Registers of a voter of the generation before, up to a key.
    Merge { from: Region, reached: Option<KeyId>, last: bool },
    /// The survey is complete.
    FinishSurvey,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Proposals {
    last: u64,
    pub(crate) pending: BTreeMap<u64, Pending>,
}

impl Machine {
    pub(crate) fn propose(&mut self, command: Command, pending: Pending) {
        self.proposals.last += 1;
        let tag = self.proposals.last;
        self.proposals.pending.insert(tag, pending);
        self.outputs.push_back(Output::Propose { tag, command });
    }

    /// `None` when the outcome is unknown. Whatever was asked is asked again by its own timer.
    pub(crate) fn conclude(&mut self, tag: u64, outcome: Option<Outcome>) {
        let Some(pending) = self.proposals.pending.remove(&tag) else { return };
        if outcome.is_none() {
            // A Region without a leader fails proposals at once: do not spin.
            self.quiet_until = self.now.plus_millis(self.config.resend_ms);
        }
        match pending {
            Pending::Accept { to, asked } => self.answer_accept(to, asked, outcome),
            Pending::Promise { to, asked } => self.answer_promise(to, asked, outcome),
            Pending::OwnPromise { asked } => self.own_promise_concluded(asked, outcome),
            Pending::Promotion { record } => self.promotion_concluded(*record, outcome),
            Pending::Record { key } => self.record_concluded(key, outcome.as_ref()),
            Pending::Commit { records } if outcome.is_none() => self.commit_lost(&records),
            Pending::Commit { .. } | Pending::Install | Pending::Directory => {}
            Pending::Identity => self.identity_concluded(outcome.as_ref()),
            Pending::Destroy { key } => self.destroy_concluded(key),
            Pending::OwnDirectory => self.own_directory_concluded(outcome),
            Pending::AnswerDirectory { to, asked } => self.answer_directory(&to, asked, outcome),
            Pending::Merge { from, reached, last } => {
                self.merge_concluded(&from, reached, last, outcome == Some(Outcome::Applied));
            }
            Pending::FinishSurvey => self.finish_concluded(),
        }
    }
}
