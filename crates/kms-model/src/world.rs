use std::fmt;

use crate::{Rules, Scenario, budget::Budget, seeded};

/// One state of the whole deployment, by the fingerprints of its parts; [`crate::Book`] has the parts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    /// Every Region, in the order of the scenario's voters.
    pub sites: Vec<u64>,
    /// Regions that are lost for ever, one bit each.
    pub lost: u8,
    /// Regions that were restored to an earlier state, one bit each.
    pub restored: u8,
    /// Regions that came back as a new incarnation, one bit each.
    pub rebuilt: u8,
    /// Letters under way, in order of their fingerprints. They stay until they are delivered, which may be never.
    pub letters: Vec<u64>,
    /// What happened so far.
    pub history: u64,
    /// What has been spent of the scenario's budget.
    pub spent: Budget,
    /// The rules that do not hold.
    pub broken: Rules,
}

impl World {
    /// True when the Region with this place is not lost.
    pub fn is_alive(&self, place: usize) -> bool {
        self.lost & (1 << place) == 0
    }

    /// True when the others talk to it: it is not lost, and not of another incarnation than the directory names. Letters of
    /// such a one are not explored: `kms_region::hear` refuses them, unless that very bug is built in.
    pub fn is_heard(&self, place: usize, scenario: &Scenario) -> bool {
        let restored = self.restored & (1 << place) != 0;
        let refused = restored && !scenario.restored_are_heard && !seeded::hears_strangers();
        self.is_alive(place) && !refused
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} letters under way, lost {:b}", self.letters.len(), self.lost)
    }
}
