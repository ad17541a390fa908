//! Which Regions vote (rule 12): one value, replaced as a whole, one Region at a time. What may follow what is decided
//! here; how the Regions agree on it is in `apply/directory.rs` and in kms-region.

use kms_crypto::VerifyingKey;
use kms_types::{Incarnation, KeyId, Region};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The voting Regions of the deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    /// Grows by one with every change; a message of another generation is refused (failure case 24).
    pub generation: u64,
    /// Every Region that takes part in cross-Region decisions, this one included.
    pub voters: BTreeMap<Region, Voter>,
    /// The names of the voters of the generation before. What those may have agreed on has to be read from them.
    pub before: BTreeSet<Region>,
    /// Where nodes of Regions are reached that came or moved after the configuration was written, as `host:port`.
    pub links: BTreeMap<Region, Vec<String>>,
    /// What was removed and never comes back (invariant A5).
    pub removed: BTreeMap<Incarnation, RemovedVoter>,
    /// How many changes were made without a majority of the generation before, by typed confirmation.
    pub forced: u32,
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

/// A Region's history that does not count any more. Its key is kept so that it can be told so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedVoter {
    /// The Region.
    pub region: Region,
    /// What its messages were signed with.
    pub verifying_key: VerifyingKey,
}

/// Whether a Region may hold material.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegionRole {
    /// Holds material and serves the API.
    Data,
    /// Votes and holds no material.
    Witness,
}

/// One change of the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DirectoryChange {
    /// A Region that is not in it comes in, new or as a new incarnation.
    Add {
        /// The Region.
        region: Region,
        /// What it is.
        voter: Voter,
        /// Where its nodes are reached, as `host:port`.
        nodes: Vec<String>,
    },
    /// A Region goes.
    Remove {
        /// The Region.
        region: Region,
    },
    /// A Region is reached elsewhere.
    Link {
        /// The Region.
        region: Region,
        /// Where its nodes are reached, as `host:port`.
        nodes: Vec<String>,
    },
}

/// A change that the directory does not allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum DirectoryError {
    /// The Region votes already.
    #[error(
        "`{0}` is a Region of this deployment already; a rebuilt one comes back after `region remove {0}`"
    )]
    Known(Region),
    /// The Region does not vote.
    #[error("`{0}` is not a Region of this deployment")]
    Unknown(Region),
    /// The incarnation was removed, or belongs to another Region.
    #[error("incarnation {0} was used before; a rebuilt Region needs a new one")]
    Used(Incarnation),
    /// No Region with material would be left.
    #[error("`{0}` is the last Region that holds material")]
    LastData(Region),
    /// A Region without an address.
    #[error("`{0}` needs the address of at least one node")]
    NoAddress(Region),
    /// The new directory does not follow from the present one by one change.
    #[error("generation {new} does not follow generation {present} by one change")]
    NoStep {
        /// The present generation.
        present: u64,
        /// The proposed one.
        new: u64,
    },
    /// The Region that is to come in is still a member of a key.
    #[error("`{region}` is still a member of key `{key}`; its primary has to drop it first")]
    StillMember {
        /// The Region.
        region: Region,
        /// One of the keys.
        key: KeyId,
    },
}

impl Directory {
    /// The directory that a deployment begins with.
    pub fn first(voters: BTreeMap<Region, Voter>) -> Self {
        Self { generation: 1, voters, ..Self::default() }
    }

