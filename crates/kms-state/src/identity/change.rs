//! Changes: how the home makes them, and how other Regions take them.

use kms_types::Epoch;
use serde::{Deserialize, Serialize};

use super::{IdentityKey, IdentityRecord, Stored};

/// Where a copy of the identity records stands: who was home, and how many changes came before. Totally ordered.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The epoch of the identity key in which the newest change was made; none before the first change.
    pub epoch: Option<Epoch>,
    /// The number of changes so far. Goes on counting when the home moves.
    pub sequence: u64,
}

/// What a decision relied on: the record was last changed at this sequence, or was absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// The record.
    pub key: IdentityKey,
    /// The sequence of its last change; none for an absent record.
    pub changed: Option<u64>,
}

/// One change, complete: the proposer read the guarded records and decided what becomes of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityChange {
    /// What must still be so; otherwise the change is refused and decided again.
    pub guards: Vec<Guard>,
    /// Records to write.
    pub puts: Vec<IdentityRecord>,
    /// Records to remove.
    pub deletes: Vec<IdentityKey>,
}

/// One change with its place, as other Regions take it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityEntry {
    /// The position before it. It is taken nowhere else.
    pub previous: Position,
    /// The position after it.
    pub position: Position,
    /// Records to write.
    pub puts: Vec<IdentityRecord>,
    /// Records to remove.
    pub deletes: Vec<IdentityKey>,
}

/// A part of a whole copy, for a Region whose position is not on the home's history any more. The parts of one copy are
/// taken in order, and count when the last is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityCopy {
    /// The position of the copy.
    pub position: Position,
    /// Which part this is, from 0.
    pub part: u32,
    /// How many there are.
    pub parts: u32,
    /// The records of this part.
    pub records: Vec<Stored>,
}
