//! Every bug of this list is found within a few seeds, and the seed that finds it is good without it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use kms_sim::{Bug, Fault, Options, Shape, run};

/// Most seeds until a bug is found.
const MOST_SEEDS: u64 = 15;

fn assert_found(name: &str) {
    assert_found_with(name, Options::of_seed);
}

fn assert_found_with(name: &str, options: impl Fn(u64) -> Options) {
    let bug = Bug::all().into_iter().find(|bug| format!("{bug:?}") == name).unwrap();
    for seed in 1..=MOST_SEEDS {
        let options = options(seed);
        if let Some(violation) = run(Options { bug: Some(bug), ..options }).violation {
            println!("{name}: seed {seed}: {violation}");
            assert_eq!(run(options).violation, None, "seed {seed} is bad without the bug as well");
            return;
        }
    }
    panic!("{name} is not found in {MOST_SEEDS} seeds");
}

/// A node is set back: by chance that is rare.
#[test]
fn skip_admission() {
    assert_found_with("SkipAdmission", |seed| Options {
        shape: Shape::ONE_REGION,
        favour: Some(Fault::Rollback),
        ..Options::of_seed(seed)
    });
}

macro_rules! bugs {
    ($($test:ident: $bug:literal,)*) => {
        $(#[test]
        fn $test() {
            assert_found($bug);
        })*
    };
}

bugs! {
    answer_before_sync: "AnswerBeforeSync",
    ignore_failed_write: "IgnoreFailedWrite",
    forget_vote: "ForgetVote",
    skip_directory_sync: "SkipDirectorySync",
    keep_torn_tail: "KeepTornTail",
    trust_stored_state: "TrustStoredState",
    purge_before_durable: "PurgeBeforeDurable",
    restore_leader: "RestoreLeader",
    read_locally: "ReadLocally",
    read_before_applied: "ReadBeforeApplied",
    fastest_clock: "FastestClock",
    activate_without_barrier: "ActivateWithoutBarrier",
    active_before_installed: "ActiveBeforeInstalled",
    evict_without_commit: "EvictWithoutCommit",
    acknowledge_unheld: "AcknowledgeUnheld",
    evicted_keeps_material: "EvictedKeepsMaterial",
    drop_old_material: "DropOldMaterial",
}