    /// True when `regions` of the voters form a majority.
    pub fn is_majority<'a>(&self, regions: impl IntoIterator<Item = &'a Region>) -> bool {
        let present = regions.into_iter().filter(|r| self.voters.contains_key(*r)).count();
        present * 2 > self.voters.len()
    }

    /// True when `region` votes and holds material.
    pub fn is_data(&self, region: &Region) -> bool {
        self.voters.get(region).is_some_and(|v| v.role == RegionRole::Data)
    }

    /// True when every majority of the generation before has one of `regions`: whatever it agreed on, one of them
    /// knows, and without them it agrees on nothing more.
    pub fn blocks_before<'a>(&self, regions: impl IntoIterator<Item = &'a Region>) -> bool {
        let present = regions.into_iter().filter(|r| self.before.contains(*r)).count();
        present * 2 >= self.before.len()
    }

    /// True when the voters changed with this generation, so that what the ones before agreed on has to be read.
    pub fn needs_survey(&self) -> bool {
        self.generation > 1 && !self.voters.keys().eq(self.before.iter())
    }

    /// The next generation.
    pub fn after(&self, change: &DirectoryChange) -> Result<Self, DirectoryError> {
        let before = self.voters.keys().cloned().collect();
        let mut next = Self { generation: self.generation + 1, before, ..self.clone() };
        match change {
            DirectoryChange::Add { region, voter, nodes } => next.add(region, voter, nodes)?,
            DirectoryChange::Remove { region } => next.remove(region)?,
            DirectoryChange::Link { region, nodes } => {
                if !self.voters.contains_key(region) {
                    return Err(DirectoryError::Unknown(region.clone()));
                }
                next.link(region, nodes)?;
            }
        }
        Ok(next)
    }

    fn add(&mut self, region: &Region, voter: &Voter, nodes: &[String]) -> Result<(), DirectoryError> {
        if self.voters.contains_key(region) {
            return Err(DirectoryError::Known(region.clone()));
        }
        let used = |other: &Voter| other.incarnation == voter.incarnation;
        if self.removed.contains_key(&voter.incarnation) || self.voters.values().any(used) {
            return Err(DirectoryError::Used(voter.incarnation));
        }
        self.voters.insert(region.clone(), voter.clone());
        self.link(region, nodes)
    }

    fn remove(&mut self, region: &Region) -> Result<(), DirectoryError> {
        let Some(voter) = self.voters.remove(region) else {
            return Err(DirectoryError::Unknown(region.clone()));
        };
        if !self.voters.values().any(|voter| voter.role == RegionRole::Data) {
            return Err(DirectoryError::LastData(region.clone()));
        }
        // Where it was reached is kept: it is to be told.
        let removed = RemovedVoter { region: region.clone(), verifying_key: voter.verifying_key };
        self.removed.insert(voter.incarnation, removed);
        Ok(())
    }

    fn link(&mut self, region: &Region, nodes: &[String]) -> Result<(), DirectoryError> {
        if nodes.is_empty() {
            return Err(DirectoryError::NoAddress(region.clone()));
        }
        self.links.insert(region.clone(), nodes.to_vec());
        Ok(())
    }

    /// The change that leads from `present` to this one.
    pub fn step_from(&self, present: &Self) -> Result<DirectoryChange, DirectoryError> {
        let none = || DirectoryError::NoStep { present: present.generation, new: self.generation };
        let nodes = |region: &Region| self.links.get(region).cloned().unwrap_or_default();
        let added = self.voters.iter().find(|(region, _)| !present.voters.contains_key(*region));
        let removed = present.voters.keys().find(|region| !self.voters.contains_key(*region));
        let change = match (added, removed) {
            (Some((region, voter)), None) => {
                DirectoryChange::Add { region: region.clone(), voter: voter.clone(), nodes: nodes(region) }
            }
            (None, Some(region)) => DirectoryChange::Remove { region: region.clone() },
            (None, None) => {
                let moved = self.links.keys().find(|r| self.links.get(*r) != present.links.get(*r));
                let region = moved.ok_or_else(none)?.clone();
                DirectoryChange::Link { nodes: nodes(&region), region }
            }
            (Some(_), Some(_)) => return Err(none()),
        };
        // Nothing else may differ.
        let forced = Self { forced: self.forced, ..present.after(&change)? };
        if forced == *self && self.forced == present.forced { Ok(change) } else { Err(none()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(name: &str) -> Region {
        format!("test-{name}-1").parse().unwrap()
    }

    fn voter(n: u8, role: RegionRole) -> Voter {
        Voter { incarnation: Incarnation::from_random([n; 16]), verifying_key: VerifyingKey([n; 32]), role }
    }

    fn add(name: &str, n: u8) -> DirectoryChange {
        let nodes = vec!["127.0.0.1:1".to_owned()];
        DirectoryChange::Add { region: region(name), voter: voter(n, RegionRole::Data), nodes }
    }

    fn remove(name: &str) -> DirectoryChange {
        DirectoryChange::Remove { region: region(name) }
    }

    fn two() -> Directory {
        let voters =
            [(region("a"), voter(1, RegionRole::Data)), (region("w"), voter(2, RegionRole::Witness))];
        Directory::first(voters.into())
    }

    #[test]
    fn every_change_is_one_step_and_steps_do_not_add_up() {
        let one = two();
        let three = one.after(&add("b", 3)).unwrap();
        let four = three.after(&remove("w")).unwrap();
        let link = DirectoryChange::Link { region: region("a"), nodes: vec!["127.0.0.1:2".into()] };
        let five = four.after(&link).unwrap();
        assert_eq!(three.step_from(&one), Ok(add("b", 3)));
        assert_eq!(four.step_from(&three), Ok(remove("w")));
        assert_eq!(five.step_from(&four), Ok(link));
        assert!(four.step_from(&one).is_err() && three.step_from(&three).is_err());
        let forged = Directory { forced: 1, ..three.clone() };
        assert!(forged.step_from(&one).is_err(), "a forced change is agreed on by nobody");
        assert!(three.needs_survey() && four.needs_survey() && !five.needs_survey() && !one.needs_survey());
    }

    #[test]
    fn what_was_removed_comes_back_as_a_new_incarnation_only() {
        let three = two().after(&add("b", 3)).unwrap();
        assert_eq!(three.after(&add("b", 4)), Err(DirectoryError::Known(region("b"))));
        let without = three.after(&remove("b")).unwrap();
        let old = Incarnation::from_random([3; 16]);
        assert_eq!(without.after(&add("b", 3)), Err(DirectoryError::Used(old)));
        assert!(without.after(&add("b", 4)).is_ok());
        assert_eq!(without.after(&remove("a")), Err(DirectoryError::LastData(region("a"))));
        assert_eq!(without.after(&remove("b")), Err(DirectoryError::Unknown(region("b"))));
    }

    #[test]
    fn half_of_the_voters_block_every_majority() {
        for size in 1..=7_u8 {
            let names: Vec<Region> = (0..size).map(|n| region(&char::from(b'a' + n).to_string())).collect();
            let directory = Directory { before: names.iter().cloned().collect(), ..Directory::default() };
            let smallest = (0..=names.len()).find(|count| directory.blocks_before(&names[..*count])).unwrap();
            let majority = names.len() / 2 + 1;
            assert_eq!(smallest, names.len() - majority + 1, "{size} voters");
        }
    }
}
