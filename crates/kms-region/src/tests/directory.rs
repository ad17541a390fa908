//! Rule 12: which Regions vote changes while they run. Failure cases 17 and 24, and the ends of both.

use kms_crypto::VerifyingKey;
use kms_state::{DirectoryChange, DirectoryError, RegionRole, Voter};
use kms_types::{Incarnation, KeyState, Region};

use super::world::{World, key_id, material_id, region};
use crate::{Alarm, DirectoryResult, Force, KeyResult, Message};

const ALL: [&str; 4] = ["a", "b", "c", "w"];

fn incarnation(n: u8) -> Incarnation {
    Incarnation::from_random([n; 16])
}

fn add(name: &str, n: u8) -> DirectoryChange {
    let role = if name == "w" { RegionRole::Witness } else { RegionRole::Data };
    let voter = Voter { incarnation: incarnation(n), verifying_key: VerifyingKey([0; 32]), role };
    DirectoryChange::Add { region: region(name), voter, nodes: vec!["127.0.0.1:1".into()] }
}

fn remove(name: &str) -> DirectoryChange {
    DirectoryChange::Remove { region: region(name) }
}

fn missing(names: &[&str]) -> Vec<Region> {
    names.iter().map(|name| region(name)).collect()
}

/// The change is made in `at`, and every Region that is up goes by it.
fn made(world: &mut World, at: &str, change: DirectoryChange, request: u64) {
    world.change_directory(at, change, Force::Safe, request);
    world.settle(5_000);
    let result = &world.directory_reports[&request];
    assert!(matches!(result, DirectoryResult::Changed { .. }), "{result}");
}

#[test]
fn rule_12_a_fourth_region_comes_in_and_gets_a_key() {
    let mut world = World::replicated(&["a", "b", "w"]);
    made(&mut world, "b", add("c", 30), 1);
    let second = world.directory("b");
    assert_eq!(second.generation, 2);
    assert!(["a", "w"].iter().all(|name| world.directory(name) == second));
    world.found("c", incarnation(30), second);
    assert!(!world.state("c").has_vote());
    world.settle(3_000);
    assert!(world.state("c").has_vote() && !world.state("c").is_survey_open());
    world.replicate("a", "c");
    world.settle(3_000);
    assert!(world.assert_converged().is_active_member(&region("c")));
    // Four vote now: with a lost, all three others are needed for the key, and they do.
    world.stop("a");
    world.promote("c", Force::Safe, 2);
    world.settle(3_000);
    assert!(matches!(world.result(2), KeyResult::Promoted { .. }), "{}", world.result(2));
}

#[test]
fn rule_12_a_single_region_grows_once_the_second_is_there() {
    let mut world = World::new(&["a"]);
    world.change_directory("a", add("b", 20), Force::Safe, 1);
    world.settle(12_000);
    assert_eq!(world.directory_reports[&1], DirectoryResult::Unconfirmed { missing: missing(&["b"]) });
    let invitation = world.state("a").next_directory().unwrap().directory.clone();
    world.found("b", incarnation(20), invitation);
    world.settle(3_000);
    assert_eq!((world.directory("a").generation, world.directory("b").generation), (2, 2));
    world.replicate("a", "b");
    world.settle(3_000);
    assert!(world.assert_converged().is_active_member(&region("b")));
}

#[test]
fn rule_12_a_region_that_goes_is_dropped_from_every_key_and_told_so() {
    let mut world = World::replicated(&ALL);
    let n = {
        world.stop("c");
        world.rotate("a").unwrap()
    };
    world.settle(2_000);
    assert!(world.committed("a").staged().is_some(), "the rotation waits for c");
    made(&mut world, "b", remove("c"), 1);
    let record = world.committed("a");
    assert!(!record.is_member(&region("c")) && record.current == Some(material_id(n)));
    world.restart("c");
    world.settle(3_000);
    assert!(!world.state("c").is_in_directory() && world.unheard > 0);
    assert_eq!(world.committed("a"), record, "what it says counts nothing");
    assert_eq!(world.key("c").state(&region("c")), KeyState::Enabled, "it learns of no record any more");
}

#[test]
fn rule_12_the_primary_of_a_key_is_replaced_before_it_goes() {
    let mut world = World::replicated(&ALL);
    world.stop("a");
    world.change_directory("b", remove("a"), Force::Safe, 1);
    let refused = DirectoryResult::StillPrimary { region: region("a"), keys: 1 };
    assert_eq!(world.directory_reports[&1], refused);
    world.promote("b", Force::Safe, 2);
    world.settle(2_000);
    made(&mut world, "b", remove("a"), 3);
    assert!(!world.assert_converged().is_member(&region("a")));
}

