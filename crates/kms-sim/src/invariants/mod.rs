//! What must hold after each step: the lines of docs/spec/invariants.md that can be seen from outside the nodes.
//!
//! The judge sees what every process has applied, as a client of the disk could, and what clients were told.

mod acknowledged;
mod logs;
mod materials;
mod records;
mod region_time;
mod tombstones;

use crate::address::{Address, RegionNumber};
use crate::deployment::Deployment;
use crate::workload::Fact;
use acknowledged::Acknowledged;
use kms_raft::Applied;
use logs::Logs;
use records::Records;
use region_time::RegionTimes;
use std::collections::BTreeMap;
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
pub(crate) struct Newest(BTreeMap<RegionNumber, Arc<Applied>>);

impl Newest {
    pub(crate) fn of(&self, region: RegionNumber) -> Option<&Arc<Applied>> {
        self.0.get(&region)
    }

    pub(crate) fn each(&self) -> impl Iterator<Item = (RegionNumber, &Arc<Applied>)> {
        self.0.iter().map(|(region, applied)| (*region, applied))
    }
}

/// Remembers, and judges.
#[derive(Default)]
pub(crate) struct Judge {
    seen: BTreeMap<Address, (u64, u64)>,
    pub(crate) newest: Newest,
    logs: Logs,
    records: Records,
    tombstones: Tombstones,
    times: RegionTimes,
    pub(crate) acknowledged: Acknowledged,
}

impl Judge {
    /// Looks at every process that has applied something since the last step; returns those Regions.
    pub(crate) fn look(&mut self, deployment: &Deployment) -> Result<Vec<RegionNumber>, Violation> {
        let mut changed = Vec::new();
        self.times.tick(deployment);
        for (address, host) in &deployment.hosts {
            let Some(applied) = host.applied() else { continue };
            let now = (host.life(), applied.index);
            let before = self.seen.insert(*address, now);
            if before == Some(now) {
                continue;
            }
            self.logs.see(*address, host.life(), &applied)?;
            self.times.see(*address, &applied)?;
            let known = self.newest.of(address.region).map_or(0, |newest| newest.index);
            if applied.index > known || known == 0 {
                self.newest.0.insert(address.region, applied.clone());
                self.tombstones.see(address.region, &applied.state)?;
                materials::see(address.region, &applied.state)?;
                changed.push(address.region);
            }
        }
        for region in &changed {
            self.records.see(*region, &self.newest)?;
        }
        Ok(changed)
    }

    /// Now and then: equal positions mean equal states (A3).
    pub(crate) fn compare_hashes(&mut self, deployment: &Deployment) -> Result<(), Violation> {
        deployment.hosts.iter().try_for_each(|(address, host)| match host.applied() {
            Some(applied) => self.logs.compare(*address, &applied),
            None => Ok(()),
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
