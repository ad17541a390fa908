//! The deployment as a model of stateright's: which events are possible in a state, and what each leads to.

use kms_region::Message;
use kms_state::Directory;
use kms_types::Region;
use stateright::{Model, Property};
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::{
    Action, Book, Bug, Call, Cost, Goal, Letter, Log, Pause, Rule, Scenario, Step, View, World,
    converge::{Votes, converges},
    deployment,
    event::Event,
    fingerprint,
    history::{self, History},
    judge::judge,
    names::{self, region},
    seeded,
};

/// A scenario, ready to be explored.
#[derive(Debug)]
pub struct Protocol {
    /// The scenario.
    pub scenario: Scenario,
    /// The bug that is built into the machines and registers.
    pub bug: Option<Bug>,
    book: Mutex<Book>,
    first: World,
    regions: Vec<Region>,
    stopped: AtomicBool,
    /// Whether Regions and letters come to a good end, by their fingerprint.
    endings: Mutex<HashMap<u64, bool>>,
    found: Mutex<BTreeSet<&'static str>>,
}

impl Protocol {
    /// Builds the deployment of a scenario.
    pub fn new(scenario: Scenario, bug: Option<Bug>) -> Self {
        let sites = deployment::settled(&scenario);
        let records = sites.iter().filter_map(|site| {
            site.state.register(&crate::names::key_id()).and_then(|register| register.committed.clone())
        });
        let regions: Vec<Region> = scenario.voters.iter().map(|name| region(name)).collect();
        let history = History::new(regions.clone(), records);
        let mut book = Book::default();
        let first = World {
            history: book.enter_history(history),
            sites: sites.into_iter().map(|site| book.enter_site(site)).collect(),
            lost: scenario
                .voters
                .iter()
                .enumerate()
                .filter(|(_, name)| scenario.gone.contains(name))
                .fold(0, |lost, (place, _)| lost | 1 << place),
            restored: 0,
            rebuilt: 0,
            letters: Vec::new(),
            spent: crate::Budget::default(),
            broken: crate::Rules::default(),
        };
        Self {
            scenario,
            bug,
            book: Mutex::new(book),
            first,
            regions,
            stopped: AtomicBool::new(false),
            endings: Mutex::default(),
            found: Mutex::default(),
        }
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no thread panics with the book")
    }

    /// The parts of a state.
    pub fn view<'a>(&'a self, world: &'a World) -> View<'a> {
        let book = self.book();
        let sites = world.sites.iter().map(|site| book.site(*site)).collect();
        View { scenario: &self.scenario, world, sites, history: book.history(world.history) }
    }

    /// How many different Regions, letters, histories and steps were met.
    pub fn sizes(&self) -> [usize; 4] {
        self.book().sizes()
    }

    /// Ends the exploration, when `true`: no state leads anywhere any more. Paths can be rebuilt after `false`.
    pub fn stop(&self, stopped: bool) {
        self.stopped.store(stopped, Ordering::Relaxed);
    }

    /// True while the exploration is ended.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// True the first time that `what` is asked for and `happens`. stateright keeps the last example of a property, and
    /// goes on asking; the first one is the shortest.
    pub(crate) fn is_first(&self, what: &'static str, happens: impl FnOnce() -> bool) -> bool {
        let mut found = self.found.lock().expect("no thread panics with the list");
        let first = !found.contains(what) && happens();
        if first {
            found.insert(what);
        }
        first
    }

    fn place(&self, at: &Region) -> Option<usize> {
        self.regions.iter().position(|region| region == at)
    }

    fn may(&self, world: &World, cost: Cost) -> bool {
        world.spent.times(cost) < self.scenario.budget.times(cost)
    }

