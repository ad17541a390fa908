//! The network: every message waits in one queue until its time; rules say who is cut off, slow, lossy, or heard twice.
//!
//! Deliberately absent: what messages mean, and who runs.

use crate::address::{Address, Endpoint, RegionNumber};
use crate::clock::WorldClock;
use crate::draw::Draw;
use crate::message::{Reply, Request};
use kms_transport::CallError;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// The network; clones share it.
#[derive(Clone)]
pub(crate) struct Net(Arc<Mutex<Wires>>);

pub(crate) type Answer = Result<Reply, CallError>;

/// A message on its way.
#[derive(Clone)]
pub(crate) struct Envelope {
    pub(crate) from: Endpoint,
    pub(crate) to: Address,
    pub(crate) body: Body,
}

#[derive(Clone)]
pub(crate) enum Body {
    Request { call: u64, request: Request },
    Reply { call: u64, answer: Answer },
}

/// What is wrong with the network.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    /// From, to: nothing gets through.
    pub(crate) cut: BTreeSet<(Address, Address)>,
    /// From, to: so much later.
    pub(crate) slow_ms: BTreeMap<(Address, Address), u64>,
    /// So many of a thousand are lost.
    pub(crate) loss_permille: u64,
    /// So many of a thousand requests arrive twice.
    pub(crate) twice_permille: u64,
    /// So many of a thousand come much later than others sent after them.
    pub(crate) late_permille: u64,
}

/// How many messages met which fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Fates {
    pub(crate) sent: u64,
    pub(crate) lost: u64,
    pub(crate) cut: u64,
    pub(crate) twice: u64,
    pub(crate) late: u64,
}

struct Wires {
    world: WorldClock,
    draw: Draw,
    queue: BTreeMap<(u64, u64), Envelope>,
    sequence: u64,
    waiting: BTreeMap<u64, oneshot::Sender<Answer>>,
    last_call: u64,
    /// The present life of every node that runs.
    lives: BTreeMap<Address, u64>,
    rules: Rules,
    fates: Fates,
}

impl Net {
    pub(crate) fn new(world: WorldClock, draw: Draw) -> Self {
        Self(Arc::new(Mutex::new(Wires {
            world,
            draw,
            queue: BTreeMap::new(),
            sequence: 0,
            waiting: BTreeMap::new(),
            last_call: 0,
            lives: BTreeMap::new(),
            rules: Rules::default(),
            fates: Fates::default(),
        })))
    }

    fn wires(&self) -> MutexGuard<'_, Wires> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on only this life of the node is heard.
    pub(crate) fn joined(&self, endpoint: Endpoint) {
        self.wires().lives.insert(endpoint.address, endpoint.life);
    }

    /// The node is not heard any more.
    pub(crate) fn left(&self, address: Address) {
        self.wires().lives.remove(&address);
    }

    pub(crate) fn change_rules(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut self.wires().rules);
    }

    pub(crate) fn fates(&self) -> Fates {
        self.wires().fates
    }

    /// Sends a request and waits for the answer, as a client over gRPC does.
    pub(crate) async fn call(
        &self,
        from: Endpoint,
        to: Address,
        request: Request,
        limit: Duration,
    ) -> Result<Reply, CallError> {
        let (call, answer) = self.wires().begin(from, to, request);
        let _forget = Forget(self, call);
        match tokio::time::timeout(limit, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(CallError::Unreachable("the connection broke".to_owned())),
            Err(_) => Err(CallError::TimedOut(limit)),
        }
    }

    /// Answers a call.
    pub(crate) fn reply(&self, from: Endpoint, to: Address, call: u64, answer: Answer) {
        self.wires().send(Envelope { from, to, body: Body::Reply { call, answer } });
    }

    /// The next message whose time has come.
    pub(crate) fn next_due(&self) -> Option<Envelope> {
        let mut wires = self.wires();
        let now_ms = wires.world.now_ms();
        let first = wires.queue.first_entry().filter(|first| first.key().0 <= now_ms)?;
        Some(first.remove())
    }

    /// Holds a message back: its receiver is paused.
    pub(crate) fn postpone(&self, envelope: Envelope, ms: u64) {
        let mut wires = self.wires();
        let at = wires.world.now_ms() + ms;
        wires.enqueue(at, envelope);
    }

    /// Hands an answer to whoever waits for it; nobody does when the call was given up, or answered before.
    pub(crate) fn hand_over(&self, call: u64, answer: Answer) {
        let waiting = self.wires().waiting.remove(&call);
        if let Some(waiting) = waiting {
            drop(waiting.send(answer));
        }
    }

    /// Everything between the nodes of a Region is gone with its connections: all of them end at once, and those that
    /// start in their place are of an earlier moment. What was on its way to other Regions arrives.
    pub(crate) fn break_connections(&self, region: RegionNumber) {
        let inside =
            |envelope: &Envelope| envelope.from.address.region == region && envelope.to.region == region;
        self.wires().queue.retain(|_, envelope| !inside(envelope));
    }

    /// True when nothing gets from one to the other.
    pub(crate) fn is_cut(&self, from: Address, to: Address) -> bool {
        self.wires().rules.cut.contains(&(from, to))
    }
}

struct Forget<'a>(&'a Net, u64);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.wires().waiting.remove(&self.1);
    }
}

impl Wires {
    fn begin(&mut self, from: Endpoint, to: Address, request: Request) -> (u64, oneshot::Receiver<Answer>) {
        self.last_call += 1;
        let (call, (sender, receiver)) = (self.last_call, oneshot::channel());
        self.waiting.insert(call, sender);
        self.send(Envelope { from, to, body: Body::Request { call, request } });
        (call, receiver)
    }

    fn send(&mut self, envelope: Envelope) {
        let (from, to) = (envelope.from.address, envelope.to);
        if self.lives.get(&from) != Some(&envelope.from.life) {
            return;
        }
        self.fates.sent += 1;
        if self.rules.cut.contains(&(from, to)) {
            self.fates.cut += 1;
            return;
        }
        if self.draw.chance(self.rules.loss_permille) {
            self.fates.lost += 1;
            return;
        }
        let is_request = matches!(envelope.body, Body::Request { .. });
        if is_request && self.draw.chance(self.rules.twice_permille) {
            self.fates.twice += 1;
            let at = self.arrival(from, to) + self.draw.between(0, 200);
            self.enqueue(at, envelope.clone());
        }
        let mut at = self.arrival(from, to);
        if self.draw.chance(self.rules.late_permille) {
            self.fates.late += 1;
            at += self.draw.between(50, 1500);
        }
        self.enqueue(at, envelope);
    }

    fn arrival(&mut self, from: Address, to: Address) -> u64 {
        let (low, high) = distance_ms(from.region, to.region);
        let slow_ms = self.rules.slow_ms.get(&(from, to)).copied().unwrap_or(0);
        self.world.now_ms() + self.draw.between(low, high) + slow_ms
    }

    fn enqueue(&mut self, at: u64, envelope: Envelope) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), envelope);
    }
}

/// One way, in milliseconds: least and most. Never less than a step of the simulation.
fn distance_ms(from: RegionNumber, to: RegionNumber) -> (u64, u64) {
    match from.abs_diff(to) {
        0 => (2, 5),
        1 => (20, 35),
        _ => (40, 60),
    }
}
