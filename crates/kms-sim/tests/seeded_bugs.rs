//! Every bug that the simulation finds, by one of a few seeds; the same seed is good without the bug.
//!
//! What is known of each, and the few that only `kms-model` finds, is in docs/verification.md.

#![cfg(tokio_unstable)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use kms_sim::{Bug, Clients, Fault, Options, Shape, Show, run};

/// Most seeds until a bug is found. The first one that the table names usually does.
const MOST_SEEDS: u64 = 6;

/// What runs are like, besides their seeds.
const ORDINARY: Options = Options {
    seed: 0,
    shape: Shape::FULL,
    chaos_ms: 20_000,
    show: Show::Nothing,
    bug: None,
    favour: None,
    clients: Some(Clients::Ordinary),
};
const SHARING: Options = Options { clients: Some(Clients::Sharing), ..ORDINARY };
const CONTEST: Options = Options { favour: Some(Fault::Contest), ..SHARING };
const EVICTING: Options = Options { favour: Some(Fault::Eviction), ..SHARING };
const MOVING: Options = Options { favour: Some(Fault::RegionMoved), ..SHARING };
const MOVING_ORDINARY: Options = Options { favour: Some(Fault::RegionMoved), ..ORDINARY };
const REPLACING: Options = Options { favour: Some(Fault::RegionReplaced), ..SHARING };
const DELETING: Options =
    Options { clients: Some(Clients::Deleting), favour: Some(Fault::DaysPass), ..ORDINARY };
const CROWDED: Options = Options { shape: Shape::ONE_REGION, clients: Some(Clients::Crowded), ..ORDINARY };
const ROLLED_BACK: Options =
    Options { shape: Shape::ONE_REGION, chaos_ms: 30_000, favour: Some(Fault::Rollback), ..ORDINARY };
const DELAYED: Options = Options { favour: Some(Fault::Delay), ..CROWDED };
const PAUSED: Options = Options { favour: Some(Fault::Pause), ..CROWDED };
const OVERTAKEN: Options = Options { favour: Some(Fault::Overtaken), ..CROWDED };
const TORN: Options = Options { favour: Some(Fault::TornWrite), ..CROWDED };
const FULL_DISKS: Options = Options { favour: Some(Fault::DiskFull), ..CROWDED };

fn assert_found(name: &str, first: u64, how: Options) {
    let bug = Bug::all().into_iter().find(|bug| format!("{bug:?}") == name).unwrap();
    for seed in first..first + MOST_SEEDS {
        let options = Options { seed, ..how };
        let found = run(Options { bug: Some(bug), ..options });
        if let Some(violation) = found.violation {
            println!("{name}: seed {seed}, {} simulated ms: {violation}", found.simulated_ms);
            assert_eq!(run(options).violation, None, "seed {seed} is bad without {name} as well");
            return;
        }
    }
    panic!("{name} is not found in {MOST_SEEDS} seeds");
}

macro_rules! bugs {
    ($($test:ident: $bug:literal, $seed:literal, $how:expr;)*) => {
        $(#[test]
        fn $test() {
            assert_found($bug, $seed, $how);
        })*

        /// Every bug has its line in docs/verification.md, which names a seed if this list finds it.
        #[test]
        fn the_documentation_says_who_finds_each_bug() {
            let found = [$($bug),*];
            let text = include_str!("../../../docs/verification.md");
            let (_, table) = text.split_once("## Seeded bugs of the simulation").unwrap();
            for bug in Bug::all().iter().map(|bug| format!("{bug:?}")) {
                let line = table.lines().find(|line| line.starts_with(&format!("| {bug} |")));
                let line = line.unwrap_or_else(|| panic!("{bug} has no line"));
                assert_eq!(line.contains("seed"), found.contains(&bug.as_str()), "{line}");
            }
        }
    };
}

bugs! {
    skip_admission: "SkipAdmission", 1, ROLLED_BACK;
    answer_before_sync: "AnswerBeforeSync", 1, ORDINARY;
    ignore_failed_write: "IgnoreFailedWrite", 1, FULL_DISKS;
    forget_vote: "ForgetVote", 1, TORN;
    skip_directory_sync: "SkipDirectorySync", 1, ORDINARY;
    keep_torn_tail: "KeepTornTail", 1, TORN;
    ignore_truncation: "IgnoreTruncation", 2, OVERTAKEN;
    trust_stored_state: "TrustStoredState", 1, ORDINARY;
    purge_before_durable: "PurgeBeforeDurable", 2, ORDINARY;
    restore_leader: "RestoreLeader", 1, TORN;
    read_locally: "ReadLocally", 1, CROWDED;
    leader_reads_locally: "LeaderReadsLocally", 1, PAUSED;
    share_confirmation: "ShareConfirmation", 15, DELAYED;
    read_before_applied: "ReadBeforeApplied", 1, CROWDED;
    retry_as_new: "RetryAsNew", 3, CROWDED;
    fastest_clock: "FastestClock", 1, CROWDED;
    activate_without_barrier: "ActivateWithoutBarrier", 1, CONTEST;
    use_before_commit: "UseBeforeCommit", 1, CONTEST;
    adopt_own_record: "AdoptOwnRecord", 1, CONTEST;
    promote_without_majority: "PromoteWithoutMajority", 1, CONTEST;
    active_before_installed: "ActiveBeforeInstalled", 1, CONTEST;
    accept_lower_epoch: "AcceptLowerEpoch", 1, CONTEST;
    equal_epoch_of_another: "EqualEpochOfAnother", 3, CONTEST;
    forget_promise: "ForgetPromise", 1, CONTEST;
    evict_without_commit: "EvictWithoutCommit", 1, EVICTING;
    reuse_version: "ReuseVersion", 1, CONTEST;
    acknowledge_unheld: "AcknowledgeUnheld", 1, CONTEST;
    stale_acknowledgement: "StaleAcknowledgement", 9, EVICTING;
    count_every_acceptance: "CountEveryAcceptance", 1, CONTEST;
    bury_before_deadline: "BuryBeforeDeadline", 1, DELETING;
    destroy_with_replicas: "DestroyWithReplicas", 1, DELETING;
    evicted_keeps_material: "EvictedKeepsMaterial", 1, EVICTING;
    drop_old_material: "DropOldMaterial", 1, CONTEST;
    skip_survey: "SkipSurvey", 2, MOVING;
    directory_without_old_majority: "DirectoryWithoutOldMajority", 4, MOVING_ORDINARY;
    hear_old_incarnation: "HearOldIncarnation", 18, REPLACING;
    member_comes_back: "MemberComesBack", 1, MOVING;
}