    fn letter_actions(&self, book: &mut Book, world: &World, actions: &mut Vec<Action>) {
        for fingerprint in &world.letters {
            let letter = book.letter(*fingerprint);
            let Some(place) = self.place(&letter.to) else { continue };
            if self.may(world, Cost::Corrupt) && matches!(letter.message, Message::Material(_)) {
                actions.push(Action::Corrupt(*fingerprint));
            }
            // Idle letters stay under way: they may matter later, and are as good as lost until then.
            if !book.step(world.sites[place], &Step::Receive(*fingerprint)).idle {
                actions.push(Action::Deliver(*fingerprint));
                if self.may(world, Cost::Repeat) {
                    actions.push(Action::Repeat(*fingerprint));
                }
            }
        }
    }

    fn site_actions(&self, book: &mut Book, world: &World, place: usize, actions: &mut Vec<Action>) {
        let scenario = &self.scenario;
        let name = scenario.voters[place];
        let among = |names: &[&str]| names.contains(&name);
        let mut steps = Vec::new();
        let site = book.site(world.sites[place]);
        if site.has_backlog() {
            steps.push(Step::Apply);
        }
        if among(scenario.crashing) {
            steps.push(Step::Crash);
            steps.extend((scenario.log == Log::Slow && site.has_backlog()).then_some(Step::CrashWithLog));
        }
        if among(scenario.promoting) {
            steps.extend([Step::Promote, Step::PromoteUnsafely]);
        }
        if among(scenario.waiting) {
            steps.extend([Step::Pass(Pause::Short), Step::Pass(Pause::Long)]);
        }
        if among(scenario.calling) {
            let n = 2 + world.spent.times(Cost::Rotate);
            let imported = !scenario.importing.is_empty();
            steps.push(Step::Call(if imported { Call::RotateImported } else { Call::Rotate { n } }));
            steps.extend(scenario.joining.iter().map(|to| Step::Call(Call::Replicate { to: region(to) })));
            steps.extend(
                scenario.successors.iter().map(|to| Step::Call(Call::UpdatePrimary { to: region(to) })),
            );
            steps.extend(scenario.evicted.iter().map(|member| Step::Evict(region(member))));
            steps.push(Step::Call(Call::CancelDeletion));
        }
        if among(scenario.importing) {
            steps.push(Step::Call(Call::Import { n: 2 }));
        }
        if among(scenario.deleting) {
            steps.push(Step::Call(Call::ScheduleDeletion));
        }
        steps.extend(among(scenario.aging).then_some(Step::Window));
        if among(scenario.changing) {
            let removed = site.state.directory().is_some_and(|directory| !directory.removed.is_empty());
            let change = if removed { Step::Add } else { Step::Remove };
            let changed = scenario.removing.iter().filter(|changed| **changed != name);
            steps.extend(changed.map(|changed| change(region(changed))));
        }
        for step in steps {
            let action = Action::At(place, step.clone());
            let affordable = action.cost().is_none_or(|cost| self.may(world, cost));
            if affordable && !book.step(world.sites[place], &step).idle {
                actions.push(action);
            }
        }
        if among(scenario.losable) && self.may(world, Cost::Loss) {
            actions.push(Action::Lose(place));
        }
        if among(scenario.restored) && self.may(world, Cost::Restore) {
            actions.push(Action::Restore(place));
        }
    }

    fn take_step(&self, book: &mut Book, world: &mut World, place: usize, step: &Step) {
        let consequence = book.step(world.sites[place], step);
        let bit = if world.rebuilt & (1 << place) == 0 { place } else { place + history::REBUILT };
        world.history = book.note(world.history, bit, world.sites[place], step, &consequence);
        world.sites[place] = consequence.site;
        if world.is_heard(place, &self.scenario) {
            for letter in &consequence.letters {
                match self.hurries(book, world, letter) {
                    Some(to) => self.take_step(book, world, to, &Step::Receive(letter.fingerprint)),
                    None => self.post(world, letter),
                }
            }
        }
    }

