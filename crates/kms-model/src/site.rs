//! One Region: its replicated state, its log, and the machine that its leader runs. The state is `kms_state::State` and
//! the machine is `kms_region::Machine`, as in the server; the driver around them does here what it does there, in the
//! same order: feed the state, feed the input, carry out what the machine asks for.

use kms_crypto::Envelope;
use kms_region::{
    Config, Delivery, Input, Machine, Message, NotHeard, Offer, Output, SealedMaterial, Sender, Want, hear,
};
use kms_state::{
    Command, InstallMaterial, Lifecycle, NewMaterial, Origin, Outcome, Proposal, RegionRole, State, encode,
};
use kms_types::{ProposalId, Region, Timestamp};
use std::collections::VecDeque;

use crate::{
    Call, Letter, call,
    event::{self, Event},
    fingerprint::Fingerprint,
    letter::{self, Stamp},
    names,
};

/// When every scenario begins, in the driver's time and in Region time.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_000_000);
/// Long enough for repeats, pulls and requests, too short for anything that gives up.
const SHORT_MS: u64 = 1_000;
/// Longer than every timer.
const LONG_MS: u64 = 1_000_000;

/// The machine's timers: any order of their ends can be had by letting time pass in one Region and not in another.
fn config() -> Config {
    Config {
        resend_ms: 10,
        resend_most_ms: 10,
        pull_ms: 500,
        install_ms: 10,
        staged_ms: 100_000,
        majority_ms: 100_000,
        silence_ms: 100_000,
        handoff_ms: 100_000,
        reclaim_ms: 100_000,
        alarm_ms: u64::MAX,
        leave_ms: 100,
    }
}

/// When an entry of the log is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Log {
    /// At once: the leader answers nothing else meanwhile.
    Immediate,
    /// By a step of its own, so that letters, time and crashes come between proposal and outcome.
    Slow,
}

/// How much time passes for a Region's leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pause {
    /// Everything unanswered is repeated, peers are pulled from.
    Short,
    /// Everything that waits gives up: promotions, handoffs, staged material.
    Long,
}

/// What can happen to one Region.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// A letter arrives; by its fingerprint.
    Receive(u64),
    /// A call of the API.
    Call(Call),
    /// An operator promotes this Region.
    Promote,
    /// An operator promotes this Region, with or without a majority (rule 9).
    PromoteUnsafely,
    /// An operator evicts a member from the key.
    Evict(Region),
    /// An operator removes a Region from the deployment.
    Remove(Region),
    /// An operator lets a Region in that was removed, as a new incarnation.
    Add(Region),
    /// Time passes for the leader.
    Pass(Pause),
    /// Region time moves on by a deletion window.
    Window,
    /// The oldest entry of a slow log is applied.
    Apply,
    /// The leader dies; its successor knows the state, and the log is applied by and by.
    Crash,
    /// The leader dies with every entry that is not applied.
    CrashWithLog,
}

#[derive(Debug, Clone)]
struct Entry {
    /// The machine that waits for the outcome, if it is still there.
    tag: Option<u64>,
    command: Command,
}

/// One Region.
#[derive(Debug, Clone)]
pub struct Site {
    /// Its name.
    pub region: Region,
    /// What its log has led to.
    pub state: State,
    machine: Machine,
    log: VecDeque<Entry>,
    kind: Log,
    /// The driver's time.
    now: Timestamp,
    /// Names proposals; never part of the fingerprint.
    proposals: u64,
    /// It was restored: its letters name an incarnation that is not the one of the directory.
    stranger: bool,
}

/// What a step led to.
#[derive(Debug, Clone)]
pub struct Stepped {
    /// The Region afterwards.
    pub site: Site,
    /// What it sent.
    pub letters: Vec<Letter>,
    /// What happened in its log.
    pub events: Vec<Event>,
    /// True when the step was refused before it reached the log or the machine.
    pub refused: bool,
}

impl Site {
    /// A Region whose state is empty.
    pub fn new(region: Region, kind: Log) -> Self {
        let machine = Machine::new(region.clone(), START, config());
        Self {
            region,
            state: State::new(),
            machine,
            log: VecDeque::new(),
            kind,
            now: START,
            proposals: 0,
            stranger: false,
        }
    }

    /// The same state under a new leader, at the start of time.
    pub fn restarted(&self) -> Self {
        let machine = Machine::new(self.region.clone(), START, config());
        Self { machine, now: START, log: VecDeque::new(), ..self.clone() }
    }

    /// The same Region with another kind of log.
    pub fn with_log(self, kind: Log) -> Self {
        Self { kind, ..self }
    }

    /// The same Region, restored: a stranger to the others' directory.
    pub fn restored(&self) -> Self {
        Self { stranger: true, ..self.clone() }
    }

