//! The failure cases of the specification that concern Regions, by number.

use kms_state::{Command, Lifecycle, MaterialStatus, Membership, Outcome, Phase, Refusal};
use kms_types::KeyState;

use super::world::{World, key_id, material_id, region};
use crate::{Alarm, Force, KeyResult};

const ALL: [&str; 4] = ["a", "b", "c", "w"];

#[test]
fn case_1_primary_dies_before_staged_is_committed() {
    let mut world = World::replicated(&ALL);
    world.cut_off("a");
    let lost = world.rotate("a").unwrap();
    world.settle(1_000);
    world.stop("a");
    world.heal();
    world.promote("b", Force::Safe, 1);
    world.settle(10_000);
    let record = world.assert_converged();
    assert!(record.materials.iter().all(|m| m.id != material_id(lost)));
    assert!(["b", "c"].iter().all(|name| !world.holds(name, lost)), "it never left the primary");
}

#[test]
fn case_2_after_staged_a_new_primary_that_holds_it_continues() {
    let mut world = World::replicated(&ALL);
    for from in ["a", "b"] {
        world.cut.insert((region(from), region("c")));
    }
    let n = world.rotate("a").unwrap();
    world.settle(2_000);
    world.stop("a");
    world.heal();
    assert!(world.holds("b", n));
    world.promote("b", Force::Safe, 1);
    world.settle(3_000);
    assert_eq!(
        world.committed("b").staged().map(|m| m.id),
        Some(material_id(n)),
        "it waits for the lost member"
    );
    world.evict("b", "a", 2);
    world.settle(3_000);
    assert_eq!(world.assert_converged().current, Some(material_id(n)));
    assert!(world.holds("c", n));
}

#[test]
fn case_2_after_staged_a_material_that_nobody_has_is_aborted() {
    let mut world = World::replicated(&ALL);
    for to in ["b", "c"] {
        world.cut.insert((region("a"), region(to)));
    }
    let n = world.rotate("a").unwrap();
    world.settle(300);
    // The witness accepted; b and c learn of the rotation from it and get no material.
    world.stop("a");
    world.heal();
    world.promote("b", Force::Safe, 1);
    world.settle(10_000);
    let record = world.assert_converged();
    assert_eq!(record.current, Some(material_id(1)));
    assert!(
        record
            .materials
            .iter()
            .filter(|m| m.id == material_id(n))
            .all(|m| m.status == MaterialStatus::Aborted)
    );
    assert!(world.rotate("b").is_ok(), "the next rotation may begin");
}

#[test]
fn case_3_and_4_active_accepted_by_a_minority_has_no_effect_and_may_be_activated_anew() {
    let mut world = World::replicated(&ALL);
    let n = world.rotate("a").unwrap();
    // Everything but the acceptance of the second record gets through.
    for _ in 0..200 {
        for parcel in std::mem::take(&mut world.net) {
            let activation =
                matches!(&parcel.2, crate::Message::Accept { records } if records[0].staged().is_none());
            if !activation {
                world.deliver(parcel);
            }
        }
        world.pass(50);
    }
    assert!(world.holds("b", n) && world.holds("c", n));
    assert!(ALL.iter().all(|name| world.committed(name).current == Some(material_id(1))));
    world.stop("a");
    world.promote("b", Force::Safe, 1);
    world.settle(1_000);
    world.evict("b", "a", 2);
    world.settle(2_000);
    assert_eq!(world.assert_converged().current, Some(material_id(n)));
}

#[test]
fn case_5_a_candidate_learns_an_activation_that_it_missed() {
    let mut world = World::replicated(&["a", "b", "w"]);
    let n = world.rotate("a").unwrap();
    // b installs and acknowledges; the activation is committed with the witness only.
    for _ in 0..200 {
        for parcel in std::mem::take(&mut world.net) {
            let news = match &parcel.2 {
                crate::Message::Accept { records }
                | crate::Message::Records { records, .. }
                | crate::Message::Learn { records } => {
                    records.iter().any(|r| r.current == Some(material_id(n)))
                }
                _ => false,
            };
            if !(news && parcel.1 == region("b")) {
                world.deliver(parcel);
            }
        }
        world.pass(50);
    }
    assert_eq!(world.committed("a").current, Some(material_id(n)));
    assert_eq!(
        world.committed("b").current,
        Some(material_id(1)),
        "late Regions use the older material meanwhile"
    );
    world.stop("a");
    world.net.clear();
    world.promote("b", Force::Safe, 1);
    world.settle(2_000);
    assert_eq!(world.assert_converged().current, Some(material_id(n)));
}

