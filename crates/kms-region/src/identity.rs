//! How identity records reach the other data Regions (ADR 0013): they pull from the home, in the order of its changes.
//!
//! ```text
//!   home       ── hint(position) ──►  others
//!   home       ◄── pull(position, copy under way) ──  other
//!   home       ── changes after that position, or the next part of a whole copy ──►  other ──► its log
//! ```
//!
//! What is refused (a gap, another history, an older epoch) is refused by the state machine; here only questions and
//! answers are matched. A Region that becomes home says so by an empty change in its epoch, so that nobody stays ahead of
//! it on the history that ended with the old home.

use kms_state::{Command, Identity, IdentityChange, IdentityCopy, IdentityEntry, Outcome, Position};
use kms_types::{Region, Timestamp};
use std::collections::BTreeMap;

use crate::{Machine, Message, message::batches, proposals::Pending};

/// What the machine keeps about identity records; all of it is made anew by the next leader.
#[derive(Debug, Clone, Default)]
pub(crate) struct IdentitySync {
    next_pull: Timestamp,
    /// A change is in the own log and its outcome is not known.
    proposed: bool,
    /// The home's newest position, as last heard.
    newest: Position,
    /// What the others were told last.
    announced: Position,
    /// The state that a whole copy was begun with, by the Region that takes it.
    copies: BTreeMap<Region, Identity>,
}

/// What operators see of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdentityStatus {
    /// The home, when one is known.
    pub home: Option<Region>,
    /// How many changes this Region has.
    pub sequence: u64,
    /// How many changes of the home are known to be missing here.
    pub lag: u64,
}

impl Machine {
    pub(crate) fn run_identity(&mut self) {
        let Some((home, epoch)) = self.state.identity_home() else { return };
        let (home, epoch) = (home.clone(), epoch.clone());
        if home != self.region {
            return self.pull_identity(&home);
        }
        let position = self.state.identity().position().clone();
        let is_new = position.epoch.as_ref().is_some_and(|of| *of != epoch);
        if is_new && self.now >= self.identity.next_pull {
            self.propose_identity(Command::ChangeIdentity(Box::<IdentityChange>::default()));
        }
        if position != self.identity.announced {
            self.identity.announced = position.clone();
            for to in self.others() {
                self.send(&to, Message::IdentityHint { position: position.clone() });
            }
        }
    }

    /// When the next pull is due; none at the home, on a witness, and while an answer is in the own log.
    pub(crate) fn identity_timeout(&self) -> Option<Timestamp> {
        let (home, _) = self.state.identity_home()?;
        let pulls = *home != self.region && self.holds_material() && !self.identity.proposed;
        pulls.then_some(self.identity.next_pull)
    }

    pub(crate) fn identity_status(&self) -> IdentityStatus {
        let home = self.state.identity_home().map(|(home, _)| home.clone());
        let sequence = self.state.identity().position().sequence;
        let known =
            if home.as_ref() == Some(&self.region) { sequence } else { self.identity.newest.sequence };
        IdentityStatus { home, sequence, lag: known.saturating_sub(sequence) }
    }

    fn pull_identity(&mut self, home: &Region) {
        if self.identity.proposed || self.now < self.identity.next_pull || !self.holds_material() {
            return;
        }
        self.identity.next_pull = self.now.plus_millis(self.config.pull_ms);
        let identity = self.state.identity();
        let (position, copy) = (identity.position().clone(), identity.incoming());
        self.send(home, Message::IdentityPull { position, copy });
    }

    fn propose_identity(&mut self, command: Command) {
        if !self.identity.proposed && self.may_propose() {
            self.identity.proposed = true;
            self.propose(command, Pending::Identity);
        }
    }

    pub(crate) fn identity_concluded(&mut self, outcome: Option<&Outcome>) {
        self.identity.proposed = false;
        let wait_ms = match outcome {
            Some(Outcome::Applied) => 0,
            _ => self.config.resend_ms,
        };
        let behind = self.identity.newest != *self.state.identity().position();
        if behind || wait_ms > 0 {
            self.identity.next_pull = self.now.plus_millis(wait_ms);
        }
    }

    pub(crate) fn on_identity_hint(&mut self, from: &Region, position: Position) {
        if self.is_identity_home(from) {
            if position != *self.state.identity().position() {
                self.identity.next_pull = self.now;
            }
            self.identity.newest = position;
        }
    }

    pub(crate) fn on_identity_pull(
        &mut self,
        from: &Region,
        position: &Position,
        copy: Option<(Position, u32)>,
    ) {
        let own = self.region.clone();
        if !self.is_identity_home(&own) {
            return;
        }
        let begun = self.identity.copies.get(from).map(|identity| identity.position().clone());
        match copy.filter(|(of, _)| Some(of) == begun.as_ref()) {
            Some((_, part)) => self.send_part(from, part),
            None => match self.changes_after(position) {
                Some(entries) => {
                    self.identity.copies.remove(from);
                    let newest = self.state.identity().position().clone();
                    self.send(from, Message::IdentityChanges { entries, newest });
                }
                None => {
                    let identity = self.state.identity().clone();
                    self.identity.copies.insert(from.clone(), identity);
                    self.send_part(from, 0);
                }
            },
        }
    }

    /// One message full of what follows; none when only a whole copy helps.
    fn changes_after(&self, position: &Position) -> Option<Vec<IdentityEntry>> {
        let entries = self.state.identity().entries_after(position)?;
        let few = entries.take(crate::MAX_ITEMS).map(|entry| IdentityEntry::clone(entry));
        Some(batches(few).into_iter().next().unwrap_or_default())
    }

    fn send_part(&mut self, to: &Region, part: u32) {
        let Some(identity) = self.identity.copies.get(to) else { return };
        let position = identity.position().clone();
        let mut all = batches(identity.all().map(|stored| (**stored).clone()));
        if all.is_empty() {
            all.push(Vec::new());
        }
        let parts = u32::try_from(all.len()).unwrap_or(u32::MAX);
        let records = usize::try_from(part).ok().and_then(|at| all.into_iter().nth(at));
        match records {
            Some(records) => {
                let copy = IdentityCopy { position, part, parts, records };
                self.send(to, Message::IdentityPart { copy });
            }
            None => drop(self.identity.copies.remove(to)),
        }
    }

    pub(crate) fn on_identity_changes(
        &mut self,
        from: &Region,
        entries: Vec<IdentityEntry>,
        newest: Position,
    ) {
        if !self.is_identity_home(from) {
            return;
        }
        self.identity.newest = newest;
        let own = self.state.identity().position();
        if entries.last().is_some_and(|last| last.position > *own) {
            self.propose_identity(Command::FollowIdentity { entries });
        }
    }

    pub(crate) fn on_identity_part(&mut self, from: &Region, copy: IdentityCopy) {
        if self.is_identity_home(from) {
            self.identity.newest = self.identity.newest.clone().max(copy.position.clone());
            self.propose_identity(Command::ReplaceIdentity(Box::new(copy)));
        }
    }

    /// Goes by this Region's own committed record: what a former home says counts nothing (invariant C6).
    fn is_identity_home(&self, region: &Region) -> bool {
        self.state.identity_home().is_some_and(|(home, _)| home == region)
    }
}
