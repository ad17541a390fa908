//! One test per rule of the protocol that the machine carries out. Rules 13 and 14 are the driver's.

use kms_state::{Command, Lifecycle, MaterialStatus, Membership, Outcome, Phase, Refusal};
use kms_types::{KeyState, Timestamp};

use super::world::{World, key_id, material_id, region};
use crate::{Alarm, Force, Input, KeyResult, Message, Offer, Output, Want};

const ALL: [&str; 4] = ["a", "b", "c", "w"];

#[test]
fn rule_1_nothing_has_effect_before_a_majority_has_accepted() {
    let mut world = World::replicated(&["a", "b", "c"]);
    world.cut_off("a");
    world.rotate("a").unwrap();
    world.settle(5_000);
    assert_eq!(world.key("a").materials.len(), 1);
    world.heal();
    world.settle(5_000);
    assert_eq!(world.assert_converged().current, Some(material_id(2)));
}

#[test]
fn rule_2_a_shared_change_is_committed_with_one_round_to_a_majority() {
    let mut world = World::replicated(&ALL);
    world.stop("c");
    let record = world.committed("a").set_automatic_rotation(None).unwrap();
    let version = record.version.clone();
    world.propose("a", record, None);
    world.settle(100);
    assert_eq!(world.committed("a").version, version);
    assert_eq!(world.committed("w").version, version);
}

#[test]
fn rule_3_voters_that_never_saw_the_key_accept_and_promise() {
    let mut world = World::new(&["a", "b", "w"]);
    assert!(world.state("w").register(&key_id()).is_none());
    world.replicate("a", "b");
    world.settle(3_000);
    assert!(world.assert_converged().is_active_member(&region("b")));
}

#[test]
fn rule_4_material_is_sent_after_staged_and_activated_after_every_acknowledgement() {
    let mut world = World::replicated(&ALL);
    world.cut.insert((region("a"), region("c")));
    world.cut.insert((region("b"), region("c")));
    let n = world.rotate("a").unwrap();
    world.settle(5_000);
    assert!(world.holds("b", n) && !world.holds("c", n));
    assert_eq!(world.committed("a").staged().unwrap().id, material_id(n));
    world.heal();
    world.settle(3_000);
    let record = world.assert_converged();
    assert_eq!((record.current, record.staged()), (Some(material_id(n)), None));
    assert!(["a", "b", "c"].iter().all(|name| world.key(name).current == Some(material_id(n))));
}

#[test]
fn rule_4_unknown_records_get_no_material() {
    let mut world = World::replicated(&["a", "b", "c"]);
    let record = world.committed("a");
    let offer = |version, n: u8| {
        let (key, commitment) = (key_id(), kms_crypto::Commitment([n; 32]));
        let want = Want { key, material: material_id(n), commitment, version };
        Input::Message {
            from: region("b"),
            message: Message::Offer(Offer { wants: vec![want], ..offer_shell() }),
        }
    };
    let now = world.now;
    let machine = world.site("a").machine.as_mut().unwrap();
    machine.handle(offer(record.version.next(), 1), now);
    machine.handle(offer(record.version.clone(), 2), now);
    assert!(std::iter::from_fn(|| machine.poll_output()).all(|o| !matches!(o, Output::SendMaterials { .. })));
    machine.handle(offer(record.version, 1), now);
    assert!(std::iter::from_fn(|| machine.poll_output()).any(|o| matches!(o, Output::SendMaterials { .. })));
}

fn offer_shell() -> Offer {
    struct Ones;
    impl kms_types::Entropy for Ones {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(1);
        }
    }
    let receiver = kms_crypto::ReceiverKey::generate(&mut Ones).public().clone();
    Offer { receiver, expires_at: Timestamp::from_millis(u64::MAX), wants: Vec::new() }
}

#[test]
fn rule_5_a_replica_is_usable_once_it_holds_everything() {
    let mut world = World::new(&["a", "b", "w"]);
    world.cut.insert((region("a"), region("b")));
    world.replicate("a", "b");
    world.settle(3_000);
    assert!(matches!(world.committed("a").members[&region("b")], Membership::Joining(_)));
    assert_eq!(world.key("b").state(&region("b")), KeyState::Creating, "learned from the witness");
    world.heal();
    world.settle(3_000);
    assert_eq!(world.key("b").state(&region("b")), KeyState::Enabled);
    assert_eq!(world.key("b").description, "b");
}

