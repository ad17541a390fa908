//! Known bugs of reads and proposals for kms-sim, to see that the simulation finds each. Compiled with the feature
//! `seeded-bugs` only, which nothing that ships may ask for.

use std::cell::Cell;

/// A mistake that could have been made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bug {
    /// A node reads what it has, without asking the leader (B1).
    ReadLocally,
    /// A leader reads without asking a quorum (B1).
    LeaderReadsLocally,
    /// A confirmation serves calls that came after it had begun (B1).
    ShareConfirmation,
    /// A view is taken before the confirmed entry is applied (B1).
    ReadBeforeApplied,
    /// A proposal is repeated under a new id (B4).
    RetryAsNew,
    /// Region time follows the fastest clock and not the median (B5).
    FastestClock,
}

impl Bug {
    /// Every bug.
    pub const ALL: [Self; 6] = [
        Self::ReadLocally,
        Self::LeaderReadsLocally,
        Self::ShareConfirmation,
        Self::ReadBeforeApplied,
        Self::RetryAsNew,
        Self::FastestClock,
    ];
}

thread_local! {
    static SEEDED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Runs `work` on this thread with a bug, or without any.
pub fn with<T>(bug: Option<Bug>, work: impl FnOnce() -> T) -> T {
    let before = SEEDED.replace(bug);
    let done = work();
    SEEDED.set(before);
    done
}

/// True while this thread runs with this bug.
pub fn is(bug: Bug) -> bool {
    SEEDED.get() == Some(bug)
}
