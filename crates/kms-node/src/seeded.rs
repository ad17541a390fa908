//! Known bugs of reads and proposals for kms-sim, to see that the simulation finds each. Compiled with the feature
//! `seeded-bugs` only, which nothing that ships may ask for.

kms_state::seeded_bugs! {
    /// A mistake that could have been made.
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
        /// A node that starts asks nobody whether it went back (A5).
        SkipAdmission,
    }
}
