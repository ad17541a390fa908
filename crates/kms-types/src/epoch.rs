use serde::{Deserialize, Serialize};
use std::fmt;

use crate::Region;

/// A ballot of a key's control register: (counter, Region). Never reused (invariant C2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Epoch {
    /// Grows with every promotion.
    pub counter: u64,
    /// The Region that proposes in this epoch.
    pub region: Region,
}

/// The version of a control record: (epoch, n), totally ordered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordVersion {
    /// The epoch in which the record was proposed.
    pub epoch: Epoch,
    /// The record's number in its epoch, from 1.
    pub n: u64,
}

impl RecordVersion {
    /// The version after this one in the same epoch.
    pub fn next(&self) -> Self {
        Self { epoch: self.epoch.clone(), n: self.n + 1 }
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.counter, self.region)
    }
}

impl fmt::Display for RecordVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.n)
    }
}
