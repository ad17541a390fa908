//! One run of one seed: a deployment starts, faults and clients come, the faults end, everybody settles, and everything
//! that was said is judged.

use crate::address::{Address, RegionNumber};
use crate::bug::Bug;
use crate::clients::Clients;
use crate::deployment::{Deployment, STEP_MS, Shape, region_name};
use crate::draw::Draw;
use crate::faults::{Fault, Faults};
use crate::host::Host;
use crate::invariants::{Judge, Violation, broken};
use crate::key_model::KeyModel;
use crate::linear::{self, Verdict};
use crate::net::{Body, Envelope, Fates};
use crate::opening::Opening;
use crate::trace::{Kind, Show, Trace};
use crate::workload::{self, CallCounts, Workload};
use kms_node::simulation::SimulatedNode;
use kms_ops::Call;
use kms_state::{ControlRecord, Lifecycle, State};
use kms_types::{KeyId, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How long a new deployment may take until every Region has a leader and knows itself.
const START_LIMIT_MS: u64 = 20_000;
/// How long everybody may take to become equal after the last fault.
const SETTLE_LIMIT_MS: u64 = 90_000;
/// How long a Region may take to serve a call when nothing is wrong (H2).
const SERVE_LIMIT_MS: u64 = 8_000;
/// How far Region time may be behind when everybody is settled; calls are dated.
const LATE_MS: u64 = 60_000;
/// How often states are compared.
const COMPARE_MS: u64 = 1_000;

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Everything that is drawn follows from it.
    pub seed: u64,
    /// How large the deployment is.
    pub shape: Shape,
    /// How long faults happen.
    pub chaos_ms: u64,
    /// What is printed.
    pub show: Show,
    /// A bug to build in.
    pub bug: Option<Bug>,
    /// A kind of fault that happens as often as all others together.
    pub favour: Option<Fault>,
    /// The manners of the clients; drawn from the seed if not given.
    pub clients: Option<Clients>,
}

impl Options {
    /// A full deployment for as long as a seed usually runs.
    pub fn of_seed(seed: u64) -> Self {
        Self {
            seed,
            shape: Shape::FULL,
            chaos_ms: 30_000,
            show: Show::Nothing,
            bug: None,
            favour: None,
            clients: None,
        }
    }
}

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The first rule that was broken.
    pub violation: Option<Violation>,
    /// The last events before it.
    pub recent: Vec<String>,
    /// Simulated time.
    pub simulated_ms: u64,
    /// What clients did.
    pub calls: CallCounts,
    /// How often each fault happened.
    pub faults: BTreeMap<Fault, u64>,
    /// What happened to messages: sent, cut off, lost, duplicated, late.
    pub messages: [u64; 5],
    /// Bytes that power cuts lost, and writes that they tore.
    pub disk_losses: (u64, u64),
    /// Histories that were judged, and the calls in them.
    pub histories: (u64, u64),
    /// Histories that could not be judged within the bound.
    pub undecided: u64,
    /// Ciphertexts that were opened in the end, over all Regions.
    pub opened: u64,
    /// Ciphertexts that were refused in the end, as their key's state or its destruction demands.
    pub refused: u64,
    /// Elections and record changes, as a measure of what happened.
    pub entries_applied: u64,
    /// Lines of the trace, and its hash.
    pub trace: (u64, String),
}

struct Run {
    options: Options,
    deployment: Deployment,
    faults: Faults,
    workload: Workload,
    judge: Judge,
    trace: Trace,
    step: u64,
    opened: u64,
    refused: u64,
    histories: (u64, u64),
    undecided: u64,
    leaders: BTreeMap<RegionNumber, Option<(u64, u64)>>,
}

/// Runs one seed.
pub fn run(options: Options) -> Report {
    let _entered = kms_raft::simulation::enter(options.seed ^ 0x5EED_0000_0000_0000);
    Bug::with(options.bug, || match Run::new(options) {
        Ok(mut run) => {
            let violation = run.go().err();
            run.report(violation)
        }
        Err(text) => Report::of_failed_start(options.seed, text),
    })
}

impl Run {
    fn new(options: Options) -> Result<Self, String> {
        let Options { seed, shape, show, .. } = options;
        let clients = options.clients.unwrap_or_else(|| Clients::drawn(&mut Draw::new(seed, "clients")));
        Ok(Self {
            options,
            deployment: Deployment::new(shape, seed)?,
            faults: Faults::new(shape.data_regions, options.favour, Draw::new(seed, "faults")),
            workload: Workload::new(shape.data_regions, clients, Draw::new(seed, "workload")),
            judge: Judge::default(),
            trace: Trace::new(show),
            step: 0,
            opened: 0,
            refused: 0,
            histories: (0, 0),
            undecided: 0,
            leaders: BTreeMap::new(),
        })
    }