#[test]
fn rule_6_evict_needs_no_answer_of_the_member() {
    let mut world = World::replicated(&ALL);
    world.stop("c");
    world.evict("a", "c", 1);
    world.settle(1_000);
    assert_eq!(*world.result(1), KeyResult::Removed { version: world.committed("a").version });
    assert!(!world.assert_converged().is_member(&region("c")));
}

#[test]
fn rule_6_evictions_that_make_no_sense_are_refused_by_name() {
    let mut world = World::replicated(&["a", "b", "w"]);
    for (request, at, member, result) in [
        (1, "b", "a", KeyResult::NotPrimary),
        (2, "a", "a", KeyResult::IsPrimary),
        (3, "a", "w", KeyResult::NotMember),
    ] {
        world.evict(at, member, request);
        assert_eq!(*world.result(request), result);
    }
}

#[test]
fn rule_7_promotion_moves_the_primary_with_the_next_epoch() {
    let mut world = World::replicated(&ALL);
    world.stop("a");
    world.promote("b", Force::Safe, 1);
    world.settle(1_000);
    let record = world.assert_converged();
    assert_eq!(*world.result(1), KeyResult::Promoted { version: record.version.clone() });
    assert_eq!((record.primary, record.version.epoch.counter), (region("b"), 2));
    world.promote("b", Force::Safe, 2);
    assert_eq!(*world.result(2), KeyResult::AlreadyPrimary);
}

#[test]
fn rule_7_all_keys_of_a_lost_region_in_one_command() {
    let mut world = World::replicated(&["a", "b", "w"]);
    world.stop("a");
    let scope = crate::PromoteScope::AllOf(region("a"));
    world.input(&region("b"), Some(Input::Promote { scope, force: Force::Safe, request: 1 }));
    world.settle(1_000);
    assert!(matches!(world.result(1), KeyResult::Promoted { .. }));
    let scope = crate::PromoteScope::AllOf(region("c"));
    world.input(&region("b"), Some(Input::Promote { scope, force: Force::Safe, request: 2 }));
    assert!(world.reports[&2].is_empty(), "a command about no key is reported at once");
}

#[test]
fn rule_7_stops_for_a_region_that_is_not_an_active_member_or_is_leaving() {
    let mut world = World::replicated(&["a", "b", "w"]);
    world.promote("w", Force::Safe, 1);
    assert_eq!(*world.result(1), KeyResult::NotActiveMember);
    world.run("b", Command::ScheduleDeletion { key: key_id(), window_days: 7 });
    world.promote("b", Force::Safe, 2);
    assert_eq!(*world.result(2), KeyResult::PendingDeletion);
}

#[test]
fn rule_7_a_candidate_that_was_evicted_unknowingly_stops_and_the_primary_takes_its_key_back() {
    let mut world = World::replicated(&ALL);
    world.cut_off("c");
    world.evict("a", "c", 1);
    world.settle(1_000);
    // It can be heard, and hears nothing but promises.
    world.heal();
    world.promote("c", Force::Safe, 2);
    world.settle(300);
    assert!(matches!(world.result(2), KeyResult::NotActiveMember | KeyResult::Superseded { .. }));
    world.settle(30_000);
    let record = world.assert_converged();
    assert_eq!(record.primary, region("a"));
    assert!(world.rotate("a").is_ok(), "the primary is not fenced for ever");
    world.settle(2_000);
    assert_eq!(world.assert_converged().current, Some(material_id(2)));
}

#[test]
fn rule_8_the_successor_takes_over() {
    let mut world = World::replicated(&ALL);
    let record =
        world.committed("a").update_primary(region("b"), world.now, super::world::requested()).unwrap();
    world.propose("a", record, None);
    world.settle(1_000);
    let record = world.assert_converged();
    assert_eq!((record.primary, record.phase), (region("b"), Phase::Stable));
    assert!(matches!(world.rotate("a"), Err(Outcome::Refused(Refusal::NotPrimary(_)))));
}

