//! Linearizable views (invariant B1): leadership confirmed by a quorum after the call arrived, one confirmation for
//! every call that waits.
//!
//! ```text
//! calls        a b c         d e f g
//!              └─┴─┴──┐      └─┴─┴─┴──┐
//! confirmation        ├── 1 ──┤       ├── 2 ──┤         d..g arrived while 1 was on its way: they share 2
//! ```
//!
//! Why a view is never stale. A change that was acknowledged before the call is committed, so its index is at most
//! the commit index of every later leader from that leader's first own entry on. The confirmation that serves the
//! call starts after the call arrived. It asks the leader for its read index (the larger of its commit index and its
//! first own entry), and the leader hands that out only after a quorum acknowledged heartbeats *sent after the
//! request arrived at it* (openraft's `max_quorum_ack_age` of zero), so no other leader had been elected when the
//! index was taken. The view is taken once that index is applied here.
//!
//! No clock is part of this. A leader that was paused (SIGSTOP, a suspended virtual machine) and resumes as if no
//! time had passed has to collect those acknowledgements like any other: its followers have moved to a higher term
//! and refuse, it steps down, and the call is repeated at the new leader. Acknowledgements that were collected before
//! the pause serve only calls that had arrived before them, which are concurrent with whatever was written during
//! the pause. A follower that is paused between confirmation and view serves a state at least as new as the
//! confirmation, by the same argument.

use super::{Group, GroupParts, READ_DEADLINE, RETRY_PAUSE, leader::Leader};
use kms_state::State;
use kms_transport::ReadIndexAnswer;
use openraft::LinearizerOption;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout, timeout_at},
};

/// Calls that may wait for a confirmation; more are refused, so that overload sheds early (invariant H2).
const WAITING_READS: usize = 8192;
/// Longest wait of the leader for a quorum; a little more than the longest election.
const CONFIRM_TIMEOUT: Duration = Duration::from_millis(400);

/// One version of the state, at least as new as every change acknowledged before the call (invariants B1, B2).
#[derive(Debug, Clone)]
pub struct View {
    /// The state.
    pub state: State,
    /// The index it was applied at.
    pub index: u64,
}

/// Why there is no view.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// No leader was confirmed by a quorum in time.
    #[error("no leader was confirmed by a quorum within {0:?}")]
    NotConfirmed(Duration),
    /// The confirmed index was not applied here in time.
    #[error("this node is behind: entry {index} was not applied within {limit:?}")]
    Behind {
        /// The index to wait for.
        index: u64,
        /// The deadline.
        limit: Duration,
    },
    /// Too many calls wait for a confirmation.
    #[error("too many calls wait for a confirmation")]
    Overloaded,
}

impl Group {
    /// A linearizable view, on any node. Never a stale one: without a quorum it fails.
    pub async fn read_view(&self) -> Result<View, ReadError> {
        self.read_view_within(READ_DEADLINE).await
    }

    /// As [`Group::read_view`], with another deadline.
    pub async fn read_view_within(&self, limit: Duration) -> Result<View, ReadError> {
        if seeded!(ReadLocally) {
            let applied = self.applied();
            return Ok(View { state: applied.state.clone(), index: applied.index });
        }
        let deadline = Instant::now() + limit;
        let confirmed = self.reads.join()?;
        let index = match timeout_at(deadline, confirmed).await {
            Ok(Ok(index)) => index,
            _ => return Err(ReadError::NotConfirmed(limit)),
        };
        let mut applied = self.core.applied.clone();
        let index = if seeded!(ReadBeforeApplied) { 0 } else { index };
        match timeout_at(deadline, applied.wait_for(|applied| applied.index >= index)).await {
            Ok(Ok(applied)) => Ok(View { state: applied.state.clone(), index: applied.index }),
            _ => Err(ReadError::Behind { index, limit }),
        }
    }
}

type Waiter = oneshot::Sender<u64>;

/// Where calls wait for the next confirmation.
#[derive(Debug, Clone)]
pub(super) struct ReadQueue(mpsc::Sender<Waiter>);

impl ReadQueue {
    /// The task ends when the last queue is dropped.
    pub(super) fn start(core: Arc<GroupParts>) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING_READS);
        tokio::spawn(confirm_batches(core, waiting));
        Self(queue)
    }

    fn join(&self) -> Result<oneshot::Receiver<u64>, ReadError> {
        let (waiter, confirmed) = oneshot::channel();
        self.0.try_send(waiter).map_err(|_| ReadError::Overloaded)?;
        Ok(confirmed)
    }
}

/// One confirmation at a time. Every attempt starts after all its waiters arrived; a failed attempt's waiters stay
/// for the next, with whoever came meanwhile, until their own deadlines.
async fn confirm_batches(core: Arc<GroupParts>, mut waiting: mpsc::Receiver<Waiter>) {
    let mut batch: Vec<Waiter> = Vec::new();
    loop {
        if batch.is_empty() && waiting.recv_many(&mut batch, WAITING_READS).await == 0 {
            return;
        }
        while let Ok(waiter) = waiting.try_recv() {
            batch.push(waiter);
        }
        match core.confirm().await {
            Some(index) => {
                while seeded!(ShareConfirmation)
                    && let Ok(late) = waiting.try_recv()
                {
                    batch.push(late);
                }
                batch.drain(..).for_each(|waiter| _ = waiter.send(index));
            }
            None => {
                batch.retain(|waiter| !waiter.is_closed());
                core.pause(RETRY_PAUSE).await;
            }
        }
    }
}

impl GroupParts {
    /// One attempt to learn a read index; `None` says nothing about who leads.
    async fn confirm(&self) -> Option<u64> {
        match self.find_leader(None)? {
            Leader::Here => match self.confirm_here().await {
                ReadIndexAnswer::Index(index) => Some(index),
                _ => None,
            },
            Leader::There(id, peer) => tokio::select! {
                biased;
                answer = self.client.read_index(id, &peer, CONFIRM_TIMEOUT + RETRY_PAUSE) => match answer {
                    Ok(ReadIndexAnswer::Index(index)) => Some(index),
                    _ => None,
                },
                () = self.until_leader_is_not(id) => None,
            },
        }
    }

    /// Confirms with a quorum that this node leads.
    pub(super) async fn confirm_here(&self) -> ReadIndexAnswer {
        if seeded!(LeaderReadsLocally) && self.is_leader() {
            return ReadIndexAnswer::Index(self.applied.borrow().index);
        }
        // Zero: only acknowledgements of heartbeats sent after this request count; never a lease.
        let fresh = LinearizerOption::new(Some(Duration::ZERO), true).with_wait_timeout(CONFIRM_TIMEOUT);
        match timeout(CONFIRM_TIMEOUT, self.raft.get_read_linearizer(fresh)).await {
            Ok(Ok(linearizer)) => ReadIndexAnswer::Index(linearizer.read_log_id().index()),
            Ok(Err(error)) => match error.forward_to_leader() {
                Some(forward) => ReadIndexAnswer::NotLeader(forward.leader_id),
                None => ReadIndexAnswer::Unconfirmed,
            },
            Err(_) => ReadIndexAnswer::Unconfirmed,
        }
    }
}