    fn go(&mut self) -> Result<(), Violation> {
        if let Err(error) = self.deployment.start() {
            return broken("start", error.to_string());
        }
        self.until("H2", START_LIMIT_MS, "every Region knows itself", |run| {
            (0..run.deployment.regions())
                .all(|region| run.deployment.newest(region).is_some_and(|a| a.state.is_bootstrapped()))
        })?;
        let end_ms = self.deployment.world.now_ms() + self.options.chaos_ms;
        while self.deployment.world.now_ms() < end_ms {
            self.advance(Calling::Yes, Failing::Yes)?;
        }
        self.note(format_args!("every fault ends"));
        let (faults, trace, now_ms) = (&mut self.faults, &mut self.trace, self.deployment.world.now_ms());
        faults.end_all(&mut self.deployment, &mut |what| trace.note(Kind::Event, now_ms, what))?;
        self.until("H2", SETTLE_LIMIT_MS, "every open call ends", |run| run.workload.is_idle())?;
        self.until("C7", SETTLE_LIMIT_MS, "everybody becomes equal", Self::is_settled)?;
        self.judge.compare_hashes(&self.deployment)?;
        self.serves_again()?;
        self.open_everything()?;
        self.judge.finish()?;
        self.judge_histories()
    }

    fn note(&mut self, what: std::fmt::Arguments<'_>) {
        self.trace.note(Kind::Event, self.deployment.world.now_ms(), what);
    }

    /// One step.
    fn advance(&mut self, calling: Calling, failing: Failing) -> Result<(), Violation> {
        self.step += 1;
        let now_ms = self.deployment.world.now_ms();
        let trace = &mut self.trace;
        if failing == Failing::Yes {
            self.faults.advance(&mut self.deployment, &mut |what| trace.note(Kind::Event, now_ms, what))?;
        }
        let cancels =
            self.faults.mend(&mut self.deployment, &mut |what| trace.note(Kind::Event, now_ms, what));
        self.workload.ask_to_cancel(cancels);
        for (what, fact) in self.workload.advance(&self.deployment, self.step, calling == Calling::Yes) {
            trace.note(Kind::Event, now_ms, format_args!("{what}"));
            if let Some(fact) = fact {
                self.judge.told(fact)?;
            }
        }
        self.deployment.step(&mut |envelope| trace_message(trace, now_ms, envelope));
        self.faults.check(&self.deployment)?;
        for region in self.judge.look(&self.deployment)? {
            if let Some(applied) = self.judge.newest.of(region) {
                let (index, term) = (applied.index, applied.log_id);
                trace.note(
                    Kind::Message,
                    now_ms,
                    format_args!("{} is at {index}, {term:?}", region_name(region)),
                );
                self.workload.note_ready(region, &applied.state);
            }
        }
        self.note_leaders();
        if now_ms % COMPARE_MS < STEP_MS {
            self.judge.compare_hashes(&self.deployment)?;
        }
        Ok(())
    }

    fn note_leaders(&mut self) {
        for region in 0..self.deployment.regions() {
            let leads = |host: &Host| {
                host.node()
                    .filter(|node| node.group.is_leader())
                    .map(|node| (host.address.node, node.group.status().term))
            };
            let leader = self.deployment.of_region(region).filter_map(leads).max_by_key(|(_, term)| *term);
            if self.leaders.get(&region) != Some(&leader) {
                self.leaders.insert(region, leader);
                let name = region_name(region);
                match leader {
                    Some((node, term)) => self.note(format_args!("{name}/{node} leads in term {term}")),
                    None => self.note(format_args!("{name} has no leader")),
                }
            }
        }
    }

    /// Goes on without calls and faults until something holds, or the limit is reached.
    fn until(
        &mut self,
        rule: &'static str,
        limit_ms: u64,
        what: &str,
        holds: impl Fn(&Self) -> bool,
    ) -> Result<(), Violation> {
        let end_ms = self.deployment.world.now_ms() + limit_ms;
        let mut checked_ms = 0;
        loop {
            let now_ms = self.deployment.world.now_ms();
            if now_ms >= checked_ms {
                if holds(self) {
                    self.note(format_args!("{what}"));
                    return Ok(());
                }
                checked_ms = now_ms + 50;
            }
            if now_ms > end_ms {
                let why = self.unsettled().unwrap_or_default();
                return broken(rule, format!("not within {limit_ms} ms: {what} ({why})"));
            }
            self.advance(Calling::No, Failing::No)?;
        }
    }

    fn is_settled(&self) -> bool {
        self.unsettled().is_none()
    }

