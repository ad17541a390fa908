/// Everything that happens only so many times in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Cost {
    /// A letter is delivered and stays under way.
    Repeat,
    /// An envelope's bytes change under way.
    Corrupt,
    /// A Region's leader dies.
    Crash,
    /// A Region is lost for ever.
    Loss,
    /// A Region is restored to its first state.
    Restore,
    /// A short time passes for one leader.
    Short,
    /// A long time passes for one leader.
    Long,
    /// Region time of one Region moves on by a deletion window.
    Window,
    /// RotateKeyOnDemand.
    Rotate,
    /// ReplicateKey.
    Replicate,
    /// UpdatePrimaryRegion.
    Handoff,
    /// ScheduleKeyDeletion.
    Schedule,
    /// CancelKeyDeletion.
    Cancel,
    /// An operator promotes a Region.
    Promote,
    /// An operator promotes a Region without a majority.
    Force,
    /// An operator evicts a member.
    Evict,
    /// An operator changes the directory.
    Directory,
    /// A lost Region comes back with an empty disk.
    Found,
    /// ImportKeyMaterial.
    Import,
}

const COSTS: usize = 19;

/// How often each of them may happen, or has happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Budget([u8; COSTS]);

impl Budget {
    /// Nothing happens.
    pub const NONE: Self = Self([0; COSTS]);

    /// A budget for these.
    pub fn of(costs: &[(Cost, u8)]) -> Self {
        let mut budget = Self::default();
        for (cost, times) in costs {
            budget.0[*cost as usize] = *times;
        }
        budget
    }

    /// How often.
    pub fn times(&self, cost: Cost) -> u8 {
        self.0[cost as usize]
    }

    /// One more.
    #[must_use]
    pub fn and(mut self, cost: Cost) -> Self {
        self.0[cost as usize] += 1;
        self
    }
}
