//! Rule 12: keys that left the deployment with the last Region that held them.

use kms_crypto::VerifyingKey;
use kms_state::{Command, DirectoryChange, DirectoryError, Lifecycle, RegionRole, Voter};
use kms_types::Incarnation;

use super::world::{World, key_id, region};
use crate::{Alarm, Config, DirectoryResult, Force, KeyResult, Message};

const ALL: [&str; 4] = ["a", "b", "c", "w"];

fn add_again(name: &str) -> DirectoryChange {
    let incarnation = Incarnation::from_random([77; 16]);
    let voter = Voter { incarnation, verifying_key: VerifyingKey([0; 32]), role: RegionRole::Data };
    DirectoryChange::Add { region: region(name), voter, nodes: vec!["127.0.0.1:1".into()] }
}

/// `a`, which is gone, is removed in `at`; everybody that is up goes by it.
fn a_is_removed(world: &mut World, at: &str, request: u64) {
    world.remove_losing_keys(at, "a", request);
    world.settle(5_000);
    let result = &world.directory_reports[&request];
    assert!(matches!(result, DirectoryResult::Changed { .. }), "{result}");
}

/// `a` comes back with nothing.
fn a_is_let_in(world: &mut World, at: &str, request: u64) {
    world.change_directory(at, add_again("a"), Force::Safe, request);
    world.settle(5_000);
    let result = &world.directory_reports[&request];
    assert!(matches!(result, DirectoryResult::Changed { .. }), "{result}");
    let directory = world.directory(at);
    world.found("a", Incarnation::from_random([77; 16]), directory);
    world.settle(5_000);
    assert!(world.state("a").has_vote() && !world.state("a").is_survey_open());
}

fn lost(world: &World) -> usize {
    world.alarms.iter().filter(|(_, alarm)| matches!(alarm, Alarm::KeyLost { .. })).count()
}

#[test]
fn rule_12_a_key_that_left_with_its_last_region_is_given_up() {
    let mut world = World::new(&ALL);
    world.settle(2_000);
    world.stop("a");
    world.change_directory("b", DirectoryChange::Remove { region: region("a") }, Force::Safe, 1);
    let refused = DirectoryResult::LastHolder { region: region("a"), keys: 1, example: key_id() };
    assert_eq!(world.directory_reports[&1], refused);
    let materials = world.committed("b").materials;
    a_is_removed(&mut world, "b", 2);
    let record = world.assert_converged();
    assert!(record.is_given_up() && record.members.is_empty());
    assert_eq!(record.materials, materials, "what it was stays on record");
    assert_eq!(lost(&world), 1);
    a_is_let_in(&mut world, "c", 3);
    assert_eq!(world.assert_converged(), record);
    assert!(world.state("a").key(&key_id()).is_none());
}

#[test]
fn rule_12_a_replica_that_never_became_active_goes_with_it() {
    let mut world = World::new(&ALL);
    world.settle(2_000);
    world.replicate("a", "b");
    for _ in 0..40 {
        for parcel in std::mem::take(&mut world.net) {
            if !matches!(parcel.2, Message::Material(_)) {
                world.deliver(parcel);
            }
        }
        world.pass(50);
    }
    assert!(world.committed("b").is_member(&region("b")) && !world.holds("b", 1));
    world.stop("a");
    a_is_removed(&mut world, "c", 1);
    assert!(world.assert_converged().is_given_up());
    // Nobody could use it; it shows a full window and goes.
    assert!(matches!(world.key("b").lifecycle, Lifecycle::PendingDeletion { window_days: 30, .. }));
    world.pass_days(31);
    world.settle(2_000);
    assert!(world.state("b").key(&key_id()).is_none());
}

#[test]
fn rule_12_a_key_with_another_holder_is_not_lost() {
    let mut world = World::replicated(&ALL);
    world.stop("a");
    world.remove_losing_keys("b", "a", 1);
    let refused = DirectoryResult::StillPrimary { region: region("a"), keys: 1 };
    assert_eq!(world.directory_reports[&1], refused);
}

#[test]
fn rule_12_a_holder_that_was_not_known_of_keeps_the_key() {
    let mut world = World::new(&ALL);
    world.settle(2_000);
    world.replicate("a", "b");
    // b is active for a and b; c hears of nothing and removes a.
    for _ in 0..100 {
        for parcel in std::mem::take(&mut world.net) {
            if parcel.1 != region("c") {
                world.deliver(parcel);
            }
        }
        world.pass(20);
    }
    assert!(world.committed("b").is_active_member(&region("b")));
    assert!(!world.committed("c").is_member(&region("b")));
    world.stop("a");
    world.net.clear();
    world.remove_losing_keys("c", "a", 1);
    world.settle(20_000);
    assert!(matches!(world.directory_reports[&1], DirectoryResult::Changed { .. }));
    assert!(world.holds("b", 1) && lost(&world) == 0 && !world.committed("b").is_destroyed());
    world.change_directory("c", add_again("a"), Force::Safe, 2);
    world.settle(2_000);
    let refused = DirectoryError::StillMember { region: region("a"), key: key_id() };
    assert_eq!(world.directory_reports[&2], DirectoryResult::Refused(refused));
    world.promote("b", Force::Safe, 3);
    world.settle(2_000);
    assert!(matches!(world.result(3), KeyResult::Promoted { .. }), "{}", world.result(3));
    assert!(!world.assert_converged().is_member(&region("a")));
    a_is_let_in(&mut world, "b", 4);
}