    /// What keeps the deployment from being settled.
    fn unsettled(&self) -> Option<String> {
        if let Some(who) = self.faults.mending() {
            return Some(who);
        }
        let mut records: BTreeMap<KeyId, (String, RegionNumber)> = BTreeMap::new();
        for region in 0..self.deployment.regions() {
            let name = region_name(region);
            let newest = self.deployment.newest(region)?;
            let behind = |host: &&Host| host.applied().is_none_or(|applied| applied.index != newest.index);
            if let Some(host) = self.deployment.of_region(region).find(behind) {
                return Some(format!("{} is behind entry {}", host.address, newest.index));
            }
            let now_ms = self.deployment.world.calendar_ms();
            let late_ms = now_ms.saturating_sub(newest.state.outside_time().as_millis());
            if late_ms > LATE_MS {
                return Some(format!("the time of {name} is {late_ms} ms behind"));
            }
            for (key, register) in newest.state.registers() {
                if register.is_unsettled() {
                    let version = |record: &Option<Arc<ControlRecord>>| {
                        record
                            .as_ref()
                            .map_or_else(|| "nothing".to_owned(), |record| record.version.to_string())
                    };
                    let promised = register.promised.as_ref().map(ToString::to_string).unwrap_or_default();
                    let (accepted, committed) = (version(&register.accepted), version(&register.committed));
                    return Some(format!(
                        "{key} is unsettled in {name}: {promised} promised, {accepted} accepted, {committed} committed"
                    ));
                }
                let version = register.committed.as_ref().map(|r| r.version.to_string()).unwrap_or_default();
                let (known, by) = records.entry(*key).or_insert_with(|| (version.clone(), region));
                if *known != version {
                    let other = region_name(*by);
                    return Some(format!("{key} is at {version} in {name} and at {known} in {other}"));
                }
                if let Some(record) =
                    register.committed.as_ref().filter(|r| r.awaits_installation() && !r.is_destroyed())
                {
                    return Some(format!("record {} of {key} waits for installation", record.version));
                }
            }
            let mut due = newest.state.due(newest.state.region_time());
            let due = due.find(|key| is_past_deadline(&newest.state, key));
            if let Some(key) = due {
                return Some(format!("{key} is due for deletion in {name}"));
            }
        }
        None
    }

    /// Every data Region serves a change, on every node (H2).
    fn serves_again(&mut self) -> Result<(), Violation> {
        let mut draw = Draw::new(self.options.seed, "end");
        let hosts: Vec<_> = self.data_hosts().map(|host| host.address).collect();
        for at in hosts {
            let Some(order) = workload::create_order(at, &mut draw) else { continue };
            let end_ms = self.deployment.world.now_ms() + SERVE_LIMIT_MS;
            // Region time may have days to make up, if they passed a moment ago.
            while !self.serves(at, &order, end_ms)? {
                if self.deployment.world.now_ms() >= end_ms {
                    return broken("H2", format!("{at} does not serve although nothing is wrong"));
                }
            }
        }
        Ok(())
    }

