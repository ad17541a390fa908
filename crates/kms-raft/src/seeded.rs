//! Known bugs of storage for kms-sim, to see that the simulation finds each. Compiled with the feature
//! `seeded-bugs` only, which nothing that ships may ask for.

kms_state::seeded_bugs! {
    /// A mistake that could have been made.
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
        /// Entries that a leader made void come back after a restart, in the place of those that came instead (A1).
        IgnoreTruncation,
        /// A stored state that lost a record is used (A3).
        TrustStoredState,
        /// The log is purged before the snapshot that covers it is durable (A1).
        PurgeBeforeDurable,
        /// A leader that restarts goes on in its old term (A1, A3).
        RestoreLeader,
    }
}