#[test]
fn rule_12_a_rebuilt_region_gives_up_what_it_finds_itself_named_for() {
    let mut world = World::new(&["a", "b", "c", "d", "w"]);
    // Only c ever hears of the key.
    for _ in 0..100 {
        for parcel in std::mem::take(&mut world.net) {
            if [&parcel.0, &parcel.1].iter().all(|at| **at == region("a") || **at == region("c")) {
                world.deliver(parcel);
            }
        }
        world.pass(20);
    }
    assert!(world.state("b").register(&key_id()).is_none() && world.state("c").register(&key_id()).is_some());
    world.stop("a");
    world.net.clear();
    world.cut_off("c");
    a_is_removed(&mut world, "b", 1);
    a_is_let_in(&mut world, "b", 2);
    assert!(world.state("a").register(&key_id()).is_none());
    // The record says that a holds the material: its other history did.
    world.safe = false;
    world.heal();
    world.settle(30_000);
    assert!(world.assert_converged().is_given_up());
}

/// The others have accepted that b joins, and never heard that anything about the key is committed.
#[test]
fn rule_12_a_key_of_which_only_a_proposal_is_known_is_given_up() {
    let mut world = World::new(&ALL);
    world.net.clear();
    world.replicate("a", "b");
    for _ in 0..40 {
        for parcel in std::mem::take(&mut world.net) {
            if matches!(parcel.2, Message::Accept { .. }) {
                world.deliver(parcel);
            }
        }
        world.pass(20);
    }
    for name in ["b", "c", "w"] {
        let register = world.state(name).register(&key_id()).unwrap();
        assert!(register.committed.is_none() && register.accepted.is_some(), "{name}");
    }
    world.stop("a");
    world.net.clear();
    a_is_removed(&mut world, "c", 1);
    assert!(world.assert_converged().is_given_up());
    assert_eq!(lost(&world), 1);
    a_is_let_in(&mut world, "b", 2);
    assert!(world.assert_converged().is_given_up());
}

/// Only the witness, which cannot give it up, has accepted that b joins; b reads it from the witness.
#[test]
fn rule_12_a_key_that_was_read_after_the_removal_is_given_up() {
    let mut world = World::new(&["a", "b", "w"]);
    world.net.clear();
    world.replicate("a", "b");
    for _ in 0..40 {
        for parcel in std::mem::take(&mut world.net) {
            if parcel.1 == region("w") && matches!(parcel.2, Message::Accept { .. }) {
                world.deliver(parcel);
            }
        }
        world.pass(20);
    }
    assert!(world.state("b").register(&key_id()).is_none() && world.state("w").register(&key_id()).is_some());
    world.stop("a");
    world.net.clear();
    a_is_removed(&mut world, "b", 1);
    assert!(world.committed("b").is_given_up() && world.committed("w").is_given_up());
}

#[test]
fn rule_12_another_region_carries_on_when_one_stops_midway() {
    let mut world = World::new(&ALL);
    world.settle(2_000);
    world.stop("a");
    world.remove_losing_keys("b", "a", 1);
    for _ in 0..200 {
        for parcel in std::mem::take(&mut world.net) {
            // w alone takes part, and b never hears of it.
            let from_b = parcel.0 == region("b") && parcel.1 != region("w");
            let records = matches!(parcel.2, Message::Accept { .. } | Message::Prepare { .. });
            let answered = matches!(parcel.2, Message::Accepted { .. });
            if !(from_b && records || answered) {
                world.deliver(parcel);
            }
        }
        world.pass(20);
    }
    let accepted = world.state("w").register(&key_id()).unwrap().accepted.clone().unwrap();
    assert!(accepted.is_given_up() && !world.committed("w").is_destroyed());
    world.stop("b");
    world.net.clear();
    world.settle(2 * Config::default().reclaim_ms + 5_000);
    assert!(world.committed("c").is_given_up() && world.committed("w").is_given_up());
}

#[test]
fn rule_7_a_key_that_is_due_for_deletion_gets_a_primary_to_end_it() {
    let mut world = World::replicated(&ALL);
    world.run("b", Command::ScheduleDeletion { key: key_id(), window_days: 7 });
    world.run("c", Command::ScheduleDeletion { key: key_id(), window_days: 7 });
    world.stop("a");
    world.promote("b", Force::Safe, 1);
    assert_eq!(*world.result(1), KeyResult::PendingDeletion);
    world.pass_days(8);
    world.settle(2_000);
    assert!(world.holds("b", 1) && world.holds("c", 1), "only a primary can let them leave");
    world.promote("b", Force::Safe, 2);
    world.settle(3_000);
    assert!(matches!(world.result(2), KeyResult::Promoted { .. }), "{}", world.result(2));
    world.remove_losing_keys("c", "a", 3);
    world.settle(5_000);
    // c has left; b was not the last member, and waits a window of its own as the primary.
    assert!(world.state("c").key(&key_id()).is_none());
    assert!(matches!(world.key("b").lifecycle, Lifecycle::PendingDeletion { window_days: 7, .. }));
    assert!(world.holds("b", 1));
    world.pass_days(8);
    world.settle(3_000);
    assert!(world.committed("w").is_destroyed() && !world.committed("w").is_given_up());
}
