use std::fmt;

/// The invariants that are checked, by their ids in docs/spec/invariants.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Rule {
    /// Only committed records have effect, and committed means accepted by a majority of voters (rules 1 and 2).
    Rule1,
    /// What a Region seals with, every active member holds.
    C1,
    /// One record per version; a record's primary is its epoch's Region.
    C2,
    /// Committed records form one sequence that drops no material that was ever active.
    C3,
    /// All holders of a material hold equal bytes, those of the commitment.
    C4,
    /// A promotion carries on the highest record that a majority may have accepted; the new primary holds every material.
    C5,
    /// Once a majority has accepted a record, no record of a lower epoch wins one.
    C6,
    /// A letter that comes twice in a row changes nothing the second time.
    C7,
    /// A non-member holds no material; other Regions change no independent property.
    C8,
    /// The tombstone wins a majority only of voters in whose Region time the deadline has passed.
    D1,
    /// The tombstone is written only when the primary is the only member.
    D2,
    /// Destroyed is for ever.
    D3,
    /// A member loses no material that is or was active.
    D4,
    /// A deletion that was cancelled does not happen.
    D5,
    /// A directory in force was accepted by a majority of the one before and of itself, and there is one per generation.
    Rule12,
    /// After faults end, live Regions become equal (the second half of C7).
    Convergence,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 16] = [
        Self::Rule1,
        Self::C1,
        Self::C2,
        Self::C3,
        Self::C4,
        Self::C5,
        Self::C6,
        Self::C7,
        Self::C8,
        Self::D1,
        Self::D2,
        Self::D3,
        Self::D4,
        Self::D5,
        Self::Rule12,
        Self::Convergence,
    ];

    /// Its name as a property.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rule1 => "rule 1: only committed records have effect",
            Self::C1 => "C1: whatever seals can be opened by every active member",
            Self::C2 => "C2: one primary per epoch, no epoch is used twice",
            Self::C3 => "C3: one sequence of records, no active material is dropped",
            Self::C4 => "C4: all holders of a material hold equal bytes",
            Self::C5 => "C5: a promotion keeps every acknowledged change and material",
            Self::C6 => "C6: a lower epoch changes nothing",
            Self::C7 => "C7: a repeated letter adds nothing",
            Self::C8 => "C8: non-members hold nothing, independent properties stay",
            Self::D1 => "D1: a majority agrees that the deadline has passed",
            Self::D2 => "D2: a primary is destroyed only alone",
            Self::D3 => "D3: destroyed is for ever",
            Self::D4 => "D4: members keep every active material",
            Self::D5 => "D5: a cancelled deletion does not happen",
            Self::Rule12 => "rule 12: one directory per generation, by two majorities",
            Self::Convergence => "C7: after faults end, live Regions become equal",
        }
    }

    fn bit(self) -> u16 {
        1 << self as u8
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of rules: those that were broken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Rules(u16);

impl Rules {
    /// Adds one.
    pub fn add(&mut self, rule: Rule) {
        self.0 |= rule.bit();
    }

    /// True when it is among them.
    pub fn has(self, rule: Rule) -> bool {
        self.0 & rule.bit() != 0
    }

    /// Both sets together.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
