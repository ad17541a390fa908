//! Known bugs for kms-model, to see that the checker finds each. Compiled with the feature `seeded-bugs` only, which
//! nothing that ships may ask for; `meridian` does not compile with it.

/// Declares the known bugs of a crate and the switch of each thread that turns one of them on.
#[macro_export]
macro_rules! seeded_bugs {
    ($(#[$doc:meta])* pub enum Bug { $($(#[$bug_doc:meta])* $bug:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Bug { $($(#[$bug_doc])* $bug,)+ }

        impl Bug {
            /// Every bug.
            pub const ALL: &[Self] = &[$(Self::$bug,)+];
        }

        ::std::thread_local! {
            static SEEDED: ::std::cell::Cell<Option<Bug>> = const { ::std::cell::Cell::new(None) };
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
    };
}

seeded_bugs! {
    /// A mistake that the Region protocol could have been built with.
    pub enum Bug {
        /// Staged material is activated before its acknowledgements are in (rule 4).
        ActivateWithoutBarrier,
        /// A record has effect in the primary before a majority has accepted it (rule 1).
        UseBeforeCommit,
        /// A candidate carries on its own record instead of the highest that was accepted (rule 7).
        AdoptOwnRecord,
        /// A candidate goes on with its own promise alone (rule 7).
        PromoteWithoutMajority,
        /// A joining member becomes active before it has acknowledged every material (rule 5).
        ActiveBeforeInstalled,
        /// A voter accepts a record of a lower epoch than it has promised (rule 3).
        AcceptLowerEpoch,
        /// A voter compares the counters of epochs and not their Regions (rule 3).
        EqualEpochOfAnother,
        /// A promise is answered and not kept in the log, so that a crash forgets it (rules 1 and 3).
        ForgetPromise,
        /// A tombstone loses to a record of a higher version (D3).
        TombstoneLoses,
        /// Material is installed whatever the record's commitment (C4).
        InstallUnchecked,
        /// An eviction has effect without a committed record (rule 6).
        EvictWithoutCommit,
        /// A primary proposes a second record in an epoch and number that it has used (C2).
        ReuseVersion,
        /// A member acknowledges material that it does not hold (rule 4).
        AcknowledgeUnheld,
        /// Acknowledgements count under every version of the record (docs/adr/0005).
        StaleAcknowledgement,
        /// Acceptances count for every version of the record (rule 2).
        CountEveryAcceptance,
        /// A voter accepts a tombstone before the deadline in its own Region time (D1).
        BuryBeforeDeadline,
        /// A primary writes the tombstone while it still has replicas (D2).
        DestroyWithReplicas,
        /// An evicted Region keeps its material (C8).
        EvictedKeepsMaterial,
        /// Material that is not current any more is dropped (D4).
        DropOldMaterial,
        /// CancelKeyDeletion is answered after the deadline, when a tombstone may be under way (D5).
        CancelAfterDeadline,
        /// The agreements of the voters before a change of the directory are not read (rule 12).
        SkipSurvey,
        /// A directory counts as agreed on without a majority of the present voters (rule 12).
        DirectoryWithoutOldMajority,
        /// A letter is heard whatever incarnation and whatever directory its sender goes by (rules 12 and 13).
        HearOldIncarnation,
        /// A Region comes in although a key still lists it as a member (rule 12).
        MemberComesBack,
        /// A voter keeps promises to candidates that did not finish to itself (docs/adr/0024).
        SilentCandidate,
        /// A key is given up with its primary although another Region holds it (rule 12).
        GiveUpHeld,
    }
}