#[test]
fn case_6_a_rotation_waits_for_a_member_that_is_down_with_an_alarm() {
    let mut world = World::replicated(&ALL);
    world.stop("c");
    let n = world.rotate("a").unwrap();
    world.settle(130_000);
    let held_up = |(at, alarm): &&(_, Alarm)| {
        *at == region("a")
            && matches!(alarm, Alarm::RotationHeldUp { regions, .. } if *regions == [region("c")])
    };
    assert_eq!(world.alarms.iter().filter(held_up).count(), 2, "once a minute");
    assert_eq!(world.site("a").machine.as_ref().unwrap().status().held_up.len(), 1);
    world.restart("c");
    world.settle(3_000);
    assert_eq!(world.assert_converged().current, Some(material_id(n)));
}

#[test]
fn case_7_an_evicted_region_serves_until_contact_and_returns_by_replication() {
    let mut world = World::replicated(&ALL);
    world.cut_off("c");
    world.evict("a", "c", 1);
    world.settle(1_000);
    let n = world.rotate("a").unwrap();
    world.settle(2_000);
    assert_eq!(world.committed("a").current, Some(material_id(n)));
    assert_eq!(world.key("c").state(&region("c")), KeyState::Enabled);
    world.heal();
    world.settle(2_000);
    assert_eq!(world.key("c").state(&region("c")), KeyState::Unavailable);
    assert!(world.key("c").held.is_empty(), "C8");
    world.replicate("a", "c");
    world.settle(3_000);
    assert_eq!(world.key("c").state(&region("c")), KeyState::Enabled);
    assert!(world.holds("c", 1) && world.holds("c", n), "D4");
}

#[test]
fn case_8_shared_changes_of_a_cut_off_primary_have_no_effect() {
    let mut world = World::replicated(&ALL);
    world.cut_off("a");
    world.promote("b", Force::Safe, 1);
    world.settle(1_000);
    let n = world.rotate("a").unwrap();
    world.settle(5_000);
    assert!(world.committed("a").staged().is_none());
    assert!(matches!(world.rotate("a"), Err(Outcome::Refused(Refusal::Outstanding(_)))));
    world.heal();
    world.settle(5_000);
    assert!(world.assert_converged().materials.iter().all(|m| m.id != material_id(n)));
}

#[test]
fn case_9_of_two_candidates_one_wins() {
    let mut world = World::replicated(&ALL);
    world.stop("a");
    world.promote("b", Force::Safe, 1);
    world.promote("c", Force::Safe, 2);
    world.settle(20_000);
    let record = world.assert_converged();
    let won = |request: u64| matches!(world.result(request), KeyResult::Promoted { version } if *version == record.version);
    assert!(won(1) != won(2), "{:?} {:?}", world.result(1), world.result(2));
}

#[test]
fn case_11_a_handoff_without_its_successor_ends_with_the_old_primary() {
    let mut world = World::replicated(&ALL);
    world.stop("b");
    let record =
        world.committed("a").update_primary(region("b"), world.now, super::world::requested()).unwrap();
    world.propose("a", record, None);
    world.settle(20_000);
    assert_eq!(world.key("a").state(&region("a")), KeyState::Updating);
    world.settle(20_000);
    let record = world.assert_converged();
    assert_eq!((record.primary, record.phase), (region("a"), Phase::Stable));
    world.restart("b");
    world.settle(15_000);
    assert_eq!(world.assert_converged().primary, region("a"), "the returning successor does not take it");
}

#[test]
fn rule_8_a_disabled_successor_does_not_take_over_and_the_old_primary_takes_back() {
    let mut world = World::replicated(&ALL);
    let disable = Command::SetEnablement { key: key_id(), enablement: kms_state::Enablement::Disabled };
    assert_eq!(world.run("b", disable), Outcome::Applied);
    let record =
        world.committed("a").update_primary(region("b"), world.now, super::world::requested()).unwrap();
    world.propose("a", record, None);
    world.settle(20_000);
    assert_eq!(world.committed("a").primary, region("a"));
    world.settle(20_000);
    let record = world.assert_converged();
    assert_eq!((record.primary, record.phase), (region("a"), Phase::Stable));
}

