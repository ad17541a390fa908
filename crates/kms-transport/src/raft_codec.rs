//! Raft messages to and from their protobuf frames.
//!
//! Consensus types are encoded by kms-state's versioned codec. Decoding is the only place where a peer's bytes become
//! consensus types; everything wrong with them is one status.

use crate::{limits::MAX_APPEND_BYTES, proto::raft as pb};
use bytes::Bytes;
use kms_raft::{AppendRequest, AppendResponse, Entry, LogId, TypeConfig, Vote};
use openraft::raft::TransferLeaderRequest;
use serde::{Serialize, de::DeserializeOwned};
use tonic::Status;

pub(crate) fn encode<T: Serialize>(value: &T) -> Bytes {
    kms_state::encode(value).into()
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Status> {
    kms_state::decode(bytes).map_err(|e| Status::invalid_argument(e.to_string()))
}

type AppendHeader = (Vote, Option<LogId>, Option<LogId>);

/// A request that fits one message, and the last entry in it when some had to stay behind.
pub(crate) struct PackedAppend {
    pub(crate) message: pb::AppendEntriesRequest,
    pub(crate) cut_after: Option<LogId>,
}

/// Packs entries until the message is full; the first entry always goes, so that replication advances.
pub(crate) fn pack_append(request: &AppendRequest) -> PackedAppend {
    let header: AppendHeader = (request.vote, request.prev_log_id, request.leader_commit);
    let (mut entries, mut size_bytes) = (Vec::with_capacity(request.entries.len()), 0);
    for entry in &request.entries {
        let encoded = encode(entry);
        size_bytes += encoded.len();
        if size_bytes > MAX_APPEND_BYTES && !entries.is_empty() {
            break;
        }
        entries.push(encoded);
    }
    let cut_after = match entries.len() < request.entries.len() {
        true => {
            entries.len().checked_sub(1).and_then(|last| request.entries.get(last)).map(|entry| entry.log_id)
        }
        false => None,
    };
    PackedAppend { message: pb::AppendEntriesRequest { header: encode(&header), entries }, cut_after }
}

pub(crate) fn unpack_append(message: &pb::AppendEntriesRequest) -> Result<AppendRequest, Status> {
    let (vote, prev_log_id, leader_commit): AppendHeader = decode(&message.header)?;
    let entries = message.entries.iter().map(|bytes| decode::<Entry>(bytes)).collect::<Result<_, _>>()?;
    Ok(AppendRequest { vote, prev_log_id, entries, leader_commit })
}

/// Success for a message that was cut is success up to the cut.
pub(crate) fn after_cut(response: AppendResponse, cut_after: Option<LogId>) -> AppendResponse {
    match (response, cut_after) {
        (AppendResponse::Success, Some(last)) => AppendResponse::PartialSuccess(Some(last)),
        (response, _) => response,
    }
}

type Transfer = (Vote, u64, Option<LogId>);

pub(crate) fn pack_transfer(request: &TransferLeaderRequest<TypeConfig>) -> Bytes {
    let transfer: Transfer = (*request.from_leader(), *request.to_node_id(), request.last_log_id().copied());
    encode(&transfer)
}

pub(crate) fn unpack_transfer(bytes: &[u8]) -> Result<TransferLeaderRequest<TypeConfig>, Status> {
    let (from, to, last_log_id): Transfer = decode(bytes)?;
    Ok(TransferLeaderRequest::new(from, to, last_log_id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kms_state::{Command, Origin, Proposal};
    use kms_types::{ProposalId, Timestamp};
    use openraft::{EntryPayload, vote::RaftLeaderIdExt};

    fn log_id(index: u64) -> LogId {
        LogId::new(kms_raft::LeaderId::new_committed(1, 1), index)
    }

    fn entry(index: u64, size_bytes: usize) -> Entry {
        let key = kms_types::KeyId::from_random(kms_types::KeyIdKind::SingleRegion, [0; 16]);
        let command = match size_bytes {
            0 => Command::Tick { now: Timestamp::default() },
            _ => Command::SetDescription { key, description: "x".repeat(size_bytes) },
        };
        let id = ProposalId::from_random([index as u8; 16]);
        let proposal = Proposal { id, origin: Origin::Service { node: 1 }, expect: None, command };
        Entry { log_id: log_id(index), payload: EntryPayload::Normal(proposal) }
    }

    fn request(entries: Vec<Entry>) -> AppendRequest {
        AppendRequest {
            vote: Vote::new_committed(1, 1),
            prev_log_id: None,
            entries,
            leader_commit: Some(log_id(0)),
        }
    }

    #[test]
    fn a_small_request_travels_whole() {
        let sent = request(vec![entry(1, 0), entry(2, 100)]);
        let packed = pack_append(&sent);
        assert_eq!(packed.cut_after, None);
        let received = unpack_append(&packed.message).unwrap();
        assert_eq!(received.entries, sent.entries);
        assert_eq!((received.vote, received.leader_commit), (sent.vote, sent.leader_commit));
    }

    #[test]
    fn a_large_request_is_cut_and_its_success_is_partial() {
        let packed = pack_append(&request((1..=9).map(|i| entry(i, 1 << 20)).collect()));
        assert_eq!(packed.message.entries.len(), 3);
        assert_eq!(packed.cut_after, Some(log_id(3)));
        let response = after_cut(AppendResponse::Success, packed.cut_after);
        assert_eq!(response, AppendResponse::PartialSuccess(Some(log_id(3))));
        assert_eq!(after_cut(AppendResponse::Conflict, packed.cut_after), AppendResponse::Conflict);
    }

    #[test]
    fn one_entry_above_the_size_still_travels() {
        let packed = pack_append(&request(vec![entry(1, 5 << 20), entry(2, 0)]));
        assert_eq!(packed.message.entries.len(), 1);
        assert_eq!(packed.cut_after, Some(log_id(1)));
    }

    #[test]
    fn hostile_bytes_are_an_error() {
        for bytes in [&[][..], &[0; 3], &[0xff; 64], &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff]] {
            let message =
                pb::AppendEntriesRequest { header: Bytes::copy_from_slice(bytes), entries: Vec::new() };
            assert!(unpack_append(&message).is_err());
            assert!(unpack_transfer(bytes).is_err());
        }
    }
}
