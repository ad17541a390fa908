//! What travels between nodes: the calls that gRPC carries in a real deployment, as values.

use bytes::Bytes;
use kms_raft::{
    AppendRequest, AppendResponse, Boot, LogId, Seen, SnapshotMeta, Standing, TypeConfig, Vote, VoteRequest,
    VoteResponse,
};
use kms_state::Proposal;
use kms_transport::{DeliverAnswer, ForwardAnswer, Opinion, ReadIndexAnswer};
use kms_types::Timestamp;
use openraft::raft::{SnapshotResponse, TransferLeaderRequest, TransferLeaderResponse};
use std::fmt;
use std::sync::Arc;

/// One call.
#[derive(Clone)]
pub(crate) enum Request {
    Append(Arc<AppendRequest>),
    Vote(VoteRequest),
    PreVote(VoteRequest),
    Snapshot {
        vote: Vote,
        meta: Arc<SnapshotMeta>,
        bytes: Bytes,
    },
    Transfer(Arc<TransferLeaderRequest<TypeConfig>>),
    Forward(Arc<Proposal>),
    ReadIndex,
    Clock,
    Introduce(Standing),
    Announce(Seen),
    Boot,
    /// Of another Region, handed to the leader.
    DeliverRegion(Bytes),
    /// Of another Region, to any node.
    Letter(Bytes),
}

/// Its answer.
#[derive(Clone)]
pub(crate) enum Reply {
    Append(AppendResponse),
    Vote(VoteResponse),
    Snapshot(SnapshotResponse<TypeConfig>),
    Transfer(TransferLeaderResponse<TypeConfig>),
    Forward(ForwardAnswer),
    ReadIndex(ReadIndexAnswer),
    Clock(Timestamp),
    Opinion(Opinion),
    Boot(Boot),
    DeliverRegion(DeliverAnswer),
    Letter,
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Append(request) => write!(f, "{request}"),
            Self::Vote(request) => write!(f, "vote {request}"),
            Self::PreVote(request) => write!(f, "pre-vote {request}"),
            Self::Snapshot { vote, meta, bytes } => {
                write!(f, "snapshot of {vote}: {meta}, {} bytes", bytes.len())
            }
            Self::Transfer(request) => write!(f, "transfer of {}", request.from_leader()),
            Self::Forward(proposal) => write!(f, "forward {}", proposal.id),
            Self::ReadIndex => f.write_str("read index?"),
            Self::Clock => f.write_str("clock?"),
            Self::Introduce(standing) => {
                write!(f, "introduction: {}", place(standing.boot.number, standing.last))
            }
            Self::Announce(seen) => {
                write!(f, "at {}", place(seen.boot.map_or(0, |boot| boot.number), seen.last))
            }
            Self::Boot => f.write_str("who is there?"),
            Self::DeliverRegion(bytes) => write!(f, "letter inside, {} bytes", bytes.len()),
            Self::Letter(bytes) => write!(f, "letter, {} bytes", bytes.len()),
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Append(response) => write!(f, "{response}"),
            Self::Vote(response) => write!(f, "{response}"),
            Self::Snapshot(response) => write!(f, "snapshot installed: {response}"),
            Self::Transfer(_) => f.write_str("transfer taken"),
            Self::Forward(ForwardAnswer::Committed { index, .. }) => write!(f, "committed at {index}"),
            Self::Forward(answer) => write!(f, "{answer:?}"),
            Self::ReadIndex(answer) => write!(f, "{answer:?}"),
            Self::Clock(now) => write!(f, "clock {}", now.as_millis()),
            Self::Opinion(opinion) => {
                let seen = opinion.seen.as_ref();
                let boot = seen.and_then(|seen| seen.boot).map_or(0, |boot| boot.number);
                write!(f, "seen at {}", place(boot, seen.and_then(|seen| seen.last)))
            }
            Self::Boot(boot) => write!(f, "start {}", boot.number),
            Self::DeliverRegion(answer) => write!(f, "{answer:?}"),
            Self::Letter => f.write_str("letter taken"),
        }
    }
}

fn place(boot: u64, last: Option<LogId>) -> String {
    format!("start {boot}, {}", last.map_or_else(|| "no log".to_owned(), |last| last.to_string()))
}