#[test]
fn case_11_a_successor_that_crashes_halfway_leaves_exactly_one_primary() {
    let mut world = World::replicated(&ALL);
    let record =
        world.committed("a").update_primary(region("b"), world.now, super::world::requested()).unwrap();
    world.propose("a", record, None);
    for _ in 0..60 {
        // b may ask for promises and is never heard again.
        for parcel in std::mem::take(&mut world.net) {
            let later = parcel.0 == region("b") && !matches!(parcel.2, crate::Message::Prepare { .. });
            if !(later && world.committed("b").phase != Phase::Stable) {
                world.deliver(parcel);
            }
        }
        world.pass(50);
    }
    world.stop("b");
    world.settle(60_000);
    let record = world.assert_converged();
    assert_eq!((record.primary.clone(), record.phase.clone()), (region("a"), Phase::Stable));
}

#[test]
fn case_12_the_next_leader_of_every_region_continues() {
    let mut world = World::replicated(&ALL);
    let n = world.rotate("a").unwrap();
    for round in 0..40 {
        for parcel in std::mem::take(&mut world.net) {
            world.deliver(parcel);
        }
        world.pass(300);
        world.restart(ALL[round % 4]);
    }
    world.settle(3_000);
    assert_eq!(world.assert_converged().current, Some(material_id(n)));
    world.stop("a");
    world.promote("b", Force::Safe, 1);
    // The record is in b's register; its next leader brings it to the others.
    world.net.retain(|(_, _, m, _)| !matches!(m, crate::Message::Accept { .. }));
    world.settle(100);
    world.restart("b");
    world.settle(5_000);
    assert_eq!(world.assert_converged().primary, region("b"));
}

#[test]
fn case_13_a_replica_that_joins_during_a_rotation_waits_for_all_materials() {
    let mut world = World::replicated(&["a", "b", "w"]);
    world.stop("b");
    let n = world.rotate("a").unwrap();
    world.settle(1_000);
    assert!(world.committed("a").staged().is_some());
    world.restart("b");
    world.settle(3_000);
    assert_eq!(world.assert_converged().current, Some(material_id(n)));

    let mut world = World::new(&ALL);
    world.replicate("a", "b");
    world.settle(2_000);
    world.stop("b");
    let n = world.rotate("a").unwrap();
    world.settle(500);
    world.replicate("a", "c");
    world.settle(2_000);
    assert!(world.committed("a").is_active_member(&region("c")), "it holds both");
    assert!(world.holds("c", 1) && world.holds("c", n));
    assert_eq!(world.committed("c").current, Some(material_id(1)), "b is still awaited");
    world.restart("b");
    world.settle(3_000);
    assert_eq!(world.assert_converged().current, Some(material_id(n)));
}

#[test]
fn case_14_a_joining_region_that_vanishes_is_removed() {
    let mut world = World::new(&ALL);
    world.stop("b");
    world.replicate("a", "b");
    world.settle(5_000);
    assert!(matches!(world.committed("a").members[&region("b")], Membership::Joining(_)));
    let n = world.rotate("a").unwrap();
    world.settle(2_000);
    assert_eq!(world.committed("a").current, Some(material_id(n)), "no rotation waits for it");
    world.evict("a", "b", 1);
    world.settle(2_000);
    assert!(matches!(world.result(1), KeyResult::Removed { .. }));
    world.restart("b");
    world.settle(2_000);
    assert!(world.assert_converged().members.len() == 1 && world.state("b").key(&key_id()).is_none());
}

#[test]
fn case_15_a_survivor_and_a_witness_promote_safely() {
    let mut world = World::replicated(&["a", "b", "w"]);
    let n = world.rotate("a").unwrap();
    world.settle(2_000);
    world.stop("a");
    world.promote("b", Force::Safe, 1);
    world.settle(1_000);
    assert!(matches!(world.result(1), KeyResult::Promoted { .. }));
    assert_eq!(world.committed("b").current, Some(material_id(n)), "C5");
    assert!(world.key("b").materials.iter().all(|m| world.key("b").held.contains_key(&m.id)), "C5");
}

/// The new primary has the staged material, and the lost member is named until it is evicted.
#[test]
fn case_2_a_rotation_that_goes_on_under_a_new_primary_names_who_is_missing() {
    let mut world = World::replicated(&ALL);
    world.stop("c");
    let n = world.rotate("a").unwrap();
    world.settle(2_000);
    assert!(world.holds("b", n) && !world.holds("c", n));
    world.restart("c");
    world.stop("a");
    world.promote("b", Force::Safe, 1);
    world.settle(70_000);
    assert!(matches!(world.result(1), KeyResult::Promoted { .. }));
    let held_up = |(at, alarm): &&(_, Alarm)| {
        *at == region("b")
            && matches!(alarm, Alarm::RotationHeldUp { regions, .. } if *regions == [region("a")])
    };
    assert_eq!(world.alarms.iter().filter(held_up).count(), 1);
    let status = world.site("b").machine.as_ref().unwrap().status();
    assert_eq!((status.held_up[0].key, &status.held_up[0].regions), (key_id(), &vec![region("a")]));
    world.evict("b", "a", 2);
    world.settle(2_000);
    assert_eq!(world.committed("b").current, Some(material_id(n)));
    assert!(world.site("b").machine.as_ref().unwrap().status().held_up.is_empty());
}