    /// Takes one step. `letter` is the letter of [`Step::Receive`].
    pub fn step(&self, step: &Step, letter: Option<&Letter>) -> Stepped {
        let mut stepped =
            Stepped { site: self.clone(), letters: Vec::new(), events: Vec::new(), refused: false };
        stepped.take(step, letter);
        stepped
    }

    /// Applies one entry outside of any scenario.
    pub fn found(&mut self, command: Command) {
        let mut stepped =
            Stepped { site: self.clone(), letters: Vec::new(), events: Vec::new(), refused: false };
        stepped.apply(command);
        *self = stepped.site;
    }

    /// True when the Region may hold material.
    pub fn is_data(&self) -> bool {
        let directory = self.state.directory();
        directory.and_then(|d| d.voters.get(&self.region)).is_some_and(|v| v.role == RegionRole::Data)
    }

    /// True when entries wait to be applied.
    pub fn has_backlog(&self) -> bool {
        !self.log.is_empty()
    }

    /// A hash of the replicated state: the key, its register, Region time.
    pub fn replicated(&self) -> u64 {
        let mut hash = Fingerprint::default();
        hash.add(&(self.shared(), self.directory()));
        hash.value()
    }

    /// What the Region has promised, accepted and adopted about directories.
    fn directory(&self) -> Vec<u8> {
        let state = &self.state;
        let next = (state.next_directory_promise(), state.next_directory());
        encode(&(state.incarnation(), state.directory(), next, state.is_survey_open(), state.has_vote()))
    }

    fn shared(&self) -> (Vec<u8>, Vec<u8>, u64) {
        let key = self.state.key(&names::key_id()).map(|k| encode(&**k)).unwrap_or_default();
        let register = self.state.register(&names::key_id()).map(|r| encode(&**r)).unwrap_or_default();
        (key, register, self.state.region_time().as_millis())
    }

    /// A hash of all that the future depends on: the replicated state, the log, and the leader's memory.
    pub fn fingerprint(&self) -> u64 {
        use std::fmt::Write;
        let mut hash = Fingerprint::default();
        hash.add(&(
            self.region.as_str(),
            self.shared(),
            self.directory(),
            self.now.as_millis(),
            self.stranger,
        ));
        for entry in &self.log {
            hash.add(&(entry.tag.is_some(), encode(&entry.command)));
        }
        let written = self.machine.write_memory(&mut hash).and_then(|()| hash.write_str("."));
        written.expect("a hash takes every text");
        hash.value()
    }
}

impl Stepped {
    fn take(&mut self, step: &Step, letter: Option<&Letter>) {
        match step {
            Step::Receive(_) => {
                let letter = letter.expect("a letter is received").clone();
                self.receive(letter);
            }
            Step::Call(call) => match call.command(&self.site.state, &self.site.region) {
                Some(command) => self.propose(None, command),
                None => self.refused = true,
            },
            Step::Promote => self.input(call::promote(kms_region::Force::Safe)),
            Step::PromoteUnsafely => self.input(call::promote(kms_region::Force::Unsafe)),
            Step::Evict(region) => self.input(call::evict(region)),
            Step::Remove(region) => self.input(call::remove(region)),
            Step::Add(region) => self.input(call::add(region)),
            Step::Pass(pause) => self.pass(*pause),
            Step::Window => {
                let now = self.site.state.region_time().plus_days(call::WINDOW_DAYS.into());
                self.apply(Command::Tick { now });
                self.pass(Pause::Short);
            }
            Step::Apply => self.apply_oldest(),
            Step::Crash => self.restart(),
            Step::CrashWithLog => {
                self.site.log.clear();
                self.restart();
            }
        }
    }

    /// As the driver's reader, once signature and position are proven.
    fn receive(&mut self, letter: Letter) {
        let Letter { from, message, stamp: Stamp { incarnation, generation }, .. } = letter;
        match hear(&self.site.state, Sender { region: &from, incarnation, generation }, &message) {
            Ok(()) => self.input(Input::Message { from, message }),
            Err(NotHeard::WrongGeneration { .. } | NotHeard::Removed { .. }) => {
                self.input(Input::OtherDirectory { from, theirs: generation });
            }
            Err(_) => {}
        }
    }

    fn pass(&mut self, pause: Pause) {
        let ms = match pause {
            Pause::Short => SHORT_MS,
            Pause::Long => LONG_MS,
        };
        self.site.now = self.site.now.plus_millis(ms);
        self.input(Input::Tick);
    }

    fn restart(&mut self) {
        self.site.machine = Machine::new(self.site.region.clone(), self.site.now, config());
        for entry in &mut self.site.log {
            entry.tag = None;
        }
        self.input(Input::Tick);
    }

