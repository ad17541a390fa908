//! Proposing: on the leader, or handed to it, repeated under one proposal id until the outcome is known (invariant B4).
//!
//! Never reports a failure for a proposal that may yet be committed: that is `OutcomeUnknown`.

use super::{Group, GroupParts, LEADER_CALL_TIMEOUT, PROPOSE_DEADLINE, RETRY_PAUSE, leader::Leader};
use kms_raft::{Peer, TypeConfig};
use kms_state::{Outcome, Proposal};
use kms_transport::{CallError, ForwardAnswer};
use kms_types::NodeId;
use openraft::error::{ClientWriteError, RaftError};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout};

/// Why a proposal has no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// It was certainly not proposed: no leader could be found in time.
    #[error("no leader took the change within {0:?}")]
    NoLeader(Duration),
    /// It was proposed, and whether it was or will be committed could not be learned in time.
    #[error("the outcome of the change is not known after {0:?}")]
    OutcomeUnknown(Duration),
}

impl Group {
    /// Proposes a change and waits until it is applied. Repeats over leader changes with the same proposal id, whose
    /// outcome the state remembers, so that it has one effect.
    pub async fn propose(&self, proposal: impl Into<Arc<Proposal>>) -> Result<Outcome, ProposeError> {
        self.propose_within(proposal, PROPOSE_DEADLINE).await
    }

    /// As [`Group::propose`], with another deadline.
    pub async fn propose_within(
        &self,
        proposal: impl Into<Arc<Proposal>>,
        limit: Duration,
    ) -> Result<Outcome, ProposeError> {
        let proposal = proposal.into();
        let (deadline, mut sent, mut hint) = (Instant::now() + limit, Sent::Never, None);
        while let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
        {
            #[cfg(feature = "seeded-bugs")]
            let proposal = renamed(&proposal);
            match self.core.attempt(&proposal, hint.take(), left.min(LEADER_CALL_TIMEOUT)).await {
                Attempt::Done(outcome) => return Ok(outcome),
                Attempt::NotProposed(leader) => hint = leader,
                Attempt::Unknown => sent = Sent::Perhaps,
            }
            self.core.pause(RETRY_PAUSE.min(left)).await;
        }
        Err(match sent {
            Sent::Never => ProposeError::NoLeader(limit),
            Sent::Perhaps => ProposeError::OutcomeUnknown(limit),
        })
    }
}

/// A known bug: every attempt has an id of its own.
#[cfg(feature = "seeded-bugs")]
fn renamed(proposal: &Arc<Proposal>) -> Arc<Proposal> {
    if !seeded!(RetryAsNew) {
        return proposal.clone();
    }
    let entropy: &mut dyn kms_types::Entropy = &mut crate::entropy::OsEntropy;
    let id = kms_types::ProposalId::from_random(entropy.array());
    Arc::new(Proposal { id, ..Proposal::clone(proposal) })
}

/// Whether any attempt may have put the proposal into a log.
#[derive(Debug, Clone, Copy)]
enum Sent {
    Never,
    Perhaps,
}

/// What one attempt brought.
#[derive(Debug)]
pub(super) enum Attempt {
    /// Committed and applied.
    Done(Outcome),
    /// Certainly in no log, with the leader that somebody named.
    NotProposed(Option<NodeId>),
    /// Perhaps in a log.
    Unknown,
}

impl GroupParts {
    async fn attempt(&self, proposal: &Proposal, hint: Option<NodeId>, limit: Duration) -> Attempt {
        match self.find_leader(hint) {
            None => Attempt::NotProposed(None),
            Some(Leader::Here) => match self.write_here(proposal.clone(), limit).await {
                ForwardAnswer::Committed { outcome, .. } => Attempt::Done(outcome),
                // openraft may name this very node while it takes office; ask the metrics again instead.
                ForwardAnswer::NotLeader(leader) => {
                    Attempt::NotProposed(leader.filter(|id| *id != self.node))
                }
                ForwardAnswer::Unknown => Attempt::Unknown,
            },
            Some(Leader::There(id, peer)) => self.write_there(id, &peer, proposal, limit).await,
        }
    }

    /// Writes as the leader. Gives up waiting, not the entry, when this node loses its office.
    pub(super) async fn write_here(&self, proposal: Proposal, limit: Duration) -> ForwardAnswer {
        let write = timeout(limit, self.raft.client_write(proposal));
        let answer = tokio::select! {
            biased;
            answer = write => answer,
            () = self.until_deposed() => return ForwardAnswer::Unknown,
        };
        match answer {
            Ok(Ok(response)) => {
                ForwardAnswer::Committed { outcome: response.data, index: response.log_id.index }
            }
            Ok(Err(error)) => refused(error),
            Err(_) => ForwardAnswer::Unknown,
        }
    }

    /// This node led and does no longer: the entry's fate is decided, and remembered, elsewhere.
    async fn until_deposed(&self) {
        if !self.is_leader() {
            // The write itself will be refused, with a hint.
            std::future::pending::<()>().await;
        }
        self.until_leader_is_not(self.node).await;
    }

    async fn write_there(&self, id: NodeId, peer: &Peer, proposal: &Proposal, limit: Duration) -> Attempt {
        let answer = tokio::select! {
            biased;
            answer = self.client.forward(id, peer, proposal, limit) => answer,
            () = self.until_leader_is_not(id) => return Attempt::Unknown,
        };
        match answer {
            Ok(ForwardAnswer::Committed { outcome, .. }) => Attempt::Done(outcome),
            Ok(ForwardAnswer::NotLeader(leader)) => {
                Attempt::NotProposed(leader.filter(|leader| *leader != id))
            }
            Ok(ForwardAnswer::Unknown) => Attempt::Unknown,
            Err(error) => failed_call(&error),
        }
    }
}

fn failed_call(error: &CallError) -> Attempt {
    tracing::debug!(%error, "forwarding a proposal failed");
    match error.never_sent() {
        true => Attempt::NotProposed(None),
        false => Attempt::Unknown,
    }
}

/// Only `ForwardToLeader` says that the entry was never appended.
fn refused(error: RaftError<TypeConfig, ClientWriteError<TypeConfig>>) -> ForwardAnswer {
    match error {
        RaftError::APIError(ClientWriteError::ForwardToLeader(forward)) => {
            ForwardAnswer::NotLeader(forward.leader_id)
        }
        other => {
            tracing::debug!(error = %other, "the fate of a proposal is not known");
            ForwardAnswer::Unknown
        }
    }
}