#[test]
fn rule_9_unsafe_promotion_is_marked_and_unites_materials_on_contact() {
    let mut world = World::replicated(&ALL);
    world.safe = false;
    world.cut_off("c");
    let n = world.rotate("a").unwrap();
    world.settle(1_000);
    assert_eq!(world.committed("a").staged().unwrap().id, material_id(n));
    world.evict("a", "c", 1);
    world.settle(1_000);
    assert_eq!(world.committed("a").current, Some(material_id(n)), "active on one side");
    world.promote("c", Force::Unsafe, 2);
    world.settle(15_000);
    assert!(matches!(world.result(2), KeyResult::PromotedUnsafely { .. }));
    assert_eq!(world.committed("c").unsafe_promotions, 1);
    assert!(
        world.alarms.iter().any(|(at, a)| *at == region("c") && matches!(a, Alarm::UnsafePromotion { .. }))
    );
    world.heal();
    world.settle(20_000);
    let record = world.assert_converged();
    assert_eq!((record.primary.clone(), record.current), (region("c"), Some(material_id(1))));
    assert!(record.materials.iter().all(|m| m.status == MaterialStatus::Active), "{record:#?}");
    assert!(["a", "b", "c"].iter().all(|name| world.holds(name, n)), "and every member holds it");
}

#[test]
fn rule_9_force_changes_nothing_while_a_majority_answers() {
    let mut world = World::replicated(&ALL);
    world.stop("a");
    world.promote("b", Force::Unsafe, 1);
    world.settle(1_000);
    assert!(matches!(world.result(1), KeyResult::Promoted { .. }));
    assert_eq!(world.assert_converged().unsafe_promotions, 0);
}

#[test]
fn rule_10_the_old_primary_steps_down_pulls_and_installs() {
    let mut world = World::replicated(&ALL);
    world.cut_off("a");
    let lost = world.rotate("a").unwrap();
    world.promote("b", Force::Safe, 1);
    world.settle(2_000);
    let n = world.rotate("b").unwrap();
    world.settle(2_000);
    assert!(world.holds("a", lost) && !world.holds("a", n));
    world.heal();
    world.settle(5_000);
    assert_eq!(world.assert_converged().current, Some(material_id(n)));
    assert!(!world.holds("a", lost) && world.holds("a", n));
}

#[test]
fn rule_11_replicas_first_then_the_primary_then_the_material() {
    let mut world = World::replicated(&ALL);
    world.run("a", Command::ScheduleDeletion { key: key_id(), window_days: 7 });
    assert_eq!(world.key("a").lifecycle, Lifecycle::PendingReplicaDeletion { window_days: 7 });
    for name in ["b", "c"] {
        world.run(name, Command::ScheduleDeletion { key: key_id(), window_days: 7 });
    }
    world.pass_days(8);
    world.settle(5_000);
    assert!(world.state("b").key(&key_id()).is_none() && world.state("c").key(&key_id()).is_none());
    assert!(
        matches!(world.key("a").lifecycle, Lifecycle::PendingDeletion { .. }),
        "its own window begins now"
    );
    world.settle(5_000);
    assert!(world.holds("a", 1));
    world.pass_days(7);
    world.settle(5_000);
    assert!(world.state("a").key(&key_id()).is_none());
    assert_eq!(world.assert_converged().phase, Phase::Destroyed);
}

#[test]
fn rule_11_a_cancelled_replica_stays() {
    let mut world = World::replicated(&["a", "b", "w"]);
    world.run("b", Command::ScheduleDeletion { key: key_id(), window_days: 7 });
    world.pass_days(6);
    assert_eq!(world.run("b", Command::CancelDeletion { key: key_id() }), Outcome::Applied);
    world.pass_days(6);
    world.settle(5_000);
    assert!(world.assert_converged().is_active_member(&region("b")));
}

#[test]
fn rule_7_acknowledgements_from_before_an_eviction_do_not_count_after_it() {
    let mut world = World::replicated(&["a", "b", "c"]);
    world.cut.insert((region("a"), region("c")));
    world.cut.insert((region("b"), region("c")));
    let n = world.rotate("a").unwrap();
    world.settle(2_000);
    assert!(world.holds("b", n), "b has acknowledged everything, c keeps the rotation open");
    // c can be asked to accept, and still gets no material.
    world.heal();
    world.corrupt = Some(region("a"));
    world.cut_off("b");
    world.evict("a", "b", 1);
    world.settle(1_000);
    assert!(!world.committed("a").is_member(&region("b")) && world.committed("a").staged().is_some());
    world.replicate("a", "b");
    world.settle(3_000);
    assert!(
        matches!(world.committed("a").members[&region("b")], Membership::Joining(_)),
        "its old words are void"
    );
}
