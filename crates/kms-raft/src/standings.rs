//! What a node remembers of how far it has come itself, and of how far it has seen the others (invariant A5).
//!
//! Both are in the log, beside vote and entries: they are as durable as these, and cost a group's fsync at most. Decides
//! nothing: kms-node asks, compares and draws the conclusions.

use crate::segment_log::{LogError, SegmentLog};
use crate::standing::{Boot, NodeIncarnation, Seen, Standing};
use crate::{AppendResponse, LogId, Peer, Vote};
use kms_types::NodeId;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// One node's memory of standings.
pub struct Standings {
    log: SegmentLog,
    boot: Boot,
    /// Where the stored state ended at the start: a snapshot may be ahead of the log that it is to replace.
    covered: Option<LogId>,
    admitted: AtomicBool,
    seen: Mutex<BTreeMap<NodeId, Seen>>,
    /// When a leader's entries, or its heartbeat, were last accepted here.
    followed_at: Mutex<Option<Instant>>,
}

impl fmt::Debug for Standings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Standings({:?})", self.own())
    }
}

impl Standings {
    pub(crate) fn new(log: SegmentLog, covered: Option<LogId>, nonce: [u8; 16]) -> Self {
        let (number, seen) = {
            let index = log.index();
            (index.boot.map_or(1, |boot| boot.number + 1), index.seen.clone())
        };
        let (boot, seen) = (Boot { number, nonce }, Mutex::new(seen));
        Self { log, boot, covered, admitted: AtomicBool::new(false), seen, followed_at: Mutex::default() }
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<NodeId, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far this node is, as far as its disk holds it.
    pub fn own(&self) -> Standing {
        let index = self.log.index();
        let voted = index.vote.map(|vote| vote.leader_id);
        Standing { boot: self.boot, voted, last: index.last_durable().max(self.covered) }
    }

    /// True while this node takes part in its Region: before, it answers no vote and no entry.
    pub fn is_admitted(&self) -> bool {
        self.admitted.load(Ordering::Acquire)
    }

    /// From now on this node takes part; its start is durable before.
    pub async fn admit(&self) -> Result<(), LogError> {
        self.log.save_boot(self.boot).await?;
        self.admitted.store(true, Ordering::Release);
        Ok(())
    }

    /// This node takes part no more.
    pub fn dismiss(&self) {
        self.admitted.store(false, Ordering::Release);
    }

    /// A leader's entries, or its heartbeat, were accepted here.
    pub fn followed(&self) {
        *self.followed_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// How long ago a leader was last heard and followed; none if never since the start.
    pub fn followed_ago(&self) -> Option<Duration> {
        self.followed_at.lock().unwrap_or_else(PoisonError::into_inner).map(|at| at.elapsed())
    }

    /// The furthest that this node has seen of another in one of its lives.
    pub fn seen(&self, node: NodeId, incarnation: NodeIncarnation) -> Option<Seen> {
        self.table().get(&node).filter(|seen| seen.incarnation == incarnation).copied()
    }

    /// As much of it as this node's disk holds.
    pub fn stored(&self, node: NodeId) -> Option<Seen> {
        self.log.index().seen.get(&node).copied()
    }

    /// A node answered entries up to `last` of this leader. Kept in memory; the disk has it with the node's next
    /// announcement.
    pub fn acknowledged(
        &self,
        node: NodeId,
        peer: &Peer,
        vote: &Vote,
        last: Option<LogId>,
        answer: &AppendResponse,
    ) {
        let held = match answer {
            AppendResponse::Success => last,
            AppendResponse::PartialSuccess(last) => *last,
            AppendResponse::Conflict | AppendResponse::HigherVote(_) => return,
        };
        self.learn(node, Seen::of_answer(peer.incarnation, vote, held));
    }

    /// A node voted for this one. Kept in memory, as what it acknowledges.
    pub fn granted(&self, node: NodeId, peer: &Peer, vote: &Vote) {
        self.learn(node, Seen::of_answer(peer.incarnation, vote, None));
    }

    /// A node announced where it stands. Returns what was known of it before, once what is known now is durable.
    pub async fn announced(&self, node: NodeId, now: Seen) -> Result<Option<Seen>, LogError> {
        let (before, known) = self.learn(node, now);
        if self.stored(node) != Some(known) {
            self.log.save_seen(node, known).await?;
        }
        Ok(before)
    }

    fn learn(&self, node: NodeId, now: Seen) -> (Option<Seen>, Seen) {
        let mut table = self.table();
        let before = table.get(&node).copied();
        let known = table.entry(node).or_insert(now);
        known.learn(&now);
        (before, *known)
    }
}
