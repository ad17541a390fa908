//! One term of office: feeds the machine, and carries out what it asks for.

use bytes::Bytes;
use kms_crypto::ReceiverKey;
use kms_raft::{Applied, blocking};
use kms_region::{Delivery, Input, Machine, Message, Offer, Output, Want};
use kms_state::{Command, Origin, Proposal, State};
use kms_types::{Entropy, NodeId, ProposalId, Region, Timestamp};
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
    time::{Duration, Instant, sleep_until},
};

use super::{
    Driver, OwnRegion,
    handle::{DriverCommand, Reply},
    letter::{Counters, Reader},
    materials::{self, Offers},
    outbox::Outbox,
    peer_status::{Alarms, Peers},
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
    last_request: u64,
    alarms: Alarms,
    disturbances: Disturbances,
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
        counters: Arc<Counters>,
        publish: watch::Sender<Peers>,
    ) -> Self {
        let (started, started_at) = (Instant::now(), driver.clock.now());
        let outbox = Outbox::new(driver.signing.clone(), office, counters.clone(), driver.link.clone());
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
            last_request: 0,
            alarms: Alarms::default(),
            disturbances: driver.disturbances.clone(),
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

    fn state(&self) -> State {
        self.applied.borrow().state.clone()
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
        let state = self.state();
        match self.reader.read(&state, bytes) {
            Ok((from, message)) => {
                self.counters.taken.fetch_add(1, Ordering::Relaxed);
                self.feed(Input::Message { from, message });
            }
            Err(error) => {
                let refused = self.counters.refused.fetch_add(1, Ordering::Relaxed) + 1;
                // 1, 2, 4, 8, ... so that a flood of them cannot flood the log.
                if refused.is_power_of_two() {
                    tracing::warn!(%error, refused, "letter refused");
                }
            }
        }
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
            return self.outbox.send(&self.state(), &to, &message);
        }
        let (applied, outbox) = (self.applied.clone(), self.outbox.clone());
        self.tasks.spawn(async move {
            tokio::time::sleep(wait).await;
            let state = applied.borrow().state.clone();
            outbox.send(&state, &to, &message);
            None
        });
    }

    fn propose(&mut self, tag: u64, command: Command) {
        let entropy: &mut dyn Entropy = &mut OsEntropy;
        let id = ProposalId::from_random(entropy.array());
        let proposal = Proposal { id, origin: Origin::Service { node: self.node }, expect: None, command };
        let (own, permits) = (self.own.clone(), self.proposals.clone());
        self.tasks.spawn(async move {
            let _permit = permits.acquire_owned().await;
            Some(match own.propose(proposal).await {
                Some(outcome) => Input::Outcome { tag, outcome },
                None => Input::Lost { tag },
            })
        });
    }

    fn request(&mut self, from: &Region, wants: Vec<Want>) {
        let state = self.state();
        let offer = self.offers.open(from.clone(), wants, state.region_time(), &mut OsEntropy);
        self.outbox.send(&state, from, &Message::Offer(offer));
    }

    /// Sealing takes a fraction of a millisecond per material: off the async threads.
    fn send_materials(&mut self, to: Region, offer: Offer) {
        let (state, keyring, outbox) = (self.state(), self.keyring.clone(), self.outbox.clone());
        let runtime = tokio::runtime::Handle::current();
        self.spawn_blocking(move || {
            let _entered = runtime.enter();
            if let Some(delivery) = materials::seal(&state, &*keyring, &to, offer, &mut OsEntropy) {
                outbox.send(&state, &to, &Message::Material(delivery));
            }
            None
        });
    }

    fn open_envelopes(&mut self, from: Region, delivery: Delivery) {
        let state = self.state();
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
                let request = self.open_request(reply);
                self.feed(Input::Promote { scope, force, request });
            }
            DriverCommand::Evict { region, scope, reply } => {
                let request = self.open_request(reply);
                self.feed(Input::Evict { region, scope, request });
            }
        }
    }

    fn open_request(&mut self, reply: Reply) -> u64 {
        self.last_request += 1;
        self.replies.insert(self.last_request, reply);
        self.last_request
    }

    fn publish_status(&mut self) {
        if self.published.elapsed() >= PUBLISH_INTERVAL {
            self.published = Instant::now();
            let machine = self.machine.status();
            self.publish.send_replace(Peers::new(&machine, &self.alarms, self.started, self.started_at));
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