#[test]
fn rule_12_a_change_needs_a_majority_of_the_present_voters() {
    let mut world = World::replicated(&ALL);
    world.cut_off("a");
    world.change_directory("a", remove("b"), Force::Safe, 1);
    world.settle(12_000);
    let result = &world.directory_reports[&1];
    let expected =
        DirectoryResult::NoMajority { missing: missing(&["b", "c", "w"]), holds: Default::default() };
    assert_eq!(*result, expected);
    // The others go on, and a follows when it hears of it.
    made(&mut world, "b", add("d", 30), 2);
    world.heal();
    world.settle(3_000);
    assert_eq!(world.directory("a"), world.directory("b"));
    assert!(world.directory("a").voters.contains_key(&region("b")));
}

#[test]
fn rule_12_without_a_majority_a_removal_is_forced_and_raises_an_alarm() {
    let mut world = World::replicated(&["a", "b"]);
    world.stop("b");
    world.change_directory("a", add("c", 30), Force::Unsafe, 1);
    assert_eq!(world.directory_reports[&1], DirectoryResult::OnlyRemovalIsForced);
    world.change_directory("a", remove("b"), Force::Unsafe, 2);
    world.settle(12_000);
    assert_eq!(world.directory_reports[&2], DirectoryResult::Changed { generation: 2 });
    assert_eq!(world.directory("a").forced, 1);
    let forced = |(_, alarm): &(Region, Alarm)| matches!(alarm, Alarm::ForcedDirectory { .. });
    assert_eq!(world.alarms.iter().filter(|alarm| forced(alarm)).count(), 1);
    world.rotate("a").unwrap();
    world.settle(1_000);
    assert_eq!(world.committed("a").current, Some(material_id(2)), "shared changes go on alone");
    // The one that was declared lost comes back: it is told, and not heard.
    world.restart("b");
    world.settle(3_000);
    assert!(!world.state("b").is_in_directory());
    world.change_directory("b", remove("a"), Force::Unsafe, 3);
    assert_eq!(world.directory_reports[&3], DirectoryResult::NotVoter);
}

#[test]
fn case_17_a_region_that_lost_everything_comes_back_as_a_new_incarnation() {
    let mut world = World::replicated(&ALL);
    world.stop("c");
    world.change_directory("a", add("c", 31), Force::Safe, 1);
    let known = DirectoryResult::Refused(DirectoryError::Known(region("c")));
    assert_eq!(world.directory_reports[&1], known);
    made(&mut world, "a", remove("c"), 2);
    made(&mut world, "b", add("c", 31), 3);
    let old = world.sites.remove(&region("c")).unwrap();
    world.found("c", incarnation(31), world.directory("b"));
    world.settle(3_000);
    assert!(world.state("c").has_vote());
    assert!(world.state("c").key(&key_id()).is_none() && !world.assert_converged().is_member(&region("c")));
    world.replicate("a", "c");
    world.settle(3_000);
    assert!(world.assert_converged().is_active_member(&region("c")) && world.holds("c", 1));
    // The old disk turns up: nobody hears it, whatever it says.
    let record = world.assert_converged();
    world.sites.insert(region("c"), old);
    world.restart("c");
    let before = world.unheard;
    world.settle(5_000);
    assert!(world.unheard > before && !world.state("c").is_in_directory());
    assert_eq!(world.committed("a"), record);
}

#[test]
fn rule_12_a_region_is_not_let_in_while_a_key_counts_it_as_a_member() {
    let mut world = World::replicated(&["a", "b", "c", "d", "w"]);
    world.stop("c");
    // The primary does not drop it, because it does not hear of the removal.
    world.cut_off("a");
    made(&mut world, "b", remove("c"), 1);
    world.change_directory("b", add("c", 31), Force::Safe, 2);
    world.settle(3_000);
    let refused =
        DirectoryResult::Refused(DirectoryError::StillMember { region: region("c"), key: key_id() });
    assert_eq!(world.directory_reports[&2], refused);
    world.heal();
    world.settle(3_000);
    made(&mut world, "b", add("c", 31), 3);
}

