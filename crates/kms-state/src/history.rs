//! Where a Region's history stands, so that one that went back to an earlier state is found out (invariant A5).
//!
//! Every leader of the link to other Regions begins with an entry that draws a random name for its office. An office and
//! a log index name a point of the history: a Region that lost its end continues it under other names. Peers remember the
//! last point that they heard from each other, in the same entry as what they heard.

use kms_types::{Incarnation, Region};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Offices that a Region remembers; a peer that was away for more is not believed any more.
pub const MOST_OFFICES: usize = 4096;

/// The random name of one leader's office.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OfficeId(pub [u8; 16]);

/// One point of a Region's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark {
    /// The office that the Region's leader held.
    pub office: OfficeId,
    /// A log index that it had applied in it.
    pub index: u64,
}

/// The last point that was heard of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerMark {
    /// The peer's incarnation; a new one has a new history.
    pub incarnation: Incarnation,
    /// The point.
    pub mark: Mark,
}

/// The newest points of peers that a command goes back to.
pub type Marks = BTreeMap<Region, PeerMark>;
