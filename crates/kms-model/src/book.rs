//! Every Region, letter and history that was met so far, by fingerprint, and what each step in each Region led to.
//!
//! A Region's step depends on that Region and the letter alone, so it is worked out once, however many states of the
//! whole deployment it occurs in. Exploring is then mostly a matter of looking up.

use std::collections::HashMap;
use std::sync::Arc;

use crate::{Letter, Rule, Site, Step, event::Event, fingerprint, history::History};

/// What one step in one Region led to.
#[derive(Debug)]
pub struct Consequence {
    /// The Region afterwards, by fingerprint.
    pub site: u64,
    /// What it sent.
    pub letters: Vec<Arc<Letter>>,
    /// What happened in its log.
    pub events: Vec<Event>,
    /// True when nothing at all came of it.
    pub idle: bool,
}

/// The parts of all states.
#[derive(Debug, Default)]
pub struct Book {
    sites: HashMap<u64, Arc<Site>>,
    letters: HashMap<u64, Arc<Letter>>,
    histories: HashMap<u64, Arc<History>>,
    steps: HashMap<(u64, u64), Arc<Consequence>>,
    notes: HashMap<(u64, u64, u64), u64>,
}

impl Book {
    /// The Region with this fingerprint.
    pub fn site(&self, fingerprint: u64) -> Arc<Site> {
        self.sites[&fingerprint].clone()
    }

    /// The letter with this fingerprint.
    pub fn letter(&self, fingerprint: u64) -> Arc<Letter> {
        self.letters[&fingerprint].clone()
    }

    /// The history with this fingerprint.
    pub fn history(&self, fingerprint: u64) -> Arc<History> {
        self.histories[&fingerprint].clone()
    }

    /// Enters a Region.
    pub fn enter_site(&mut self, site: Site) -> u64 {
        let fingerprint = site.fingerprint();
        self.sites.entry(fingerprint).or_insert_with(|| Arc::new(site));
        fingerprint
    }

    /// Enters a letter.
    pub fn enter_letter(&mut self, letter: Letter) -> Arc<Letter> {
        self.letters.entry(letter.fingerprint).or_insert_with(|| Arc::new(letter)).clone()
    }

    /// Enters a history.
    pub fn enter_history(&mut self, history: History) -> u64 {
        let fingerprint = history.fingerprint();
        self.histories.entry(fingerprint).or_insert_with(|| Arc::new(history));
        fingerprint
    }

    /// What `step` leads to in the Region with this fingerprint.
    pub fn step(&mut self, at: u64, step: &Step) -> Arc<Consequence> {
        let place = (at, fingerprint::fingerprint(step));
        if let Some(known) = self.steps.get(&place) {
            return known.clone();
        }
        let worked_out = Arc::new(self.work_out(at, step));
        self.steps.insert(place, worked_out.clone());
        worked_out
    }

    /// The history after `consequence` of `step`, in the Region with this place that was `at`.
    pub fn note(
        &mut self,
        history: u64,
        place: usize,
        at: u64,
        step: &Step,
        consequence: &Consequence,
    ) -> u64 {
        if consequence.events.is_empty() {
            return history;
        }
        let note = (history, at, fingerprint::fingerprint(step));
        if let Some(known) = self.notes.get(&note) {
            return *known;
        }
        let mut next = (*self.history(history)).clone();
        next.note(place, &consequence.events);
        let next = self.enter_history(next);
        self.notes.insert(note, next);
        next
    }

    fn work_out(&mut self, at: u64, step: &Step) -> Consequence {
        let site = self.site(at);
        let letter = match step {
            Step::Receive(letter) => Some(self.letter(*letter)),
            _ => None,
        };
        let stepped = site.step(step, letter.as_deref());
        let mut events = stepped.events;
        if letter.is_some() && changes_again(&stepped.site, step, letter.as_deref()) {
            events.push(Event::Broke(Rule::C7));
        }
        let letters: Vec<_> = stepped.letters.into_iter().map(|letter| self.enter_letter(letter)).collect();
        let site = self.enter_site(stepped.site);
        let idle = stepped.refused || (site == at && letters.is_empty() && events.is_empty());
        Consequence { site, letters, events, idle }
    }

    /// How many different Regions, letters, histories and steps were met.
    pub fn sizes(&self) -> [usize; 4] {
        [self.sites.len(), self.letters.len(), self.histories.len(), self.steps.len()]
    }
}

/// C7: the second delivery of the same letter changes the replicated state.
fn changes_again(site: &Site, step: &Step, letter: Option<&Letter>) -> bool {
    !site.has_backlog() && site.step(step, letter).site.replicated() != site.replicated()
}
