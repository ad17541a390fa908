//! One term of office: feeds the machine, and carries out what it asks for.

use bytes::Bytes;
use kms_crypto::ReceiverKey;
use kms_raft::{Applied, blocking};
use kms_region::{Delivery, DirectoryResult, Input, Machine, Message, NotHeard, Offer, Output, Want};
use kms_state::{Command, Mark, Marks, OfficeId, Origin, Outcome, Proposal, State};
use kms_types::{Entropy, NodeId, ProposalId, Region, Timestamp};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
    time::{Duration, Instant, sleep_until},
};

use super::{
    Driver, OwnRegion,
    handle::{DriverCommand, Reply},
    letter::{Counters, LetterError, Read, Reader, View},
    materials::{self, Offers},
    outbox::Outbox,
    peer_status::{Alarms, Peers, Refusals},
    replay::Office,
};
use crate::{disturbance::Disturbances, entropy::OsEntropy};

/// Proposals of the Region protocol in the own log at a time, so that callers' writes keep their share.
const PROPOSALS_IN_FLIGHT: usize = 128;
/// Letters or outcomes that are taken before the machine acts on them.
const BATCH: usize = 128;
/// How long the machine may sleep without being asked for the time.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);
/// How old what operators see may be.
const PUBLISH_INTERVAL: Duration = Duration::from_millis(200);

/// A machine and its surroundings.
pub(super) struct Session {
    node: NodeId,
    machine: Machine,
    own: Arc<dyn OwnRegion>,
    keyring: Arc<dyn kms_ops::KeyRing + Send + Sync>,
    outbox: Arc<Outbox>,
    counters: Arc<Counters>,
    applied: watch::Receiver<Arc<Applied>>,
    reader: Reader,
    offers: Offers,
    proposals: Arc<Semaphore>,
    /// Work that answers with an input; ends with the session.
    tasks: JoinSet<Option<Input>>,
    replies: BTreeMap<u64, Reply>,
    directory_replies: BTreeMap<u64, Reply<DirectoryResult>>,
    /// Up to where each peer's history was heard by letters that the machine has seen.
    heard: Marks,
    /// A peer may have found out that this Region went back to an earlier state, and the log is asked.
    noting_rollback: Arc<AtomicBool>,
    last_request: u64,
    alarms: Alarms,
    disturbances: Disturbances,
    refusals: Refusals,
    publish: watch::Sender<Peers>,
    published: Instant,
    started: Instant,
    started_at: Timestamp,
}

/// What the session waits for.
enum Event {
    Deposed,
    Applied,
    Letter(Bytes),
    Done(Option<Input>),
    Command(DriverCommand),
    Timeout,
}

impl Session {
    pub(super) fn new(
        driver: &Driver,
        office: Office,
        id: OfficeId,
        counters: Arc<Counters>,
        publish: watch::Sender<Peers>,
    ) -> Self {
        let (started, started_at) = (Instant::now(), driver.clock.now());
        let outbox = Outbox::new(driver.signing.clone(), office, id, counters.clone(), driver.link.clone());
        Self {
            node: driver.node,
            machine: Machine::new(driver.region.clone(), started_at, driver.config),
            own: driver.own.clone(),
            keyring: driver.keyring.clone(),
            outbox: Arc::new(outbox),
            counters,
            applied: driver.own.watch_applied(),
            reader: Reader::default(),
            offers: Offers::default(),
            proposals: Arc::new(Semaphore::new(PROPOSALS_IN_FLIGHT)),
            tasks: JoinSet::new(),
            replies: BTreeMap::new(),
            directory_replies: BTreeMap::new(),
            heard: Marks::new(),
            noting_rollback: Arc::default(),
            last_request: 0,
            alarms: Alarms::default(),
            disturbances: driver.disturbances.clone(),
            refusals: Refusals::default(),
            publish,
            published: started,
            started,
            started_at,
        }
    }

