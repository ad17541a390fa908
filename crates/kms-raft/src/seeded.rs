//! Known bugs of storage for kms-sim, to see that the simulation finds each. Compiled with the feature
//! `seeded-bugs` only, which nothing that ships may ask for.

use std::cell::Cell;

/// A mistake that could have been made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bug {
    /// The log is answered for before its fsync (A2).
    AnswerBeforeSync,
    /// A failed write is answered as if it had succeeded (A2).
    IgnoreFailedWrite,
    /// The vote is kept in memory only (A2).
    ForgetVote,
    /// A new log file is used before its name is durable (A1).
    SkipDirectorySync,
    /// A torn tail is written behind and not cut off (A4).
    KeepTornTail,
    /// Entries that a leader made void come back after a restart (A1).
    IgnoreTruncation,
    /// A stored state that lost a record is used (A3).
    TrustStoredState,
    /// The log is purged before the snapshot that covers it is durable (A1).
    PurgeBeforeDurable,
    /// A leader that restarts goes on in its old term (A1, A3).
    RestoreLeader,
}

impl Bug {
    /// Every bug.
    pub const ALL: [Self; 9] = [
        Self::AnswerBeforeSync,
        Self::IgnoreFailedWrite,
        Self::ForgetVote,
        Self::SkipDirectorySync,
        Self::KeepTornTail,
        Self::IgnoreTruncation,
        Self::TrustStoredState,
        Self::PurgeBeforeDurable,
        Self::RestoreLeader,
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
