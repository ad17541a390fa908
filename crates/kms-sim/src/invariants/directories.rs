//! Rule 12: a directory is in force when majorities of the voters before and of its own have agreed on it, and whoever votes
//! by it knows what the voters before had agreed on about keys.

use super::{Newest, Violation, broken};
use crate::address::RegionNumber;
use crate::deployment::region_name;
use kms_state::{Directory, State};
use kms_types::{KeyId, RecordVersion, Region};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub(crate) struct Directories {
    /// Per generation, what was committed when it was first seen in force.
    agreed: BTreeMap<u64, BTreeMap<KeyId, RecordVersion>>,
    /// Where each generation's reading was judged.
    judged: BTreeSet<(RegionNumber, u64)>,
}

impl Directories {
    /// The Region has another history from now on.
    pub(crate) fn forget(&mut self, region: RegionNumber) {
        self.judged.retain(|(of, _)| *of != region);
    }

    pub(crate) fn see(&mut self, region: RegionNumber, newest: &Newest) -> Result<(), Violation> {
        let Some(state) = newest.of(region).map(|applied| &applied.state) else { return Ok(()) };
        let Some(directory) = state.directory() else { return Ok(()) };
        if directory.generation > 1 && !self.agreed.contains_key(&directory.generation) {
            self.agreed.insert(directory.generation, committed(newest));
            agreed_on(directory, newest)?;
        }
        let reads = !state.has_vote() || state.is_survey_open();
        let place = (region, directory.generation);
        if reads || !directory.needs_survey() || !self.judged.insert(place) {
            return Ok(());
        }
        let known = self.agreed.get(&directory.generation).into_iter().flatten();
        known.filter(|(key, version)| !knows(state, key, version)).try_for_each(|(key, version)| {
            let (name, generation) = (region_name(region), directory.generation);
            broken(
                "rule 12",
                format!("{name} votes in directory {generation} and has not read {version} of {key}"),
            )
        })
    }
}

/// The newest committed record of each key that any Region knows.
fn committed(newest: &Newest) -> BTreeMap<KeyId, RecordVersion> {
    let mut versions = BTreeMap::<KeyId, RecordVersion>::new();
    for (_, applied) in newest.each() {
        for (key, register) in applied.state.registers() {
            let Some(record) = &register.committed else { continue };
            // The first record of a key is committed where it was created, and nobody else was asked.
            if record.version.epoch.counter > 1 || record.version.n > 1 {
                let known = versions.entry(*key).or_insert_with(|| record.version.clone());
                *known = (*known).clone().max(record.version.clone());
            }
        }
    }
    versions
}

fn knows(state: &State, key: &KeyId, version: &RecordVersion) -> bool {
    let Some(register) = state.register(key) else { return false };
    let mut known = register.accepted.iter().chain(&register.committed);
    register.is_destroyed() || known.any(|record| record.version >= *version)
}

fn agreed_on(directory: &Directory, newest: &Newest) -> Result<(), Violation> {
    if directory.forced > 0 {
        return Ok(());
    }
    let agrees = |state: &State| {
        let accepted = state.next_directory().is_some_and(|next| next.directory == *directory);
        accepted || state.directory().is_some_and(|own| own.generation >= directory.generation)
    };
    let agreeing = newest.each().filter(|(_, applied)| agrees(&applied.state));
    let agreeing: BTreeSet<Region> = agreeing.filter_map(|(_, a)| a.state.region().cloned()).collect();
    let before = agreeing.iter().filter(|region| directory.before.contains(*region)).count();
    let (voters, generation) = (directory.before.len(), directory.generation);
    match before * 2 > voters {
        true => Ok(()),
        false => broken(
            "rule 12",
            format!("directory {generation} is in force, and {before} of {voters} voters before it agreed"),
        ),
    }
}
