use kms_crypto::VerifyingKey;
use kms_types::{Incarnation, Region};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The voting Regions of the deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    /// Grows by one with every change; a message of another generation is refused (failure case 24).
    pub generation: u64,
    /// Every Region that takes part in cross-Region decisions, this one included.
    pub voters: BTreeMap<Region, Voter>,
}

/// One voting Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voter {
    /// The identity of its history.
    pub incarnation: Incarnation,
    /// What its messages are signed with.
    pub verifying_key: VerifyingKey,
    /// Data or witness.
    pub role: RegionRole,
}

/// Whether a Region may hold material.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegionRole {
    /// Holds material and serves the API.
    Data,
    /// Votes and holds no material.
    Witness,
}

impl Directory {
    /// True when `regions` of the voters form a majority.
    pub fn is_majority<'a>(&self, regions: impl IntoIterator<Item = &'a Region>) -> bool {
        let present = regions.into_iter().filter(|r| self.voters.contains_key(*r)).count();
        present * 2 > self.voters.len()
    }

    /// True when `region` votes and holds material.
    pub fn is_data(&self, region: &Region) -> bool {
        self.voters.get(region).is_some_and(|v| v.role == RegionRole::Data)
    }
}