    /// Some letters arrive at once, if they arrive, because to wait gives them no other effect worth telling apart:
    ///
    /// * A hint makes its receiver pull, and that pull may be late or lost.
    /// * An offer that is granted is answered with the same material at any time, and the answer may be late or lost.
    /// * A pull that is answered without news, and an answer without news, move a cursor. The pull that finds the news
    ///   is the next one.
    fn hurries(&self, book: &mut Book, world: &World, letter: &Letter) -> Option<usize> {
        let place = self.place(&letter.to).filter(|place| world.is_heard(*place, &self.scenario))?;
        let hurries = match letter.message {
            Message::Hint { .. } => !self.is_deaf(&letter.to),
            Message::Offer(_) => {
                let granted = book.step(world.sites[place], &Step::Receive(letter.fingerprint));
                granted.letters.iter().any(|answer| matches!(answer.message, Message::Material(_)))
            }
            Message::Pull { .. } => {
                let pulled = book.step(world.sites[place], &Step::Receive(letter.fingerprint));
                let quiet = |answer: &Arc<Letter>| {
                    self.place(&answer.to)
                        .is_some_and(|asker| self.moves_cursor_only(book, world, asker, answer))
                };
                pulled.site == world.sites[place] && pulled.letters.iter().all(quiet)
            }
            Message::Records { .. } => self.moves_cursor_only(book, world, place, letter),
            Message::DirectoryPrepare { .. }
            | Message::DirectoryPromise { .. }
            | Message::DirectoryAccept { .. }
            | Message::DirectoryAccepted { .. }
            | Message::DirectoryAsk
            | Message::DirectoryLearn { .. }
            | Message::Survey { .. }
            | Message::SurveyPage { .. } => self.scenario.prompt_directory && !self.is_deaf(&letter.to),
            _ => false,
        };
        hurries.then_some(place)
    }

    fn is_deaf(&self, to: &Region) -> bool {
        self.place(to).is_some_and(|place| self.scenario.deaf.contains(&self.scenario.voters[place]))
    }

    fn moves_cursor_only(&self, book: &mut Book, world: &World, place: usize, letter: &Letter) -> bool {
        if !matches!(letter.message, Message::Records { .. }) {
            return false;
        }
        let learned = book.step(world.sites[place], &Step::Receive(letter.fingerprint));
        learned.letters.is_empty()
            && learned.events.is_empty()
            && book.site(learned.site).has_backlog() == book.site(world.sites[place]).has_backlog()
    }

    fn post(&self, world: &mut World, letter: &Arc<Letter>) {
        let heard = self.place(&letter.to).is_some_and(|place| world.is_heard(place, &self.scenario));
        let deaf = matches!(letter.message, Message::Hint { .. }) && self.is_deaf(&letter.to);
        if heard
            && !deaf
            && let Err(at) = world.letters.binary_search(&letter.fingerprint)
        {
            world.letters.insert(at, letter.fingerprint);
        }
    }

    /// Letters that teach their receiver nothing any more are lost. What says nothing new now will not do so later
    /// either, for these kinds: they tell what is committed, or answer a question that has its answer. It merges states
    /// that differ in nothing but such letters.
    fn lose_stale(&self, book: &mut Book, world: &mut World) {
        let letters = std::mem::take(&mut world.letters);
        let fresh = letters.into_iter().filter(|fingerprint| {
            let letter = book.letter(*fingerprint);
            let answer = matches!(
                letter.message,
                Message::Hint { .. }
                    | Message::Records { .. }
                    | Message::Learn { .. }
                    | Message::Accepted { .. }
                    | Message::Promise { .. }
                    | Message::DirectoryLearn { .. }
                    | Message::DirectoryPromise { .. }
                    | Message::DirectoryAccepted { .. }
                    | Message::SurveyPage { .. }
            );
            let place = self.place(&letter.to).expect("letters go to voters");
            !answer || !book.step(world.sites[place], &Step::Receive(*fingerprint)).idle
        });
        world.letters = fresh.collect();
    }

