//! Whether what a Region's nodes say is the history of that Region: it may be lost for ever, or set back to an earlier
//! state, and its name comes back with another history (invariant A5).

use crate::address::RegionNumber;
use std::collections::BTreeMap;

/// What a Region is at present.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its nodes carry on its history.
    #[default]
    Living,
    /// Its nodes run with an earlier state. What they say is not to be believed.
    SetBack,
    /// Its nodes are gone, or are not to be started again with what they have.
    Lost,
}

/// Which history of each Region somebody knows.
#[derive(Debug, Default)]
pub(crate) struct KnownHistories(BTreeMap<RegionNumber, u32>);

impl KnownHistories {
    /// The Regions that have begun another history since this was asked last.
    pub(crate) fn begun(&mut self, standings: &Standings, regions: usize) -> Vec<RegionNumber> {
        let begun = |region: &RegionNumber| {
            let history = standings.history(*region);
            self.0.insert(*region, history).is_some_and(|known| known != history)
        };
        (0..regions).filter(begun).collect()
    }
}

/// Of every Region.
#[derive(Debug, Default)]
pub(crate) struct Standings {
    now: BTreeMap<RegionNumber, Standing>,
    histories: BTreeMap<RegionNumber, u32>,
}

impl Standings {
    pub(crate) fn of(&self, region: RegionNumber) -> Standing {
        self.now.get(&region).copied().unwrap_or_default()
    }

    pub(crate) fn is_living(&self, region: RegionNumber) -> bool {
        self.of(region) == Standing::Living
    }

    pub(crate) fn set(&mut self, region: RegionNumber, standing: Standing) {
        self.now.insert(region, standing);
    }

    /// A new history begins under the Region's name.
    pub(crate) fn begin_again(&mut self, region: RegionNumber) {
        self.set(region, Standing::Living);
        *self.histories.entry(region).or_default() += 1;
    }

    /// Which history of the Region this is, counted from 0.
    pub(crate) fn history(&self, region: RegionNumber) -> u32 {
        self.histories.get(&region).copied().unwrap_or_default()
    }
}
