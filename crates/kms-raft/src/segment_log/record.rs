//! Records, the content of batches: `length (u32) ‖ kms_state::encode(record)`, one after the other.

use crate::{Boot, Entry, LogId, Seen, Vote};
use kms_state::{DecodeError, Proposal};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Largest encoded entry; half of what the codec decodes, so that what was written can be read.
pub const MAX_ENTRY_BYTES: usize = 8 << 20;

/// Room for what a log entry adds to its proposal: ids, frame, variant numbers.
const ENTRY_OVERHEAD_BYTES: usize = 256;

/// Whether the log can hold this proposal. To be asked before proposing: a larger entry stops the node that appends it.
pub fn proposal_fits(proposal: &Proposal) -> bool {
    kms_state::encode(proposal).len() + ENTRY_OVERHEAD_BYTES <= MAX_ENTRY_BYTES
}

/// One change of the log. The order of records is the order of the calls (A2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Record {
    /// The entry after the last one.
    Entry(Arc<Entry>),
    /// Every entry after this index is void; all of them without one.
    Truncate(Option<u64>),
    /// Entries up to this one are covered by a snapshot.
    Purge(LogId),
    /// This node's vote.
    Vote(Vote),
    /// Entries up to this one are committed; a hint, written along with other records.
    Committed(LogId),
    /// This node's start was admitted.
    Boot(Boot),
    /// How far another node was seen.
    Seen(u64, Seen),
}

/// Appends a record to a batch's body.
pub(super) fn push(body: &mut Vec<u8>, encoded: &[u8]) {
    body.extend_from_slice(&(encoded.len() as u32).to_le_bytes());
    body.extend_from_slice(encoded);
}

/// Encodes a record.
pub(crate) fn encode(record: &Record) -> Vec<u8> {
    kms_state::encode(record)
}

/// Decodes one record.
pub(super) fn decode(bytes: &[u8]) -> Result<Record, DecodeError> {
    kms_state::decode(bytes)
}

/// The records of a batch with the offset of each one's encoded bytes; `None` where the framing breaks.
pub(super) fn split(body: &[u8]) -> impl Iterator<Item = Option<(usize, &[u8])>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = body.get(at..).filter(|r| !r.is_empty())?;
        let found = rest.split_first_chunk::<4>().and_then(|(len, rest)| {
            rest.get(..u32::from_le_bytes(*len) as usize).map(|encoded| (at + 4, encoded))
        });
        at = found.map_or(body.len(), |(offset, encoded)| offset + encoded.len());
        Some(found)
    })
}
