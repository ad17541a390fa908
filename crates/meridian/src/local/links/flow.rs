//! One direction of one connection, as a machine without sockets: what was read and not yet written, and when each part may
//! go on. Time and chance are arguments.
//!
//! A cut holds bytes as a cable that is out holds them: the sender's host keeps them and sends them again until they
//! arrive. Nothing is dropped, nothing overtakes, and what is held is bounded: beyond that the sender is not read.

use bytes::Bytes;
use kms_types::Entropy;
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::rule::{Rule, SEGMENT_BYTES};

/// Held at most per direction of a connection: enough for 200 Mbit/s over a round trip of 80 ms.
const HELD_BYTES: usize = 2 << 20;
/// What a pipe of limited rate holds besides what is on its way: the queue of a router.
const QUEUE_TIME: Duration = Duration::from_millis(100);
const LEAST_QUEUE_BYTES: usize = 16 << 10;
/// What passes one way while acknowledgements do not pass the other way: a send window.
const WINDOW_BYTES: usize = 64 << 10;

/// The rules of both directions between two nodes, as one of them sends.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Rules {
    /// For what it sends.
    pub(super) there: Rule,
    /// For what comes back, acknowledgements included.
    pub(super) back: Rule,
}

impl Rules {
    /// A connection is made in both directions or not at all.
    pub(super) fn lets_connect(&self) -> bool {
        !self.there.cut && !self.back.cut
    }

    /// How long a connection takes to be made.
    pub(super) fn connect_time(&self, entropy: &mut dyn Entropy) -> Duration {
        [&self.there, &self.back]
            .map(|rule| rule.delay.draw(entropy) + rule.lost_connect_time(entropy))
            .into_iter()
            .sum()
    }

    fn reversed(self) -> Self {
        Self { there: self.back, back: self.there }
    }

    /// As the other node sees it, if `from_far`.
    pub(super) fn seen(self, from_far: bool) -> Self {
        if from_far { self.reversed() } else { self }
    }
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Write this.
    Write(Bytes),
    /// Everything is written and the sender has closed: close.
    Close,
    /// Nothing before that time, if any, unless something is read or the rules change.
    Wait(Option<Instant>),
}

#[derive(Debug, Default)]
pub(super) struct Flow {
    rules: Rules,
    parts: VecDeque<Part>,
    held_bytes: usize,
    /// Written since acknowledgements stopped to come back.
    unacknowledged_bytes: usize,
    last_due: Option<Instant>,
    has_ended: bool,
}

#[derive(Debug)]
struct Part {
    due: Instant,
    bytes: Bytes,
}

impl Flow {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules, ..Self::default() }
    }

    /// How many bytes may be read now.
    pub(super) fn room(&self) -> usize {
        if self.has_ended { 0 } else { self.most_held().saturating_sub(self.held_bytes) }
    }

    fn most_held(&self) -> usize {
        let rule = &self.rules.there;
        let queue = |rate: &super::rule::Rate| rate.bytes_in(rule.delay.base + QUEUE_TIME);
        rule.rate.as_ref().map_or(HELD_BYTES, |rate| queue(rate).clamp(LEAST_QUEUE_BYTES, HELD_BYTES))
    }

    /// Takes what was read at `now`.
    pub(super) fn push(&mut self, mut bytes: Bytes, now: Instant, entropy: &mut dyn Entropy) {
        self.held_bytes += bytes.len();
        let by_segments = self.rules.there.rate.is_some() || self.rules.there.loss_ppm > 0;
        let most = if by_segments { SEGMENT_BYTES } else { usize::MAX };
        while !bytes.is_empty() {
            let bytes = bytes.split_to(bytes.len().min(most));
            let due = self.due(bytes.len(), now, entropy);
            self.parts.push_back(Part { due, bytes });
        }
    }

    fn due(&mut self, size_bytes: usize, now: Instant, entropy: &mut dyn Entropy) -> Instant {
        let rule = &self.rules.there;
        let sent = rule.rate.as_ref().map_or(now, |rate| rate.departure(now, size_bytes));
        let arrives = sent + rule.delay.draw(entropy) + rule.lost_time(entropy);
        let due = self.last_due.map_or(arrives, |last| last.max(arrives));
        self.last_due = Some(due);
        due
    }

    /// The sender has closed, or is gone.
    pub(super) fn end(&mut self) {
        self.has_ended = true;
    }

    /// Obeys new rules. What is held is sent again under them, as after a retransmission.
    pub(super) fn obey(&mut self, rules: Rules, now: Instant, entropy: &mut dyn Entropy) {
        let resend = rules.there != self.rules.there;
        self.rules = rules;
        if !self.rules.back.cut {
            self.unacknowledged_bytes = 0;
        }
        if resend {
            let parts = std::mem::take(&mut self.parts);
            (self.held_bytes, self.last_due) = (0, None);
            parts.into_iter().for_each(|part| self.push(part.bytes, now, entropy));
        }
    }

    /// What to do at `now`.
    pub(super) fn step(&mut self, now: Instant) -> Step {
        let window_is_full = self.rules.back.cut && self.unacknowledged_bytes >= WINDOW_BYTES;
        if self.rules.there.cut || window_is_full {
            return Step::Wait(None);
        }
        match self.parts.front().map(|part| part.due) {
            Some(due) if due > now => Step::Wait(Some(due)),
            Some(_) => self.parts.pop_front().map_or(Step::Wait(None), |part| Step::Write(self.write(part))),
            None if self.has_ended => Step::Close,
            None => Step::Wait(None),
        }
    }

    fn write(&mut self, part: Part) -> Bytes {
        self.held_bytes = self.held_bytes.saturating_sub(part.bytes.len());
        if self.rules.back.cut {
            self.unacknowledged_bytes += part.bytes.len();
        }
        part.bytes
    }
}

#[cfg(test)]
mod tests;