    /// The driver's loop: the newest state first, then the input, then whatever the machine asks for.
    fn input(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let state = Box::new(self.site.state.clone());
            self.site.machine.handle(Input::Applied(state), self.site.now);
            self.site.machine.handle(input, self.site.now);
            let outputs: Vec<Output> = std::iter::from_fn(|| self.site.machine.poll_output()).collect();
            for output in outputs {
                inputs.extend(self.carry_out(output));
            }
        }
    }

    fn carry_out(&mut self, output: Output) -> Option<Input> {
        match output {
            Output::Send { to, message } => self.send(to, message),
            Output::Propose { tag, command } if self.site.kind == Log::Immediate => {
                let outcome = self.apply(command);
                return Some(Input::Outcome { tag, outcome });
            }
            Output::Propose { tag, command } => self.propose(Some(tag), command),
            Output::RequestMaterials { from, wants } => {
                let offer = Offer { receiver: letter::receiver(), expires_at: START, wants };
                self.send(from, Message::Offer(offer));
            }
            Output::SendMaterials { to, offer } => {
                let delivery = self.seal(offer);
                self.send(to, Message::Material(delivery));
            }
            Output::OpenEnvelopes { from, delivery } => return Some(open(from, delivery)),
            Output::Report { .. } | Output::DirectoryReport { .. } | Output::Alarm(_) => {}
        }
        None
    }

    fn send(&mut self, to: Region, message: Message) {
        // An answer without news only moves what operators see; as good as lost.
        let idle = matches!(&message, Message::Records { since, cursor, records, .. }
            if records.is_empty() && since == cursor);
        if !idle {
            let state = &self.site.state;
            let (incarnation, directory) = (state.incarnation(), state.directory());
            let generation = directory.map_or(0, |directory| directory.generation);
            let named = incarnation.expect("who speaks is bootstrapped");
            let strange = names::rebuilt_incarnation(&self.site.region);
            let incarnation = if self.site.stranger { strange } else { named };
            let stamp = Stamp { incarnation, generation };
            self.letters.push(Letter::new(self.site.region.clone(), to, message, stamp));
        }
    }

    fn seal(&self, offer: Offer) -> Delivery {
        let key = self.site.state.key(&names::key_id());
        let seal = |want: Want| {
            let sealed = key.and_then(|k| k.held.get(&want.material)).map(|w| w.sealed.clone());
            let sealed = sealed.expect("the machine hands out what is held");
            SealedMaterial { want, envelope: Envelope { encapsulated: Vec::new(), sealed } }
        };
        let materials = offer.wants.into_iter().map(seal).collect();
        Delivery { receiver: offer.receiver, expires_at: offer.expires_at, materials }
    }

    fn propose(&mut self, tag: Option<u64>, command: Command) {
        match self.site.kind {
            Log::Slow => self.site.log.push_back(Entry { tag, command }),
            Log::Immediate => {
                self.apply(command);
                self.input(Input::Tick);
            }
        }
    }

    fn apply_oldest(&mut self) {
        let Some(entry) = self.site.log.pop_front() else { return };
        let outcome = self.apply(entry.command);
        match entry.tag {
            Some(tag) => self.input(Input::Outcome { tag, outcome }),
            None => self.input(Input::Tick),
        }
    }

    /// Log indexes count the changes of the register only: nothing but their order matters to the protocol.
    fn apply(&mut self, command: Command) -> Outcome {
        let site = &mut self.site;
        site.proposals += 1;
        let id = ProposalId::from_random(u128::from(site.proposals).to_be_bytes());
        let index = site.state.register_sequence() + 1;
        let origin = Origin::Service { node: 1 };
        let proposal = Proposal { id, origin, expect: None, command };
        let before = site.state.clone();
        let outcome = site.state.apply(index, &proposal);
        site.state.take_changes();
        self.events.extend(event::events(&before, &site.state, &proposal.command));
        outcome
    }
}

/// A lax stand-in for the driver's opening of envelopes, which compares bytes with commitments itself: here wrong bytes
/// get as far as the log entry, and the register must refuse them (failure case 22).
fn open(from: Region, delivery: Delivery) -> Input {
    let open = |SealedMaterial { want, envelope }: SealedMaterial| {
        let n = envelope.sealed.first().copied().unwrap_or_default();
        let NewMaterial { commitment, wrapped, .. } = names::material(n);
        let material = NewMaterial { id: want.material, commitment, public_key: None, wrapped };
        InstallMaterial { key: want.key, material, version: want.version }
    };
    let materials = delivery.materials.into_iter().map(open).collect();
    Input::Opened { from, materials, refused: Vec::new() }
}

/// True when the Region would seal now, and with which material. Disabled keys count: they may be enabled at any time. A
/// Region that was removed serves nothing.
pub(crate) fn seals_with(site: &Site) -> Option<kms_types::MaterialId> {
    let key = site.state.key(&names::key_id()).filter(|_| site.state.counts())?;
    let multi = key.multi_region.as_ref()?;
    let active = matches!(multi.members.get(&site.region), Some(kms_state::Membership::Active));
    let alive = matches!(key.lifecycle, Lifecycle::Enabled | Lifecycle::Disabled);
    key.current.filter(|current| active && alive && key.held.contains_key(current))
}
