//! Promotions that nobody finishes end, whatever was lost (docs/adr/0024): while the primary and a majority live, no
//! register waits for ever.

use kms_state::{Command, DirectoryChange, Phase};
use kms_types::Epoch;

use super::world::{World, key_id, region};
use crate::{Alarm, Force, KeyResult, Message};

const ALL: [&str; 4] = ["a", "b", "c", "w"];
/// The patience of the voters, that of the primary, and what both take.
const LONG_MS: u64 = 60_000;

fn promised(world: &World, name: &str) -> Epoch {
    world.state(name).register(&key_id()).unwrap().promised.clone().unwrap()
}

/// Delivers the first `count` letters, one after the other, and drops those that follow.
fn deliver_some(world: &mut World, count: usize) {
    for _ in 0..count {
        if world.net.is_empty() {
            world.pass(50);
        }
        if !world.net.is_empty() {
            let parcel = world.net.remove(0);
            world.deliver(parcel);
        }
    }
    world.net.clear();
}

#[test]
fn a_candidate_whose_leader_died_with_nothing_but_its_own_promise() {
    let mut world = World::replicated(&ALL);
    world.promote("b", Force::Safe, 1);
    world.net.clear();
    world.restart("b");
    assert_eq!(world.state("b").unsettled().count(), 1);
    world.settle(5_000);
    assert_eq!(world.state("b").unsettled().count(), 1, "another leader may still go on");
    world.settle(10_000);
    world.assert_settled();
    let record = world.assert_converged();
    assert_eq!((record.primary, record.version.epoch.counter), (region("a"), 3));
    assert!(world.delivered["unfinished"] > 0);
}

/// The candidate stops at every point of its promotion; it is lost, or has another leader, or is cut off for a while;
/// a rotation may be under way, and another Region may be lost as well.
#[test]
fn a_candidate_that_stops_at_any_point() {
    for delivered in 0..24 {
        for fate in ["lost", "new leader", "cut off"] {
            for also_lost in [None, Some("c"), Some("w")] {
                for rotates in [false, true] {
                    stop_midway(delivered, fate, also_lost, rotates);
                }
            }
        }
    }
}

fn stop_midway(delivered: usize, fate: &str, also_lost: Option<&str>, rotates: bool) {
    let mut world = World::replicated(&ALL);
    // Two of four voters are no majority.
    let also_lost = also_lost.filter(|_| fate != "lost");
    if rotates {
        world.rotate("a").unwrap();
    }
    world.promote("b", Force::Safe, 1);
    deliver_some(&mut world, delivered);
    if let Some(other) = also_lost {
        world.stop(other);
    }
    match fate {
        "lost" => world.stop("b"),
        "new leader" => world.restart("b"),
        _ => {
            world.cut_off("b");
            world.settle(30_000);
            world.heal();
        }
    }
    world.settle(LONG_MS);
    world.assert_settled();
    let record = world.assert_converged();
    let primary = if record.primary == region("a") { "a" } else { "b" };
    // A primary that was lost right after its promotion is an operator's to replace, and so is a lost member for which a
    // rotation waits.
    if !(primary == "b" && fate == "lost") && record.staged().is_none() {
        world.rotate(primary).expect("nothing is left under way");
    }
}

#[test]
fn the_primary_does_not_need_the_lost_candidate_nor_a_change_of_its_own() {
    for voter in ["c", "w"] {
        let mut world = World::replicated(&ALL);
        world.promote("b", Force::Safe, 1);
        let to_voter =
            |message: &Message, to: &str| matches!(message, Message::Prepare { .. }) && to == voter;
        let prepares: Vec<_> = std::mem::take(&mut world.net);
        for parcel in prepares.into_iter().filter(|(_, to, m, _)| to_voter(m, &to.as_str()[5..6])) {
            world.deliver(parcel);
        }
        world.net.clear();
        world.stop("b");
        assert_eq!(promised(&world, voter), promised(&world, "b"));
        world.settle(LONG_MS);
        world.assert_settled();
        assert_eq!(world.assert_converged().primary, region("a"));
    }
}

#[test]
fn two_candidates_with_promises_that_the_other_does_not_know() {
    let mut world = World::replicated(&ALL);
    for (candidate, request) in [("b", 1), ("c", 2)] {
        world.cut_off(candidate);
        // Several attempts: the epochs are far above the primary's.
        for attempt in 0..3 {
            world.promote(candidate, Force::Safe, request + 10 * attempt);
            world.settle(11_000);
        }
        world.restart(candidate);
    }
    world.heal();
    world.settle(LONG_MS);
    world.assert_settled();
    assert_eq!(world.assert_converged().primary, region("a"));
}

#[test]
fn an_evicted_candidate_that_did_not_know() {
    let mut world = World::replicated(&ALL);
    world.cut_off("c");
    world.evict("a", "c", 1);
    world.settle(1_000);
    world.promote("c", Force::Safe, 2);
    world.settle(11_000);
    assert!(matches!(world.result(2), KeyResult::NoMajority { .. }));
    world.heal();
    world.settle(LONG_MS);
    world.assert_settled();
    let record = world.assert_converged();
    assert!(record.primary == region("a") && !record.is_member(&region("c")));
}

