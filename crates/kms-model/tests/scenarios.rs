//! Every scenario at bound 1: all rules hold in every state, and every goal is reached.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use kms_model::{Limits, Report, Search, run, scenario};
use std::time::Duration;

/// Enough to exhaust most of them; docs/verification.md has the larger runs.
const LIMITS: Limits = Limits { states: 300_000, time: Duration::from_secs(300), threads: 1 };

fn explored(name: &str) -> Report {
    let report = run(scenario(name, 1).unwrap(), None, Search::Breadth, LIMITS, &mut |_| {});
    println!("{report}");
    assert!(report.is_good(), "{report}");
    report
}

macro_rules! scenarios {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            explored($name);
        })*

        #[test]
        fn every_scenario_has_its_test() {
            let names: Vec<&str> = kms_model::scenarios(1).iter().map(|scenario| scenario.name).collect();
            assert_eq!(names, [$($name),*]);
        }
    };
}

scenarios! {
    rotation_promotion_and_loss: "loss",
    rotation_given_up: "abort",
    rotation_with_crashes_and_repeats: "rotation",
    two_candidates: "candidates",
    two_candidates_during_a_rotation: "contest",
    a_promotion_that_stops_midway: "deserted",
    evict_and_rejoin: "members",
    evict_and_rejoin_during_a_rotation: "rejoin",
    join_during_a_rotation: "join",
    handoff_with_crashes: "handoff",
    deletion_and_cancellation: "deletion",
    return_after_months: "late",
    tombstone_against_a_higher_version: "grave",
    restore_of_one_region: "restore",
    restore_of_several_regions: "reunion",
    unsafe_promotion_and_merge: "force",
    slow_log: "slow-log",
    envelopes_with_other_bytes: "tamper",
    two_changes_of_the_directory: "directory",
    one_of_two_removes_the_other: "pair",
    a_witness_with_an_empty_disk: "replace",
    a_member_with_an_empty_disk: "comeback",
    a_member_that_the_primary_still_counts: "estranged",
    the_only_holder_is_lost: "orphan",
    one_of_two_holders_is_lost: "heir",
    imported_material: "imports",
}

#[test]
fn the_same_scenario_has_the_same_states_every_time() {
    let [first, second] = [explored("rejoin"), explored("rejoin")];
    assert!(first.exhausted);
    assert_eq!((first.unique, first.states, first.depth), (second.unique, second.states, second.depth));
}