    /// Runs until this node no longer leads. Open commands are answered as timed out when it is dropped.
    pub(super) async fn run(
        mut self,
        inbox: &mut mpsc::Receiver<Bytes>,
        commands: &mut mpsc::Receiver<DriverCommand>,
    ) {
        let own = self.own.clone();
        let mut deposed = std::pin::pin!(own.until_not_leader());
        self.feed_applied();
        self.greet_all();
        self.carry_out_all();
        loop {
            let wake = self.wake_at();
            let event = tokio::select! {
                biased;
                () = &mut deposed => Event::Deposed,
                Some(command) = commands.recv() => Event::Command(command),
                changed = self.applied.changed() => changed.map_or(Event::Deposed, |()| Event::Applied),
                Some(done) = self.tasks.join_next() => Event::Done(done.unwrap_or_default()),
                Some(bytes) = inbox.recv() => Event::Letter(bytes),
                () = sleep_until(wake) => Event::Timeout,
            };
            match event {
                Event::Deposed => return,
                Event::Applied => {}
                Event::Letter(bytes) => self.read_batch(&bytes, inbox),
                Event::Done(done) => self.take_done(done),
                Event::Command(command) => self.command(command),
                Event::Timeout => self.feed(Input::Tick),
            }
            self.feed_applied();
            self.carry_out_all();
            self.publish_status();
        }
    }

    fn view(&self) -> View {
        let applied = self.applied.borrow();
        View { state: applied.state.clone(), index: applied.index }
    }

    /// A new leader is heard once it has shown that its history holds what was heard of it; this begins the exchange.
    fn greet_all(&self) {
        let view = self.view();
        let voters = view.state.directory().map(|directory| directory.voters.clone()).unwrap_or_default();
        for peer in voters.keys().filter(|peer| view.state.region() != Some(*peer)) {
            self.outbox.send(&view, peer, &Message::Greeting);
        }
    }

    /// Time that never goes back, counted from the calendar time at the start.
    fn now(&self) -> Timestamp {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.started_at.plus_millis(elapsed)
    }