#[test]
fn a_promise_that_stands_in_the_way_of_a_tombstone() {
    let mut world = World::replicated(&ALL);
    for (member, request) in [("b", 1), ("c", 2)] {
        world.evict("a", member, request);
        world.settle(1_000);
    }
    let epoch = Epoch { counter: 7, region: region("b") };
    for name in ["c", "w"] {
        world.run(name, Command::PromiseEpochs { epochs: vec![(key_id(), epoch.clone())] });
    }
    world.run("a", Command::ScheduleDeletion { key: key_id(), window_days: 7 });
    world.pass_days(8);
    world.settle(LONG_MS);
    world.assert_settled();
    assert_eq!(world.assert_converged().phase, Phase::Destroyed);
}

#[test]
fn a_handoff_whose_successor_left_a_promise_and_is_lost() {
    let mut world = World::replicated(&ALL);
    let next = world.committed("a").update_primary(region("b"), world.now, super::world::requested());
    world.propose("a", next.unwrap(), None);
    while world.net.iter().all(|(_, _, message, _)| !matches!(message, Message::Prepare { .. })) {
        deliver_all_once(&mut world);
    }
    world.net.retain(|(_, to, m, _)| matches!(m, Message::Prepare { .. }) && *to == region("w"));
    deliver_all_once(&mut world);
    world.net.clear();
    world.stop("b");
    world.settle(LONG_MS);
    world.assert_settled();
    let record = world.assert_converged();
    assert_eq!((record.primary, record.phase), (region("a"), Phase::Stable));
}

fn deliver_all_once(world: &mut World) {
    for parcel in std::mem::take(&mut world.net) {
        world.deliver(parcel);
    }
    world.pass(50);
}

#[test]
fn a_candidate_that_was_removed_from_the_deployment() {
    let mut world = World::replicated(&ALL);
    world.promote("b", Force::Safe, 1);
    deliver_some(&mut world, 2);
    world.stop("b");
    world.change_directory("a", DirectoryChange::Remove { region: region("b") }, Force::Safe, 2);
    world.settle(LONG_MS);
    world.assert_settled();
    let record = world.assert_converged();
    assert!(record.primary == region("a") && !record.is_member(&region("b")));
}

#[test]
fn a_lost_primary_is_left_to_the_operator_who_is_told() {
    let mut world = World::replicated(&ALL);
    world.promote("b", Force::Safe, 1);
    world.net.clear();
    world.restart("b");
    world.stop("a");
    world.settle(130_000);
    assert_eq!(world.state("b").unsettled().count(), 1);
    let status = world.site("b").machine.as_ref().unwrap().status();
    let unfinished = &status.unfinished[&region("a")];
    assert_eq!((unfinished.keys, unfinished.example), (1, key_id()));
    let alarms = world.alarms.iter().filter(|(at, alarm)| {
        *at == region("b")
            && matches!(alarm, Alarm::PromotionUnfinished { primary, .. } if *primary == region("a"))
    });
    assert_eq!(alarms.count(), 2, "once a minute");
    world.promote("c", Force::Safe, 2);
    world.settle(LONG_MS);
    assert!(matches!(world.result(2), KeyResult::Promoted { .. }));
    world.assert_settled();
    assert_eq!(world.assert_converged().primary, region("c"));
    assert!(world.site("b").machine.as_ref().unwrap().status().unfinished.is_empty());
}

/// The new primary's epoch may be below a promise that a voter gave to somebody else.
#[test]
fn a_promotion_below_a_promise_that_a_voter_has_given() {
    let mut world = World::replicated(&ALL);
    let epoch = Epoch { counter: 9, region: region("c") };
    world.run("w", Command::PromiseEpochs { epochs: vec![(key_id(), epoch)] });
    world.cut_off("w");
    world.promote("b", Force::Safe, 1);
    world.settle(1_000);
    assert!(matches!(world.result(1), KeyResult::Promoted { .. }));
    world.heal();
    world.settle(LONG_MS);
    world.assert_settled();
    let record = world.assert_converged();
    assert_eq!((record.primary, record.version.epoch.counter), (region("b"), 10));
}

/// A primary that tries in vain to take its key back while it is cut off does not undo the operator's decision later.
#[test]
fn a_primary_that_comes_back_leaves_the_key_with_its_successor() {
    let mut world = World::replicated(&ALL);
    let epoch = Epoch { counter: 2, region: region("c") };
    world.run("a", Command::PromiseEpochs { epochs: vec![(key_id(), epoch)] });
    world.cut_off("a");
    world.settle(35_000);
    assert!(promised(&world, "a").counter > 2, "it tries");
    world.promote("b", Force::Safe, 1);
    world.settle(1_000);
    assert!(matches!(world.result(1), KeyResult::Promoted { .. }));
    world.heal();
    world.settle(LONG_MS);
    world.assert_settled();
    assert_eq!(world.assert_converged().primary, region("b"));
}

#[test]
fn an_unfinished_promise_of_an_unsafe_promotion_ends_with_the_higher_epoch() {
    let mut world = World::replicated(&["a", "b"]);
    world.safe = false;
    world.cut_off("b");
    world.promote("b", Force::Unsafe, 1);
    world.restart("b");
    world.settle(1_000);
    assert_eq!(world.committed("b").primary, region("a"), "its leader died before it went on");
    world.heal();
    world.settle(LONG_MS);
    world.assert_settled();
    let record = world.assert_converged();
    assert_eq!((record.primary, record.unsafe_promotions), (region("a"), 0));
}