    /// The Region is gone, or back at an earlier state: what is on its way to it does not arrive.
    fn forget_letters(&self, book: &Book, world: &mut World, place: usize) {
        world.letters.retain(|letter| self.place(&book.letter(*letter).to) != Some(place));
    }

    fn corrupt(&self, book: &mut Book, world: &mut World, fingerprint: u64) {
        let mut letter = (*book.letter(fingerprint)).clone();
        if let Message::Material(delivery) = &mut letter.message {
            for sealed in &mut delivery.materials {
                sealed.envelope.sealed = vec![0xee; 32];
            }
        }
        let letter = book.enter_letter(Letter::new(letter.from, letter.to, letter.message, letter.stamp));
        world.letters.retain(|other| *other != fingerprint);
        self.post(world, &letter);
    }

    /// The directory that a lost Region is let in with, as far as anybody alive knows one.
    fn invitation(&self, book: &Book, world: &World, place: usize) -> Option<Directory> {
        let region = &self.regions[place];
        let new = names::rebuilt_incarnation(region);
        let lets_in =
            |directory: &Directory| directory.voters.get(region).is_some_and(|v| v.incarnation == new);
        let alive = (0..world.sites.len()).filter(|other| world.is_alive(*other));
        let known = alive.flat_map(|other| {
            let state = &book.site(world.sites[other]).state;
            let next = state.next_directory().map(|next| next.directory.clone());
            state.directory().cloned().into_iter().chain(next).collect::<Vec<_>>()
        });
        known.filter(lets_in).max_by_key(|directory| directory.generation)
    }

    fn found(&self, book: &mut Book, world: &mut World, place: usize) {
        let Some(directory) = self.invitation(book, world, place) else { return };
        let began = [Event::AcceptedDirectory(Box::new(directory.clone()))];
        world.lost &= !(1 << place);
        world.rebuilt |= 1 << place;
        world.sites[place] = book.enter_site(deployment::rebuilt(&self.regions[place], directory));
        let mut history = (*book.history(world.history)).clone();
        history.note(place + history::REBUILT, &began);
        world.history = book.enter_history(history);
        // Its first leader begins to read.
        self.take_step(book, world, place, &Step::Crash);
    }

    fn keeps(&self, rule: Rule, world: &World) -> bool {
        !world.broken.has(rule) || !self.is_first(rule.name(), || true)
    }

    /// Worked out once for the same Regions and letters, whatever led to them.
    fn ends_well(&self, sites: &[u64], letters: &[u64], votes: Votes) -> bool {
        let ending = fingerprint(&(sites, letters, votes));
        let known = self.endings.lock().expect("no thread panics with the endings").get(&ending).copied();
        known.unwrap_or_else(|| {
            let book = self.book();
            let sites: Vec<_> = sites.iter().map(|site| book.site(*site)).collect();
            let letters: Vec<_> = letters.iter().map(|letter| book.letter(*letter)).collect();
            drop(book);
            let well = seeded::with(self.bug, || converges(&sites, &letters, votes));
            self.endings.lock().expect("no thread panics with the endings").insert(ending, well);
            well
        })
    }