    fn wake_at(&self) -> Instant {
        let due = self.machine.poll_timeout().map(|at| Duration::from_millis(at.millis_since(self.now())));
        Instant::now() + due.unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP)
    }

    fn feed_applied(&mut self) {
        let state = self.applied.borrow_and_update().state.clone();
        self.feed(Input::Applied(Box::new(state)));
    }

    /// The machine acts when it is asked for its outputs, so that a batch of inputs costs one pass.
    fn feed(&mut self, input: Input) {
        let now = self.now();
        self.machine.handle(input, now);
    }

    fn carry_out_all(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            self.carry_out(output);
        }
    }

    /// Outcomes are judged by the state that they led to, or a newer one.
    fn take_done(&mut self, first: Option<Input>) {
        let mut batch = vec![first];
        while batch.len() < BATCH {
            let Some(done) = self.tasks.try_join_next() else { break };
            batch.push(done.unwrap_or_default());
        }
        self.feed_applied();
        for done in batch.into_iter().flatten() {
            self.feed(done);
        }
    }

    fn read_batch(&mut self, first: &[u8], inbox: &mut mpsc::Receiver<Bytes>) {
        self.read(first);
        for _ in 1..BATCH {
            let Ok(bytes) = inbox.try_recv() else { return };
            self.read(&bytes);
        }
    }

    /// A letter that does not prove its sender is counted and otherwise as if lost.
    fn read(&mut self, bytes: &[u8]) {
        let view = self.view();
        if !view.state.counts() {
            return;
        }
        match self.reader.read(&view, bytes) {
            Ok(Read { from, message, heard }) => {
                self.counters.taken.fetch_add(1, Ordering::Relaxed);
                self.heard.insert(from.clone(), heard);
                self.answer_memory(&view, &from);
                self.feed(Input::Message { from, message });
            }
            Err(error) => self.refuse(&view, error),
        }
    }

    /// The peer hears this leader once it sees its own words again, so that they are sent as soon as they are known.
    fn answer_memory(&self, view: &View, peer: &Region) {
        let Some(mark) = self.reader.remembered(peer) else { return };
        let earlier = Some(mark.office) != view.state.office();
        if self.outbox.note_remembered(peer, mark) && earlier {
            self.outbox.send(view, peer, &Message::Greeting);
        }
    }

    fn refuse(&mut self, view: &View, error: LetterError) {
        let refused = self.counters.refused.fetch_add(1, Ordering::Relaxed) + 1;
        // 1, 2, 4, 8, ... so that a flood of them cannot flood the log.
        if refused.is_power_of_two() {
            tracing::warn!(%error, refused, "letter refused");
        }
        self.refusals.add(&error, self.now());
        match error {
            LetterError::NotHeard(NotHeard::WrongGeneration { region, theirs, .. }) => {
                self.feed(Input::OtherDirectory { from: region, theirs });
            }
            LetterError::NotHeard(NotHeard::Removed { region, .. }) => {
                self.feed(Input::OtherDirectory { from: region, theirs: 0 });
            }
            LetterError::Unconfirmed(peer) => {
                self.answer_memory(view, &peer);
                self.outbox.send(view, &peer, &Message::Greeting);
            }
            LetterError::RolledBack { peer, memory } => self.note_rollback(peer, memory),
            _ => {}
        }
    }

    /// The log judges it: this leader may have been deposed without knowing, and not know what the peer was told since. From
    /// the next applied state on a Region that went back neither speaks, votes nor serves (invariant A5).
    fn note_rollback(&mut self, peer: Region, memory: Mark) {
        if self.noting_rollback.swap(true, Ordering::Relaxed) {
            return;
        }
        let (own, noting) = (self.own.clone(), self.noting_rollback.clone());
        let proposal = self.proposal(Command::NoteRollback { peer: peer.clone(), memory });
        self.tasks.spawn(async move {
            // Found out again with the next letter if it is lost.
            if own.propose(proposal).await == Some(Outcome::Applied) {
                tracing::error!(%peer, "a peer remembers what this Region does not: it went back to an earlier state");
            }
            noting.store(false, Ordering::Relaxed);
            None
        });
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Send { to, message } => self.send(to, message),
            Output::Propose { tag, command } => self.propose(tag, command),
            Output::RequestMaterials { from, wants } => self.request(&from, wants),
            Output::SendMaterials { to, offer } => self.send_materials(to, offer),
            Output::OpenEnvelopes { from, delivery } => self.open_envelopes(from, delivery),
            Output::Report { request, results } => {
                if let Some(reply) = self.replies.remove(&request) {
                    drop(reply.send(Ok(results)));
                }
            }
            Output::DirectoryReport { request, result } => {
                if let Some(reply) = self.directory_replies.remove(&request) {
                    drop(reply.send(Ok(result)));
                }
            }
            Output::Alarm(alarm) => {
                tracing::warn!(%alarm, "alarm of the Region protocol");
                self.alarms.add(&alarm, self.now());
            }
        }
    }

    /// A candidate that is to be slow asks for promises later; what has changed meanwhile makes them void, not wrong.
    fn send(&mut self, to: Region, message: Message) {
        let wait = match message {
            Message::Prepare { .. } => self.disturbances.borrow().candidate_slowness(),
            _ => Duration::ZERO,
        };
        if wait.is_zero() {
            return self.outbox.send(&self.view(), &to, &message);
        }
        let (applied, outbox) = (self.applied.clone(), self.outbox.clone());
        self.tasks.spawn(async move {
            tokio::time::sleep(wait).await;
            let applied = applied.borrow().clone();
            let view = View { state: applied.state.clone(), index: applied.index };
            outbox.send(&view, &to, &message);
            None
        });
    }

    fn propose(&mut self, tag: u64, command: Command) {
        let proposal = self.proposal(self.with_marks(command));
        let (own, permits) = (self.own.clone(), self.proposals.clone());
        self.tasks.spawn(async move {
            let _permit = permits.acquire_owned().await;
            Some(match own.propose(proposal).await {
                Some(outcome) => Input::Outcome { tag, outcome },
                None => Input::Lost { tag },
            })
        });
    }

    fn proposal(&self, command: Command) -> Proposal {
        let entropy: &mut dyn Entropy = &mut OsEntropy;
        let id = ProposalId::from_random(entropy.array());
        Proposal { id, origin: Origin::Service { node: self.node }, expect: None, command }
    }

    /// What was heard of peers goes into the log with what it led to: a peer that forgets it later is found out.
    fn with_marks(&self, command: Command) -> Command {
        let state = self.view().state;
        let news = self.heard.iter().filter(|(peer, heard)| state.peer_mark(peer) != Some(&heard.mark));
        let marks: Marks = news.map(|(peer, heard)| (peer.clone(), *heard)).collect();
        if marks.is_empty() { command } else { Command::Heard { marks, command: Box::new(command) } }
    }

    fn request(&mut self, from: &Region, wants: Vec<Want>) {
        let view = self.view();
        let offer = self.offers.open(from.clone(), wants, view.state.region_time(), &mut OsEntropy);
        self.outbox.send(&view, from, &Message::Offer(offer));
    }

    /// Sealing takes a fraction of a millisecond per material: off the async threads.
    fn send_materials(&mut self, to: Region, offer: Offer) {
        let (view, keyring, outbox) = (self.view(), self.keyring.clone(), self.outbox.clone());
        let runtime = tokio::runtime::Handle::current();
        self.spawn_blocking(move || {
            let _entered = runtime.enter();
            if let Some(delivery) = materials::seal(&view.state, &*keyring, &to, offer, &mut OsEntropy) {
                outbox.send(&view, &to, &Message::Material(delivery));
            }
            None
        });
    }

    fn open_envelopes(&mut self, from: Region, delivery: Delivery) {
        let state = self.view().state;
        let key = self.offers.take(&from, &delivery, state.region_time());
        let opened = key.and_then(|key| Ok((key, materials::wrapping_key(&*self.keyring)?)));
        match opened {
            Ok((key, domain)) => {
                let wait = self.disturbances.borrow().slowness(&from);
                let opened = blocking(move || open(&state, &key, &domain, from, delivery));
                self.tasks.spawn(async move {
                    let opened = opened.await.ok();
                    tokio::time::sleep(wait).await;
                    opened
                });
            }
            Err(error) => tracing::warn!(%from, %error, "materials of another Region refused"),
        }
    }

    fn spawn_blocking(&mut self, work: impl FnOnce() -> Option<Input> + Send + 'static) {
        let done = blocking(work);
        self.tasks.spawn(async { done.await.unwrap_or_default() });
    }

    fn command(&mut self, command: DriverCommand) {
        match command {
            DriverCommand::Promote { scope, force, reply } => {
                let request = self.next_request();
                self.replies.insert(request, reply);
                self.feed(Input::Promote { scope, force, request });
            }
            DriverCommand::Evict { region, scope, reply } => {
                let request = self.next_request();
                self.replies.insert(request, reply);
                self.feed(Input::Evict { region, scope, request });
            }
            DriverCommand::ChangeDirectory { change, force, losses, reply } => {
                let request = self.next_request();
                self.directory_replies.insert(request, reply);
                self.feed(Input::ChangeDirectory { change, force, losses, request });
            }
        }
    }

    fn next_request(&mut self) -> u64 {
        self.last_request += 1;
        self.last_request
    }

    fn publish_status(&mut self) {
        if self.published.elapsed() >= PUBLISH_INTERVAL {
            self.published = Instant::now();
            let machine = self.machine.status();
            let since = (self.started, self.started_at);
            self.publish.send_replace(Peers::new(
                &machine,
                &self.alarms,
                &self.refusals,
                &self.counters,
                since,
            ));
        }
    }
}

fn open(
    state: &State,
    key: &ReceiverKey,
    domain: &kms_crypto::DomainKey,
    from: Region,
    delivery: Delivery,
) -> Input {
    let (materials, refused) = materials::open(state, key, domain, &from, delivery, &mut OsEntropy);
    Input::Opened { from, materials, refused }
}
