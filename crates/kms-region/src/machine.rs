//! The machine itself: what it keeps, and where each input goes.

use kms_state::{ControlRecord, RegionRole, Register, State};
use kms_types::{KeyId, MaterialId, Region, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::{
    Config, Input, Message, Output, deletion::Deletions, directory::Changes, eviction::Evictions,
    identity::IdentitySync, install::Asked, learn::Learning, primary::Primary, promotion::Promotions,
    proposals::Proposals, pull::Peer, requests::Requests, rounds::Round, survey::Survey, voter::Voting,
    watch::Watch,
};

/// One Region's part in the protocol between Regions.
///
/// Feed inputs with [`Machine::handle`], then drain [`Machine::poll_output`]; call again no later than
/// [`Machine::poll_timeout`]. Nothing is lost when a machine is dropped: a new one continues from the state.
#[derive(Debug, Clone)]
pub struct Machine {
    pub(crate) region: Region,
    pub(crate) config: Config,
    pub(crate) now: Timestamp,
    pub(crate) state: State,
    pub(crate) outputs: VecDeque<Output>,
    /// Nothing was fed since the last pass.
    idle: bool,
    /// No new proposals of the machine's own before this time.
    pub(crate) quiet_until: Timestamp,
    pub(crate) proposals: Proposals,
    pub(crate) learning: Learning,
    pub(crate) voting: Voting,
    pub(crate) rounds: BTreeMap<KeyId, Round>,
    pub(crate) primary: Primary,
    pub(crate) promotions: Promotions,
    pub(crate) evictions: Evictions,
    pub(crate) requests: Requests,
    pub(crate) deletions: Deletions,
    pub(crate) peers: BTreeMap<Region, Peer>,
    pub(crate) watch: BTreeMap<KeyId, Watch>,
    pub(crate) asked: BTreeMap<(KeyId, MaterialId), Asked>,
    pub(crate) identity: IdentitySync,
    pub(crate) changes: Changes,
    pub(crate) survey: Survey,
    /// The generation of the directory that votes are counted in.
    pub(crate) generation: u64,
}

impl Machine {
    /// A machine for `region`'s leader. It does nothing before its first [`Input::Applied`].
    pub fn new(region: Region, now: Timestamp, config: Config) -> Self {
        Self {
            region,
            config,
            now,
            state: State::new(),
            outputs: VecDeque::new(),
            idle: true,
            quiet_until: now,
            proposals: Proposals::default(),
            learning: Learning::default(),
            voting: Voting::default(),
            rounds: BTreeMap::new(),
            primary: Primary::default(),
            promotions: Promotions::default(),
            evictions: Evictions::default(),
            requests: Requests::default(),
            deletions: Deletions::default(),
            peers: BTreeMap::new(),
            watch: BTreeMap::new(),
            asked: BTreeMap::new(),
            identity: IdentitySync::default(),
            changes: Changes::default(),
            survey: Survey::default(),
            generation: 0,
        }
    }

    /// Takes one input at `now`, in the driver's time, which should not go back.
    pub fn handle(&mut self, input: Input, now: Timestamp) {
        self.now = self.now.max(now);
        match input {
            Input::Applied(state) => self.observe(*state),
            Input::Message { from, message } => self.receive(from, message),
            Input::Outcome { tag, outcome } => self.conclude(tag, Some(outcome)),
            Input::Lost { tag } => self.conclude(tag, None),
            Input::Opened { from, materials, refused } => self.opened(&from, materials, refused),
            Input::Promote { scope, force, request } => self.promote(scope, force, request),
            Input::Evict { region, scope, request } => self.evict(region, scope, request),
            Input::ChangeDirectory { change, force, losses, request } => {
                self.change_directory(change, force, losses, request);
            }
            Input::OtherDirectory { from, theirs } => self.on_other_directory(&from, theirs),
            Input::Tick => {}
        }
        self.idle = false;
    }

    /// The next thing to do, oldest first. What many inputs together lead to is worked out here, in one pass.
    pub fn poll_output(&mut self) -> Option<Output> {
        if self.outputs.is_empty() && !self.idle {
            self.idle = true;
            self.run();
        }
        self.outputs.pop_front()
    }

    /// When to send [`Input::Tick`] at the latest. Drain the outputs first.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let busy = !(self.rounds.is_empty()
            && self.promotions.is_idle()
            && self.evictions.is_idle()
            && self.asked.is_empty()
            && self.learning.is_idle()
            && self.changes.is_idle()
            && self.survey.is_idle());
        let repeat = busy.then(|| self.now.plus_millis(self.config.resend_ms));
        let pull = self.peers.values().map(|peer| peer.next_pull).min();
        repeat.into_iter().chain(pull).chain(self.identity_timeout()).min()
    }

    /// Everything that is due now, in the order in which one step enables the next.
    fn run(&mut self) {
        if !self.state.is_bootstrapped() {
            return;
        }
        self.run_directory();
        self.run_survey();
        self.follow_rounds();
        self.run_promotions();
        self.run_primary();
        self.run_evictions();
        self.flush_commits();
        self.send_accepts();
        self.run_deletions();
        self.request_materials();
        self.run_pulls();
        self.alarm_if_behind();
        self.run_identity();
    }

    fn receive(&mut self, from: Region, message: Message) {
        let now = self.now;
        match self.peers.get_mut(&from) {
            Some(peer) => peer.last_heard = Some(now),
            // A Region that is about to come in, or that has told of a directory before it was known here.
            None if message.is_of_any_generation() => {}
            None => return,
        }
        match message {
            Message::Prepare { epochs } => self.on_prepare(from, epochs),
            Message::Promise { answers } => self.on_promise(&from, answers),
            Message::Accept { records } => self.on_accept(from, records),
            Message::Accepted { answers } => self.on_accepted(&from, &answers),
            Message::Pull { cursor, acks } => self.on_pull(from, cursor, acks),
            Message::Records { since, cursor, sequence, records } => {
                self.on_records(&from, since, cursor, sequence, records);
            }
            Message::Learn { records } => self.learn(records),
            Message::Hint { sequence } => self.on_hint(&from, sequence),
            Message::Offer(offer) => self.on_offer(from, offer),
            Message::Material(delivery) => self.on_material(from, delivery),
            Message::Leave { keys } => self.on_leave(&from, &keys),
            Message::IdentityHint { position } => self.on_identity_hint(&from, position),
            Message::IdentityPull { position, copy } => self.on_identity_pull(&from, &position, copy),
            Message::IdentityChanges { entries, newest } => self.on_identity_changes(&from, entries, newest),
            Message::IdentityPart { copy } => self.on_identity_part(&from, copy),
            Message::DirectoryPrepare { generation, ballot } => {
                self.on_directory_prepare(from, generation, ballot);
            }
            Message::DirectoryPromise { answer } => self.on_directory_promise(&from, *answer),
            Message::DirectoryAccept { proposed } => self.on_directory_accept(from, proposed),
            Message::DirectoryAccepted { answer } => self.on_directory_accepted(&from, *answer),
            Message::DirectoryAsk => self.on_directory_ask(&from),
            Message::DirectoryLearn { directory } => self.on_directory_learn(*directory),
            Message::Survey { after } => self.on_survey(&from, after),
            Message::SurveyPage { after, registers, last } => {
                self.on_survey_page(from, after, registers, last);
            }
            Message::Greeting => {}
            Message::Unfinished { epochs } => self.on_unfinished(&from, epochs),
        }
    }

    pub(crate) fn send(&mut self, to: &Region, message: Message) {
        self.outputs.push_back(Output::Send { to: to.clone(), message });
    }

    /// True when the machine may make proposals of its own again.
    pub(crate) fn may_propose(&self) -> bool {
        self.now >= self.quiet_until
    }

    pub(crate) fn register(&self, key: &KeyId) -> Option<&Register> {
        self.state.register(key).map(Arc::as_ref)
    }

    pub(crate) fn committed(&self, key: &KeyId) -> Option<Arc<ControlRecord>> {
        self.register(key)?.committed.clone()
    }

    /// Every other voter.
    pub(crate) fn others(&self) -> Vec<Region> {
        self.peers.keys().cloned().collect()
    }

    pub(crate) fn is_majority<'a>(&self, regions: impl IntoIterator<Item = &'a Region>) -> bool {
        self.state.directory().is_some_and(|d| d.is_majority(regions))
    }

    pub(crate) fn holds_material(&self) -> bool {
        let voter = self.state.directory().and_then(|d| d.voters.get(&self.region));
        voter.is_some_and(|v| v.role == RegionRole::Data)
    }
}