    /// The second half of C7, for a sample of the states.
    fn converges(&self, world: &World) -> bool {
        if self.is_stopped() || !fingerprint(world).is_multiple_of(self.scenario.followed) {
            return true;
        }
        let forgotten = self.scenario.restored_are_heard && world.restored != 0;
        let votes = if forgotten { Votes::Forgotten } else { Votes::Kept };
        let heard = (0..world.sites.len()).filter(|place| world.is_heard(*place, &self.scenario));
        let heard: Vec<u64> = heard.map(|place| world.sites[place]).collect();
        // With the letters that are under way, and without them.
        let agree = self.ends_well(&heard, &world.letters, votes) && self.ends_well(&heard, &[], votes);
        agree || !self.is_first(Rule::Convergence.name(), || true)
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![self.first.clone()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if self.stopped.load(Ordering::Relaxed) {
            return;
        }
        seeded::with(self.bug, || {
            let book = &mut self.book();
            self.letter_actions(book, world, actions);
            for place in 0..world.sites.len() {
                if world.is_alive(place) {
                    self.site_actions(book, world, place, actions);
                } else if self.may(world, Cost::Found) && self.invitation(book, world, place).is_some() {
                    actions.push(Action::Found(place));
                }
            }
        });
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let book = &mut self.book();
        let mut next = world.clone();
        next.spent = action.cost().map_or(next.spent, |cost| next.spent.and(cost));
        seeded::with(self.bug, || match action {
            Action::Deliver(letter) | Action::Repeat(letter) => {
                if matches!(action, Action::Deliver(_)) {
                    next.letters.retain(|other| *other != letter);
                }
                let place = self.place(&book.letter(letter).to).expect("letters go to voters");
                self.take_step(book, &mut next, place, &Step::Receive(letter));
            }
            Action::Corrupt(letter) => self.corrupt(book, &mut next, letter),
            Action::Lose(place) => {
                next.lost |= 1 << place;
                self.forget_letters(book, &mut next, place);
            }
            Action::Restore(place) => {
                next.restored |= 1 << place;
                next.sites[place] = self.first.sites[place];
                if !self.scenario.restored_are_heard {
                    let restored = book.site(next.sites[place]).restored();
                    next.sites[place] = book.enter_site(restored);
                    self.forget_letters(book, &mut next, place);
                }
            }
            Action::Found(place) => self.found(book, &mut next, place),
            Action::At(place, step) => self.take_step(book, &mut next, place, &step),
        });
        seeded::with(self.bug, || self.lose_stale(book, &mut next));
        let sites: Vec<_> = next.sites.iter().map(|site| book.site(*site)).collect();
        let history = book.history(next.history);
        next.broken = history.broken.and(judge(&sites, &history));
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let rules = Rule::ALL.into_iter().filter(|rule| !self.scenario.excused.contains(rule));
        let rules = rules.map(|rule| Property::always(rule.name(), holds(rule)));
        let goals =
            self.scenario.goals.iter().map(|Goal { name, reached }| Property::sometimes(name, *reached));
        rules.chain(goals).collect()
    }
}

/// stateright takes plain functions.
fn holds(rule: Rule) -> fn(&Protocol, &World) -> bool {
    match rule {
        Rule::Rule1 => |protocol, world| protocol.keeps(Rule::Rule1, world),
        Rule::C1 => |protocol, world| protocol.keeps(Rule::C1, world),
        Rule::C2 => |protocol, world| protocol.keeps(Rule::C2, world),
        Rule::C3 => |protocol, world| protocol.keeps(Rule::C3, world),
        Rule::C4 => |protocol, world| protocol.keeps(Rule::C4, world),
        Rule::C5 => |protocol, world| protocol.keeps(Rule::C5, world),
        Rule::C6 => |protocol, world| protocol.keeps(Rule::C6, world),
        Rule::C7 => |protocol, world| protocol.keeps(Rule::C7, world),
        Rule::C8 => |protocol, world| protocol.keeps(Rule::C8, world),
        Rule::D1 => |protocol, world| protocol.keeps(Rule::D1, world),
        Rule::D2 => |protocol, world| protocol.keeps(Rule::D2, world),
        Rule::D3 => |protocol, world| protocol.keeps(Rule::D3, world),
        Rule::D4 => |protocol, world| protocol.keeps(Rule::D4, world),
        Rule::D5 => |protocol, world| protocol.keeps(Rule::D5, world),
        Rule::Rule12 => |protocol, world| protocol.keeps(Rule::Rule12, world),
        Rule::Convergence => |protocol, world| protocol.converges(world),
    }
}
