//! What must hold after each step: the lines of docs/spec/invariants.md that can be seen from outside the nodes.
//!
//! The judge sees what every process has applied, as a client of the disk could, and what clients were told.

mod acknowledged;
mod chain;
mod deletions;
mod directories;
mod logs;
mod materials;
mod records;
mod region_time;
mod tombstones;

use crate::address::{Address, RegionNumber};
use crate::deployment::{Deployment, region_name};
use crate::standing::KnownHistories;
use crate::workload::Fact;
use acknowledged::Acknowledged;
use chain::Chain;
use deletions::Deletions;
use directories::Directories;
use kms_raft::Applied;
use kms_state::{Directory, State};
use kms_types::Region;
use logs::Logs;
use records::Records;
use region_time::RegionTimes;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use tombstones::Tombstones;

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which, by its id in docs/spec/invariants.md.
    pub rule: &'static str,
    /// How.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.text)
    }
}

pub(crate) fn broken<T>(rule: &'static str, text: impl Into<String>) -> Result<T, Violation> {
    Err(Violation { rule, text: text.into() })
}

/// The newest state of every Region that was ever seen. What a Region has applied it cannot lose (A1), so this is what
/// it knows, also while none of its nodes runs.
#[derive(Default)]
pub(crate) struct Newest {
    living: BTreeMap<RegionNumber, Arc<Applied>>,
    /// Of Regions that went back and were not found out yet: what they promise and accept until then counts for those who
    /// ask, as long as these have not heard of more (A5).
    set_back: BTreeMap<RegionNumber, Arc<Applied>>,
}

impl Newest {
    pub(crate) fn of(&self, region: RegionNumber) -> Option<&Arc<Applied>> {
        self.living.get(&region)
    }

    pub(crate) fn each(&self) -> impl Iterator<Item = (RegionNumber, &Arc<Applied>)> {
        self.living.iter().map(|(region, applied)| (*region, applied))
    }

    /// Everybody who may have taken part in an agreement.
    pub(crate) fn voters(&self) -> impl Iterator<Item = (RegionNumber, &Arc<Applied>)> {
        self.each().chain(self.set_back.iter().map(|(region, applied)| (*region, applied)))
    }
}

/// The generation that a Region goes by, and whether it still reads what the voters before had agreed on. What it knows when
/// this changes may be what it has read, and not its own agreement.
pub(crate) fn reading(state: &State) -> (u64, bool) {
    (state.directory().map_or(0, |directory| directory.generation), state.is_survey_open())
}

/// True for a majority of the voters, or of those of the generation before: what was agreed on by them just before the
/// directory changed may take effect just after, and everybody reads it (rule 12).
pub(crate) fn is_majority(directory: Option<&Directory>, regions: &BTreeSet<RegionNumber>) -> bool {
    let Some(directory) = directory else { return false };
    let names: Vec<Region> = regions.iter().filter_map(|number| region_name(*number).parse().ok()).collect();
    let before = names.iter().filter(|name| directory.before.contains(*name)).count();
    directory.is_majority(&names) || before * 2 > directory.before.len()
}

/// Remembers, and judges.
#[derive(Default)]
pub(crate) struct Judge {
    seen: BTreeMap<Address, (u64, u64)>,
    pub(crate) newest: Newest,
    logs: Logs,
    records: Records,
    tombstones: Tombstones,
    deletions: Deletions,
    chain: Chain,
    directories: Directories,
    times: RegionTimes,
    pub(crate) acknowledged: Acknowledged,
    /// Which history of each Region is looked at.
    histories: KnownHistories,
}

impl Judge {
    /// Looks at every process that has applied something since the last step; returns those Regions.
    pub(crate) fn look(&mut self, deployment: &Deployment) -> Result<Vec<RegionNumber>, Violation> {
        let mut changed = Vec::new();
        self.times.tick(deployment);
        for region in self.histories.begun(&deployment.standings, deployment.regions()) {
            self.forget(region);
        }
        for (address, host) in &deployment.hosts {
            let Some(applied) = host.applied() else { continue };
            if !deployment.standings.is_living(address.region) {
                let known = self.newest.set_back.entry(address.region).or_insert_with(|| applied.clone());
                if applied.index > known.index {
                    *known = applied;
                }
                continue;
            }
            let now = (host.life(), applied.index);
            let before = self.seen.insert(*address, now);
            if before == Some(now) {
                continue;
            }
            self.logs.see(*address, host.life(), &applied)?;
            self.times.see(*address, &applied)?;
            if let Some(peer) = applied.state.rolled_back() {
                return broken("A5", format!("{address} is taken by {peer} for a Region that went back"));
            }
            let known = self.newest.of(address.region).map_or(0, |newest| newest.index);
            if applied.index > known || known == 0 {
                self.newest.living.insert(address.region, applied.clone());
                self.tombstones.see(address.region, &applied.state)?;
                self.deletions.see(address.region, &applied.state)?;
                materials::see(address.region, &applied.state)?;
                changed.push(address.region);
            }
        }
        for region in &changed {
            self.chain.see(*region, &self.newest)?;
            self.directories.see(*region, &self.newest)?;
            self.records.see(*region, &self.newest)?;
        }
        Ok(changed)
    }

    /// Another history begins under the Region's name. What it has agreed to before stays agreed.
    fn forget(&mut self, region: RegionNumber) {
        let last = [self.newest.living.remove(&region), self.newest.set_back.remove(&region)];
        for last in last.into_iter().flatten() {
            self.records.bury(region, last);
        }
        self.logs.forget(region);
        self.times.forget(region);
        self.tombstones.forget(region);
        self.deletions.forget(region);
        self.chain.forget(region);
        self.directories.forget(region);
        self.acknowledged.forget(region);
    }

    /// Now and then: equal positions mean equal states (A3).
    pub(crate) fn compare_hashes(&mut self, deployment: &Deployment) -> Result<(), Violation> {
        let living = |address: &Address| deployment.standings.is_living(address.region);
        deployment.hosts.iter().filter(|(address, _)| living(address)).try_for_each(|(address, host)| {
            match host.applied() {
                Some(applied) => self.logs.compare(*address, &applied),
                None => Ok(()),
            }
        })
    }

    /// Judges what a client was told.
    pub(crate) fn told(&mut self, fact: Fact) -> Result<(), Violation> {
        match fact {
            Fact::Created { key, region } => self.acknowledged.created(key, region),
            Fact::Sealed { key, material, region } => {
                materials::sealed(key, material, region, &self.newest)?;
            }
            Fact::Shared { key, region, change } => {
                self.acknowledged.shared(key, region, change, &self.newest)?;
            }
            Fact::Violated { rule, text } => return broken(rule, text),
        }
        Ok(())
    }

    /// At the end: nothing that was acknowledged is gone.
    pub(crate) fn finish(&self) -> Result<(), Violation> {
        self.acknowledged.finish(&self.newest)
    }
}
