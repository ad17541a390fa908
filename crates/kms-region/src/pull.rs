//! Rule 10 and the everyday case: every Region pulls committed records from every voter, and acknowledges with its
//! pulls what it has installed. A Region that was away for months does nothing else.

use kms_state::ControlRecord;
use kms_types::{Incarnation, KeyId, Region, Timestamp};
use std::collections::BTreeMap;

use crate::{Ack, Alarm, MAX_ITEMS, Machine, Message, Output, message::batches};

/// Most bytes of records in one answer, give or take the last log entry.
const ANSWER_BYTES: usize = 1 << 20;

/// Another voter as this machine knows it.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// Whose log the positions below are of.
    pub(crate) incarnation: Incarnation,
    /// Its log index up to which its committed records are known here.
    pub(crate) cursor: u64,
    /// Its newest position, as last heard.
    pub(crate) sequence: u64,
    pub(crate) next_pull: Timestamp,
    pub(crate) last_heard: Option<Timestamp>,
    /// When everything that the peer had committed was last known here, or when it was first waited for.
    pub(crate) level_at: Timestamp,
    pub(crate) behind_alarm_at: Timestamp,
    /// What it was last told about each of its keys.
    pub(crate) told: BTreeMap<KeyId, Ack>,
    /// Where the next periodic repeat of acknowledgements begins.
    pub(crate) repeat_after: Option<KeyId>,
}

impl Peer {
    pub(crate) fn new(incarnation: Incarnation, now: Timestamp) -> Self {
        Self {
            incarnation,
            cursor: 0,
            sequence: 0,
            next_pull: now,
            last_heard: None,
            level_at: now,
            behind_alarm_at: now,
            told: BTreeMap::new(),
            repeat_after: None,
        }
    }

    /// The next acknowledgements in turn, so that each is repeated some time, however many there are.
    fn repeats(&mut self) -> Vec<Ack> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = self.repeat_after.map_or(Unbounded, Excluded);
        let acks: Vec<Ack> =
            self.told.range((from, Unbounded)).map(|(_, ack)| ack.clone()).take(MAX_ITEMS).collect();
        self.repeat_after = acks.last().filter(|_| acks.len() == MAX_ITEMS).map(|ack| ack.key);
        acks
    }
}

impl Machine {
    /// New acknowledgements leave at once; otherwise each peer is asked at its interval.
    pub(crate) fn run_pulls(&mut self) {
        if self.learning.is_full() {
            return;
        }
        let mut peers = std::mem::take(&mut self.peers);
        for (region, peer) in &mut peers {
            self.pull(region, peer);
        }
        self.peers = peers;
    }

    /// A peer whose committed records have not been known here for long: it is down, cut off, or refuses this Region.
    pub(crate) fn alarm_if_behind(&mut self) {
        let (now, every_ms) = (self.now, self.config.alarm_ms);
        for (region, peer) in &mut self.peers {
            let since = peer.level_at.max(peer.behind_alarm_at);
            if now.millis_since(since) >= every_ms {
                peer.behind_alarm_at = now;
                let alarm = Alarm::PeerBehind { region: region.clone(), since: peer.level_at };
                self.outputs.push_back(Output::Alarm(alarm));
            }
        }
    }

    fn pull(&mut self, region: &Region, peer: &mut Peer) {
        let current: BTreeMap<KeyId, Ack> = self.acks_for(region).map(|ack| (ack.key, ack)).collect();
        let fresh: Vec<Ack> =
            current.values().filter(|ack| peer.told.get(&ack.key) != Some(ack)).cloned().collect();
        peer.told = current;
        let pulls = if !fresh.is_empty() {
            batches(fresh)
        } else if self.now >= peer.next_pull {
            batches(peer.repeats()).into_iter().next().map_or_else(|| vec![Vec::new()], |acks| vec![acks])
        } else {
            return;
        };
        peer.next_pull = self.now.plus_millis(self.config.pull_ms);
        for acks in pulls {
            self.send(region, Message::Pull { cursor: peer.cursor, acks });
        }
    }

    /// What `primary` waits to hear about its keys.
    fn acks_for<'a>(&'a self, primary: &'a Region) -> impl Iterator<Item = Ack> + 'a {
        let records = self.watch.keys().filter_map(|key| self.committed(key));
        records.filter(move |record| record.primary == *primary).filter_map(|record| self.ack(&record))
    }

    fn ack(&self, record: &ControlRecord) -> Option<Ack> {
        let held = self.state.key(&record.key).filter(|_| record.is_member(&self.region));
        let installed = |m: &kms_state::MaterialInfo| held.is_some_and(|key| key.held.contains_key(&m.id));
        let displaced = self.register(&record.key).map(|r| r.displaced.clone()).unwrap_or_default();
        let awaited = record.awaits_installation() && held.is_some();
        (awaited || !displaced.is_empty()).then(|| Ack {
            key: record.key,
            version: record.version.clone(),
            materials: record
                .required_materials()
                .filter(|m| installed(m) || seeded!(AcknowledgeUnheld))
                .map(|m| m.id)
                .collect(),
            displaced,
        })
    }

    pub(crate) fn on_pull(&mut self, from: Region, cursor: u64, acks: Vec<Ack>) {
        self.take_acks(&from, acks);
        let sequence = self.state.register_sequence();
        let (reached, records) = self.records_after(cursor);
        self.send(&from, Message::Records { since: cursor, cursor: reached, sequence, records });
    }

    /// Whole log entries only: a cursor inside one would lose the rest of it.
    fn records_after(&self, cursor: u64) -> (u64, Vec<ControlRecord>) {
        let mut entries: Vec<(u64, Vec<ControlRecord>)> = Vec::new();
        let (mut count, mut bytes) = (0, 0);
        for (sequence, key) in self.state.registers_since(cursor) {
            if entries.last().is_none_or(|(last, _)| *last != sequence) {
                if count >= MAX_ITEMS / 2 || bytes >= ANSWER_BYTES {
                    break;
                }
                entries.push((sequence, Vec::new()));
            }
            let Some(record) = self.committed(&key) else { continue };
            count += 1;
            bytes += kms_state::encode(&*record).len();
            if let Some((_, records)) = entries.last_mut() {
                records.push((*record).clone());
            }
        }
        if count > MAX_ITEMS && entries.len() > 1 {
            entries.pop();
        }
        let reached = entries.last().map_or(cursor, |(sequence, _)| *sequence);
        (reached, entries.into_iter().flat_map(|(_, records)| records).collect())
    }

    pub(crate) fn on_records(
        &mut self,
        from: &Region,
        since: u64,
        cursor: u64,
        sequence: u64,
        records: Vec<ControlRecord>,
    ) {
        self.learn(records);
        let now = self.now;
        let Some(peer) = self.peers.get_mut(from) else { return };
        peer.sequence = sequence;
        // A repeated or late answer teaches its records and moves nothing.
        if since == peer.cursor && cursor > since {
            peer.cursor = cursor;
            if cursor < sequence {
                peer.next_pull = now;
            }
        }
        if since <= peer.cursor && peer.cursor >= sequence {
            peer.level_at = now;
        }
    }

    pub(crate) fn on_hint(&mut self, from: &Region, sequence: u64) {
        let now = self.now;
        if let Some(peer) = self.peers.get_mut(from).filter(|peer| sequence > peer.cursor) {
            peer.sequence = peer.sequence.max(sequence);
            peer.next_pull = now;
        }
    }
}