    /// One call, signed now.
    fn serves(&mut self, at: Address, order: &Call, end_ms: u64) -> Result<bool, Violation> {
        let answer: Arc<Mutex<Option<bool>>> = Arc::default();
        let (said, order) = (answer.clone(), order.clone());
        let dated = Timestamp::from_millis(self.deployment.world.calendar_ms());
        if let Some(host) = self.deployment.hosts.get(&at) {
            host.spawn(|node: SimulatedNode| async move {
                let created = node.call(&order, dated).await.is_ok();
                *said.lock().unwrap_or_else(PoisonError::into_inner) = Some(created);
            });
        }
        let taken = || *answer.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            self.advance(Calling::No, Failing::No)?;
            match taken() {
                Some(served) => return Ok(served),
                None if self.deployment.world.now_ms() >= end_ms => return Ok(false),
                None => {}
            }
        }
    }

    fn data_hosts(&self) -> impl Iterator<Item = &Host> {
        let data = self.options.shape.data_regions;
        self.deployment.hosts.values().filter(move |host| host.address.region < data)
    }

    /// Every ciphertext that was ever returned opens in every Region where its key is enabled (C1, D4), and is refused for
    /// the right reason where it is not, or is destroyed.
    fn open_everything(&mut self) -> Result<(), Violation> {
        let mut draw = Draw::new(self.options.seed, "open");
        let failures: Arc<Mutex<Vec<String>>> = Arc::default();
        let open: Arc<Mutex<u64>> = Arc::default();
        let dated = Timestamp::from_millis(self.deployment.world.calendar_ms());
        for region in 0..self.options.shape.data_regions {
            let Some(newest) = self.deployment.newest(region) else { continue };
            let Some(host) = self.deployment.of_region(region).find(|host| host.is_up()) else { continue };
            for blob in &self.workload.blobs {
                let Some(expected) = Opening::expected(&newest.state, &blob.key) else { continue };
                let Some(order) = workload::open_order(blob, host.address, &mut draw) else { continue };
                *open.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                match expected {
                    Opening::Opens => self.opened += 1,
                    _ => self.refused += 1,
                }
                let (failures, open, blob) = (failures.clone(), open.clone(), blob.clone());
                host.spawn(|node: SimulatedNode| async move {
                    if let Err(why) = expected.judge(node.call(&order, dated).await, &blob) {
                        let (made, here) = (region_name(blob.region), region_name(region));
                        let text = format!("a ciphertext of {} from {made}, in {here}: {why}", blob.key);
                        failures.lock().unwrap_or_else(PoisonError::into_inner).push(text);
                    }
                    *open.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
                });
            }
        }
        let end_ms = self.deployment.world.now_ms() + SERVE_LIMIT_MS;
        while *open.lock().unwrap_or_else(PoisonError::into_inner) > 0 {
            if self.deployment.world.now_ms() > end_ms {
                return broken("H2", "decrypting does not end although nothing is wrong");
            }
            self.advance(Calling::No, Failing::No)?;
        }
        let failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
        match failures.first() {
            Some(first) => broken("C1, D4", format!("{} ciphertexts: {first}", failures.len())),
            None => Ok(()),
        }
    }

    /// Every client's history is linearizable, key by key (B1, B4).
    fn judge_histories(&mut self) -> Result<(), Violation> {
        for ((region, key), calls, course) in self.workload.history.each() {
            self.histories.0 += 1;
            self.histories.1 += calls.len() as u64;
            match linear::judge(calls, KeyModel::fresh(course)) {
                Verdict::Linearizable => {}
                Verdict::Undecided => self.undecided += 1,
                Verdict::Impossible => {
                    let name = region_name(*region);
                    let text = format!(
                        "no order of effects explains the {} answers about {key} in {name}",
                        calls.len()
                    );
                    if self.options.show != Show::Nothing {
                        calls.iter().for_each(|call| println!("  {call:?}"));
                    }
                    return broken("B1", text);
                }
            }
        }
        Ok(())
    }

    fn report(self, violation: Option<Violation>) -> Report {
        let Fates { sent, lost, cut, twice, late } = self.deployment.net.fates();
        let losses = self.deployment.hosts.values().map(|host| host.disk.losses());
        Report {
            seed: self.options.seed,
            violation,
            recent: self.trace.recent(),
            simulated_ms: self.deployment.world.now_ms(),
            calls: self.workload.counts,
            faults: self.faults.counts,
            messages: [sent, cut, lost, twice, late],
            disk_losses: losses.fold((0, 0), |sum, loss| (sum.0 + loss.0, sum.1 + loss.1)),
            histories: self.histories,
            undecided: self.undecided,
            opened: self.opened,
            refused: self.refused,
            entries_applied: self.judge.newest.each().map(|(_, applied)| applied.index).sum(),
            trace: self.trace.finish(),
        }
    }
}

impl Report {
    fn of_failed_start(seed: u64, text: String) -> Self {
        Self {
            seed,
            violation: Some(Violation { rule: "start", text }),
            recent: Vec::new(),
            simulated_ms: 0,
            calls: CallCounts::default(),
            faults: BTreeMap::new(),
            messages: [0; 5],
            disk_losses: (0, 0),
            histories: (0, 0),
            undecided: 0,
            opened: 0,
            refused: 0,
            entries_applied: 0,
            trace: (0, String::new()),
        }
    }
}

fn is_past_deadline(state: &State, key: &KeyId) -> bool {
    let lifecycle = state.key(key).map(|key| key.lifecycle);
    matches!(lifecycle, Some(Lifecycle::PendingDeletion { delete_at, .. }) if delete_at <= state.region_time())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Calling {
    Yes,
    No,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failing {
    Yes,
    No,
}

fn trace_message(trace: &mut Trace, now_ms: u64, envelope: &Envelope) {
    let (from, to) = (envelope.from.address, envelope.to);
    match &envelope.body {
        Body::Request { call, request } => {
            trace.note(Kind::Message, now_ms, format_args!("{from} -> {to} #{call} {request}"));
        }
        Body::Reply { call, answer: Ok(reply) } => {
            trace.note(Kind::Message, now_ms, format_args!("{from} -> {to} #{call} = {reply}"));
        }
        Body::Reply { call, answer: Err(error) } => {
            trace.note(Kind::Message, now_ms, format_args!("{from} -> {to} #{call} ! {error}"));
        }
    }
}