#[test]
fn case_24_a_directory_change_during_a_promotion_has_it_begin_anew() {
    let mut world = World::replicated(&ALL);
    world.stop("a");
    // b has promises of the old directory when the new one comes.
    world.promote("b", Force::Safe, 1);
    world.net.retain(|(_, _, message, _)| !matches!(message, Message::Accept { .. }));
    made(&mut world, "w", add("d", 40), 2);
    world.settle(10_000);
    assert!(matches!(world.result(1), KeyResult::Promoted { .. }), "{}", world.result(1));
    assert_eq!(world.assert_converged().primary, region("b"));
    assert!(world.unheard > 0, "letters of another generation were refused");
}

#[test]
fn case_12_the_next_leader_finishes_a_change_of_the_directory() {
    let mut world = World::replicated(&ALL);
    world.change_directory("a", remove("c"), Force::Safe, 1);
    for _ in 0..100 {
        for parcel in std::mem::take(&mut world.net) {
            // Nobody else accepts yet.
            if !matches!(parcel.2, Message::DirectoryAccept { .. }) {
                world.deliver(parcel);
            }
        }
        world.pass(20);
    }
    assert!(world.state("a").next_directory().is_some());
    world.restart("a");
    world.settle(5_000);
    assert!(ALL.iter().all(|name| world.directory(name).generation == 2));
}

#[test]
fn rule_12_what_another_region_began_is_finished_first() {
    let mut world = World::replicated(&ALL);
    world.change_directory("a", remove("c"), Force::Safe, 1);
    for _ in 0..100 {
        for parcel in std::mem::take(&mut world.net) {
            // w accepts, and a never hears of it.
            let lost = matches!(parcel.2, Message::DirectoryAccept { .. }) && parcel.1 != region("w")
                || matches!(parcel.2, Message::DirectoryAccepted { .. });
            if !lost {
                world.deliver(parcel);
            }
        }
        world.pass(20);
    }
    world.stop("a");
    world.change_directory("b", add("d", 40), Force::Safe, 2);
    world.settle(5_000);
    assert_eq!(world.directory_reports[&2], DirectoryResult::OtherFirst { generation: 2 });
    assert!(!world.directory("b").voters.contains_key(&region("c")));
    world.restart("a");
    made(&mut world, "b", add("d", 40), 3);
}

#[test]
fn rule_12_agreements_survive_any_number_of_changes() {
    let mut world = World::replicated(&ALL);
    // The record is accepted by a, b and w, and nobody learns that it is committed; then two of the three go.
    let record = world.committed("a").set_automatic_rotation(None).unwrap();
    let version = record.version.clone();
    world.propose("a", record, None);
    for _ in 0..40 {
        for parcel in std::mem::take(&mut world.net) {
            let told = matches!(parcel.2, Message::Accepted { .. });
            let to_c = parcel.1 == region("c") && matches!(parcel.2, Message::Accept { .. });
            if !told && !to_c {
                world.deliver(parcel);
            }
        }
        world.pass(50);
    }
    assert!(world.state("c").register(&key_id()).unwrap().accepted.as_ref().unwrap().version < version);
    world.stop("a");
    world.net.clear();
    made(&mut world, "c", remove("w"), 1);
    world.stop("w");
    let register = world.state("c").register(&key_id()).unwrap().clone();
    assert_eq!(register.accepted.as_ref().unwrap().version, version, "read from b");
    assert!(register.committed.as_ref().unwrap().version < version);
    world.promote("c", Force::Safe, 2);
    world.settle(3_000);
    assert_eq!(world.assert_converged().rotation.automatic, None);
    assert!(world.assert_converged().version > version);
}

#[test]
fn rule_12_an_invitation_puts_nothing_into_force_before_it_is_agreed_on() {
    let mut world = World::replicated(&ALL);
    // a proposes, and nobody else accepts.
    world.change_directory("a", add("d", 40), Force::Safe, 1);
    let hold = |world: &mut World| {
        for parcel in std::mem::take(&mut world.net) {
            let accept = matches!(parcel.2, Message::DirectoryAccept { .. }) && parcel.1 != region("d");
            if !accept {
                world.deliver(parcel);
            }
        }
        world.pass(20);
    };
    (0..100).for_each(|_| hold(&mut world));
    let invitation = world.state("a").next_directory().unwrap().directory.clone();
    world.found("d", incarnation(40), invitation);
    (0..200).for_each(|_| hold(&mut world));
    assert!(ALL.iter().all(|name| world.directory(name).generation == 1));
    assert!(!world.state("d").has_vote());
    world.settle(6_000);
    let generations: Vec<u64> = ALL.iter().map(|name| world.directory(name).generation).collect();
    assert_eq!(generations, [2; 4]);
    assert!(world.state("d").has_vote());
}