#[test]
fn case_16_one_survivor_without_a_witness_needs_force() {
    let mut world = World::replicated(&["a", "b"]);
    world.stop("a");
    world.promote("b", Force::Safe, 1);
    world.settle(2_800);
    assert!(!world.reports.contains_key(&1), "it may still answer");
    world.settle(500);
    assert_eq!(*world.result(1), KeyResult::NoMajority { missing: vec![region("a")] });
    assert_eq!(world.committed("b").primary, region("a"));
    world.safe = false;
    world.promote("b", Force::Unsafe, 2);
    world.settle(12_000);
    assert!(matches!(world.result(2), KeyResult::PromotedUnsafely { .. }));
    world.restart("a");
    world.settle(5_000);
    let record = world.assert_converged();
    assert_eq!((record.primary.clone(), record.unsafe_promotions), (region("b"), 1));
}

#[test]
fn case_19_a_key_deleted_while_a_region_was_away_never_comes_back() {
    let mut world = World::replicated(&ALL);
    world.stop("c");
    world.evict("a", "c", 1);
    world.settle(1_000);
    world.run("b", Command::ScheduleDeletion { key: key_id(), window_days: 7 });
    world.run("a", Command::ScheduleDeletion { key: key_id(), window_days: 7 });
    for _ in 0..3 {
        world.pass_days(8);
        world.settle(5_000);
    }
    assert_eq!(world.committed("a").phase, Phase::Destroyed);
    world.restart("c");
    world.settle(3_000);
    assert_eq!(world.key("c").state(&region("c")), KeyState::PendingDeletion);
    assert!(world.key("c").held.is_empty());
    assert!(matches!(world.run("c", Command::CancelDeletion { key: key_id() }), Outcome::Refused(_)));
    world.pass_days(6);
    world.settle(3_000);
    assert!(world.state("c").key(&key_id()).is_some(), "the full window");
    world.pass_days(1);
    world.settle(3_000);
    assert!(world.state("c").key(&key_id()).is_none());
    world.promote("c", Force::Unsafe, 2);
    assert_eq!(*world.result(2), KeyResult::Destroyed);
}

#[test]
fn case_20_a_primary_with_replicas_waits_for_any_time_and_can_be_cancelled() {
    let mut world = World::replicated(&["a", "b", "w"]);
    world.run("a", Command::ScheduleDeletion { key: key_id(), window_days: 7 });
    world.pass_days(400);
    world.settle(5_000);
    assert_eq!(world.key("a").lifecycle, Lifecycle::PendingReplicaDeletion { window_days: 7 });
    assert_eq!(world.run("a", Command::CancelDeletion { key: key_id() }), Outcome::Applied);
    assert_eq!(world.key("a").state(&region("a")), KeyState::Disabled);
}

#[test]
fn case_22_material_that_differs_from_its_commitment_is_not_installed() {
    let mut world = World::replicated(&["a", "b", "w"]);
    world.corrupt = Some(region("a"));
    let n = world.rotate("a").unwrap();
    world.settle(5_000);
    assert!(!world.holds("b", n));
    assert!(world.committed("a").staged().is_some());
    assert!(
        world.alarms.iter().any(|(at, a)| *at == region("b") && matches!(a, Alarm::MaterialRefused { .. }))
    );
    world.corrupt = None;
    world.settle(10_000);
    assert_eq!(world.assert_converged().current, Some(material_id(n)));
}

#[test]
fn a_fenced_primary_that_is_pending_deletion_still_destroys_its_key() {
    let mut world = World::replicated(&ALL);
    world.cut_off("c");
    world.evict("a", "c", 1);
    world.evict("a", "b", 2);
    world.settle(1_000);
    world.run("a", Command::ScheduleDeletion { key: key_id(), window_days: 7 });
    world.heal();
    world.promote("c", Force::Safe, 3);
    world.settle(30_000);
    world.pass_days(8);
    world.settle(30_000);
    assert_eq!(world.assert_converged().phase, Phase::Destroyed);
}
