//! Each test names the rule, invariant or failure case it checks.

use kms_types::{KeyState, RotationType, Timestamp};

use super::fixture::{TestRegion, epoch, info, key_id, material_id, new_material, region, seed, version};
use crate::{
    AcceptAnswer, Automatic, Command, ControlRecord, Deletion, InstallMaterial, Lifecycle, MaterialStatus,
    Membership, NewMaterial, Outcome, Phase, Refusal,
};

const NOW: Timestamp = Timestamp::from_millis(1_000);

fn staged(from: &ControlRecord, n: u8) -> ControlRecord {
    from.stage(info(n, MaterialStatus::Staged), NOW).unwrap()
}

fn install(n: u8, commitment: u8, record: &ControlRecord) -> Command {
    let material = NewMaterial { commitment: kms_crypto::Commitment([commitment; 32]), ..new_material(n) };
    let one = InstallMaterial { key: key_id(), material, version: record.version.clone() };
    Command::InstallMaterials { materials: vec![one] }
}

/// `b` as an active replica of `a`'s key.
fn replicated() -> (TestRegion, TestRegion) {
    let (mut a, mut b) = (TestRegion::with_key(), TestRegion::new("b"));
    let joining = a.change(&a.committed().replicate(region("b"), *seed()).unwrap(), None);
    b.commit(&joining);
    assert_eq!(b.run(install(1, 1, &joining)), Outcome::Applied);
    let active = a.change(&joining.admit(&region("b")).unwrap(), None);
    b.commit(&active);
    (a, b)
}

#[test]
fn rule_1_a_proposed_record_has_no_effect_until_committed() {
    let mut a = TestRegion::with_key();
    let record = staged(&a.committed(), 2);
    let outcome = a.propose(&record, Some(new_material(2)));
    assert_eq!(outcome, Outcome::RecordProposed { key: key_id(), version: version(1, "a", 2) });
    assert_eq!(a.key().materials.len(), 1);
    assert!(a.register().has_outstanding() && a.state.unsettled().eq([&key_id()]));
    a.commit(&record);
    assert_eq!(a.key().materials.len(), 2);
    assert_eq!(a.key().current, Some(material_id(1)));
    assert_eq!(a.state.unsettled().count(), 0);
}

#[test]
fn rule_2_one_outstanding_proposal_per_key() {
    let mut a = TestRegion::with_key();
    let record = staged(&a.committed(), 2);
    a.propose(&record, Some(new_material(2)));
    let second = a.committed().set_automatic_rotation(None).unwrap();
    assert_eq!(a.propose(&second, None), Outcome::Refused(Refusal::Outstanding(key_id())));
}

#[test]
fn rule_2_only_the_primary_proposes_and_only_on_what_is_committed() {
    let (mut a, mut b) = replicated();
    let next = b.committed().set_automatic_rotation(None).unwrap();
    assert_eq!(b.propose(&next, None), Outcome::Refused(Refusal::NotPrimary(key_id())));
    let base = version(1, "a", 1);
    let stale = Command::ProposeRecord { record: Box::new(next), base, material: None };
    assert_eq!(a.run(stale), Outcome::Refused(Refusal::Superseded(key_id())));
}

#[test]
fn rule_2_members_must_be_data_regions_of_the_directory() {
    let mut a = TestRegion::with_key();
    for name in ["w", "elsewhere"] {
        let record = a.committed().replicate(region(name), *seed()).unwrap();
        assert_eq!(a.propose(&record, None), Outcome::Refused(Refusal::UnknownRegion(region(name))));
    }
}

#[test]
fn rule_2_a_primary_stages_only_what_it_holds() {
    let mut a = TestRegion::with_key();
    let record = staged(&a.committed(), 2);
    let refused = Outcome::Refused(Refusal::MaterialNotWanted { key: key_id(), material: material_id(2) });
    assert_eq!(a.propose(&record, None), refused);
    let other = Outcome::Refused(Refusal::MaterialNotWanted { key: key_id(), material: material_id(2) });
    assert_eq!(a.propose(&record, Some(new_material(3))), other);
    let plain = a.committed().set_automatic_rotation(None).unwrap();
    let not_staged = Outcome::Refused(Refusal::MaterialNotWanted { key: key_id(), material: material_id(3) });
    assert_eq!(a.propose(&plain, Some(new_material(3))), not_staged);
    assert_eq!(a.key().held.len(), 1);
}

#[test]
fn automatic_rotation_waits_for_its_date_in_region_time() {
    let mut a = TestRegion::with_key();
    let automatic = Automatic { period_days: 90, next_at: NOW.plus_millis(1) };
    a.change(&a.committed().set_automatic_rotation(Some(automatic)).unwrap(), None);
    let material = crate::MaterialInfo {
        rotation_type: Some(RotationType::Automatic),
        ..info(2, MaterialStatus::Staged)
    };
    let record = a.committed().stage(material, NOW).unwrap();
    assert_eq!(a.propose(&record, Some(new_material(2))), Outcome::Refused(Refusal::NotDue(key_id())));
    a.run(Command::Tick { now: NOW.plus_millis(1) });
    assert!(matches!(a.propose(&record, Some(new_material(2))), Outcome::RecordProposed { .. }));
}

#[test]
fn rule_3_accept_and_promise_work_for_keys_never_seen() {
    let record = TestRegion::with_key().committed();
    let (mut c, mut w) = (TestRegion::new("c"), TestRegion::new("w"));
    assert!(c.accepts(&record) && w.promises(epoch(9, "b")));
    assert!(!w.accepts(&record), "epoch 1 is below the promise");
    assert_eq!(c.register().committed, None);
}

#[test]
fn rule_3_repeats_are_answered_with_the_same_words() {
    let (mut c, record) = (TestRegion::new("c"), TestRegion::with_key().committed());
    assert!(c.accepts(&record) && c.accepts(&record));
    assert!(c.promises(epoch(2, "b")) && c.promises(epoch(2, "b")));
    assert!(!c.accepts(&record), "overtaken: it cannot tell whether it accepted it or read it (rule 12)");
    assert!(!c.promises(epoch(2, "a")), "a lower candidate of the same counter");
}

#[test]
fn rule_3_a_promise_tells_what_was_accepted() {
    let (mut c, record) = (TestRegion::new("c"), TestRegion::with_key().committed());
    c.accepts(&record);
    let Outcome::Promised(answers) =
        c.run(Command::PromiseEpochs { epochs: vec![(key_id(), epoch(2, "b"))] })
    else {
        panic!()
    };
    assert_eq!(answers[0].accepted.as_deref(), Some(&record));
    assert_eq!(answers[0].highest, Some(epoch(2, "b")));
}

#[test]
fn witnesses_and_strangers_are_no_candidates() {
    let mut c = TestRegion::new("c");
    assert!(!c.promises(epoch(2, "w")) && !c.promises(epoch(2, "x")));
    let record = TestRegion::with_key().committed();
    let forged = ControlRecord { version: version(5, "b", 1), ..record };
    assert!(!c.accepts(&forged), "an epoch belongs to the primary it names");
}

#[test]
fn c2_an_epoch_is_used_for_one_record_per_number() {
    let (_, mut b) = replicated();
    assert!(b.promises(epoch(2, "b")));
    let record = b.committed().promote(epoch(2, "b")).unwrap();
    let promote = Command::ProposePromotion { record: Box::new(record) };
    assert!(matches!(b.run(promote.clone()), Outcome::RecordProposed { .. }));
    assert_eq!(b.run(promote), Outcome::Refused(Refusal::Superseded(key_id())));
}

#[test]
fn c6_lower_epoch_changes_nothing() {
    let (mut a, mut b) = replicated();
    let mut c = TestRegion::new("c");
    for voter in [&mut a, &mut b, &mut c] {
        assert!(voter.promises(epoch(2, "b")));
    }
    let next = a.committed().set_automatic_rotation(None).unwrap();
    assert_eq!(a.propose(&next, None), Outcome::Refused(Refusal::Superseded(key_id())));
    assert!(!c.accepts(&next));
    let promoted = b.committed().promote(epoch(2, "b")).unwrap();
    assert!(c.accepts(&promoted));
    c.commit(&promoted);
    c.commit(&next);
    assert_eq!(c.committed(), promoted);
}

#[test]
fn rule_7_promotion_needs_exactly_the_epoch_promised_here() {
    let (_, mut b) = replicated();
    let record = b.committed().promote(epoch(2, "b")).unwrap();
    let promote = Command::ProposePromotion { record: Box::new(record.clone()) };
    assert_eq!(b.run(promote.clone()), Outcome::Refused(Refusal::Superseded(key_id())));
    b.promises(epoch(3, "c"));
    assert_eq!(b.run(promote), Outcome::Refused(Refusal::Superseded(key_id())));
    let other = Command::ProposePromotion { record: Box::new(b.committed().promote(epoch(4, "b")).unwrap()) };
    b.promises(epoch(4, "b"));
    assert!(matches!(b.run(other), Outcome::RecordProposed { .. }));
}

#[test]
fn rule_7_a_key_pending_deletion_is_not_promoted() {
    let (_, mut b) = replicated();
    b.change_key(|k| {
        k.lifecycle = Lifecycle::PendingDeletion { delete_at: NOW.plus_days(7), window_days: 7 }
    });
    b.promises(epoch(2, "b"));
    let record = Box::new(b.committed().promote(epoch(2, "b")).unwrap());
    let outcome = b.run(Command::ProposePromotion { record });
    let state = KeyState::PendingDeletion;
    assert_eq!(outcome, Outcome::Refused(Refusal::WrongState { key: key_id(), state }));
}

#[test]
fn rule_5_a_joining_region_creates_its_replica_from_the_seed() {
    let (mut a, mut b) = (TestRegion::with_key(), TestRegion::new("b"));
    let joining = a.change(&a.committed().replicate(region("b"), *seed()).unwrap(), None);
    b.commit(&joining);
    let key = b.key();
    assert_eq!((key.description.as_str(), key.state(&region("b"))), ("replica", KeyState::Creating));
    assert!(key.held.is_empty() && key.lacks_active_material());
    b.run(install(1, 1, &joining));
    let active = a.change(&joining.admit(&region("b")).unwrap(), None);
    b.commit(&active);
    assert_eq!(b.key().state(&region("b")), KeyState::Enabled);
    assert!(!b.key().lacks_active_material());
}

#[test]
fn a_region_that_is_no_member_learns_the_record_and_creates_no_key() {
    let (a, _) = replicated();
    for name in ["c", "w"] {
        let mut other = TestRegion::new(name);
        other.commit(&a.committed());
        assert_eq!(other.committed(), a.committed());
        assert!(other.state.key(&key_id()).is_none());
    }
}

#[test]
fn c4_material_with_another_commitment_is_not_installed() {
    let (mut a, mut b) = replicated();
    let record = a.change(&staged(&a.committed(), 2), Some(new_material(2)));
    b.commit(&record);
    let refused = Outcome::Refused(Refusal::MaterialNotWanted { key: key_id(), material: material_id(2) });
    assert_eq!(b.run(install(2, 9, &record)), refused);
    assert_eq!(b.run(install(2, 2, &record)), Outcome::Applied);
    assert_eq!(b.run(install(2, 2, &record)), Outcome::Applied, "twice is once");
    assert_eq!(b.key().held.len(), 2);
}

#[test]
fn c4_material_with_another_public_key_is_not_installed() {
    let (mut a, mut b) = replicated();
    let record = a.change(&staged(&a.committed(), 2), Some(new_material(2)));
    b.commit(&record);
    let material = NewMaterial { public_key: Some(vec![1]), ..new_material(2) };
    let one = InstallMaterial { key: key_id(), material, version: record.version.clone() };
    let refused = Outcome::Refused(Refusal::MaterialNotWanted { key: key_id(), material: material_id(2) });
    assert_eq!(b.run(Command::InstallMaterials { materials: vec![one] }), refused);
}

#[test]
fn c8_no_material_is_installed_outside_membership_or_before_its_record() {
    let (a, _) = replicated();
    let mut c = TestRegion::new("c");
    let record = staged(&a.committed(), 2);
    let refused = Outcome::Refused(Refusal::MaterialNotWanted { key: key_id(), material: material_id(2) });
    assert_eq!(c.run(install(2, 2, &record)), refused);
    c.commit(&record);
    assert_eq!(c.run(install(2, 2, &record)), refused);
}

#[test]
fn c8_shared_updates_leave_independent_properties_alone() {
    let (mut a, mut b) = replicated();
    b.change_key(|k| {
        k.policy = "own".into();
        k.lifecycle = Lifecycle::PendingDeletion { delete_at: NOW.plus_days(7), window_days: 7 };
    });
    let (before, revision) = (b.key(), b.key().revision);
    b.commit(&a.change(&staged(&a.committed(), 2), Some(new_material(2))));
    assert_eq!((b.key().policy, b.key().lifecycle), (before.policy, before.lifecycle));
    assert_eq!(b.key().revision, revision + 1);
}

#[test]
fn rule_6_an_evicted_region_keeps_the_key_without_openable_material() {
    let (mut a, mut b) = replicated();
    let record = a.change(&a.committed().remove(&region("b")).unwrap(), None);
    b.commit(&record);
    assert_eq!(b.key().state(&region("b")), KeyState::Unavailable);
    assert!(b.key().held.is_empty(), "C8");
}

#[test]
fn rule_10_staged_material_that_was_never_committed_is_dropped() {
    let (mut a, mut b) = replicated();
    a.propose(&staged(&a.committed(), 2), Some(new_material(2)));
    assert_eq!(a.key().held.len(), 2);
    b.promises(epoch(2, "b"));
    let promoted = b.committed().promote(epoch(2, "b")).unwrap();
    a.commit(&promoted);
    assert_eq!(a.key().held.keys().collect::<Vec<_>>(), [&material_id(1)]);
    assert!(!a.register().has_outstanding());
}

#[test]
fn rule_10_aborted_material_is_dropped() {
    let (mut a, mut b) = replicated();
    let record = a.change(&staged(&a.committed(), 2), Some(new_material(2)));
    b.commit(&record);
    b.run(install(2, 2, &record));
    b.commit(&a.change(&record.abort(&material_id(2)).unwrap(), None));
    assert_eq!(b.key().held.len(), 1);
    assert_eq!(a.committed().rotation.on_demand_count, 0);
}

#[test]
fn rule_10_material_that_an_outstanding_record_wants_is_kept() {
    let (mut a, mut b) = replicated();
    let record = a.change(&staged(&a.committed(), 2), Some(new_material(2)));
    b.commit(&record);
    b.run(install(2, 2, &record));
    assert!(b.accepts(&record.promote(epoch(3, "a")).unwrap()));
    b.commit(&record.abort(&material_id(2)).unwrap());
    assert!(b.key().held.contains_key(&material_id(2)), "the accepted record may yet be the one that counts");
}

#[test]
fn rule_9_material_active_in_a_displaced_record_is_remembered_on_both_sides() {
    let (mut a, mut b) = replicated();
    let old = a.change(&staged(&a.committed(), 2), Some(new_material(2)));
    let old = a.change(&old.activate(&material_id(2), NOW).unwrap(), None);
    let won = b.committed().promote_unsafely(epoch(2, "b")).unwrap();
    assert_eq!(won.unsafe_promotions, 1);
    b.commit(&won);
    b.commit(&old);
    assert_eq!((b.committed(), b.register().displaced.len()), (won.clone(), 1));
    a.commit(&won);
    assert!(a.key().held.contains_key(&material_id(2)), "it opens what was sealed here meanwhile");
    let united = won.adopt_materials(&a.register().displaced).unwrap();
    assert_eq!(united.current, Some(material_id(1)));
    for side in [&mut a, &mut b] {
        side.commit(&united);
        assert!(side.register().displaced.is_empty());
        assert_eq!(side.key().material(&material_id(2)).unwrap().status, MaterialStatus::Active);
    }
    assert!(b.key().lacks_active_material(), "until it is installed: C9");
}

#[test]
fn rule_9_an_abort_decided_without_a_majority_yields_to_an_activation() {
    let (mut a, _) = replicated();
    let old = a.change(&staged(&a.committed(), 2), Some(new_material(2)));
    let aborted = old.promote_unsafely(epoch(2, "b")).unwrap().abort(&material_id(2)).unwrap();
    let active = old.activate(&material_id(2), NOW).unwrap();
    let united = aborted.adopt_materials(&active.materials).unwrap();
    assert_eq!(united.materials[1].status, MaterialStatus::Active);
    let foreign = crate::MaterialInfo {
        commitment: kms_crypto::Commitment([9; 32]),
        ..info(2, MaterialStatus::Active)
    };
    assert_eq!(aborted.adopt_materials(&[foreign]).unwrap().materials, aborted.materials, "C4");
}

/// A record that differs in nothing but order would be proposed again and again.
#[test]
fn rule_9_without_anything_to_adopt_nothing_changes() {
    let (a, _) = replicated();
    let mut record = a.committed();
    // Made in the same millisecond, so that only their ids could order them.
    record.materials.insert(0, info(9, MaterialStatus::Active));
    for others in [Vec::new(), record.materials.clone()] {
        let next = record.adopt_materials(&others).unwrap();
        assert_eq!((next.materials, next.rotation), (record.materials.clone(), record.rotation.clone()));
    }
}

#[test]
fn d2_the_tombstone_waits_until_the_primary_is_alone_and_due() {
    let (mut a, mut b) = replicated();
    let delete_at = NOW.plus_days(7);
    let deletion = Deletion { delete_at, window_days: 7 };
    a.change_key(|k| k.lifecycle = Lifecycle::PendingReplicaDeletion { window_days: 7 });
    assert!(a.committed().destroy(deletion).is_err());
    b.commit(&a.change(&a.committed().remove(&region("b")).unwrap(), None));
    assert_eq!(a.key().lifecycle, Lifecycle::PendingDeletion { delete_at, window_days: 7 });
    let tombstone = a.committed().destroy(deletion).unwrap();
    assert_eq!(a.propose(&tombstone, None), Outcome::Refused(Refusal::NotDue(key_id())));
    a.run(Command::Tick { now: delete_at });
    let early = a.committed().destroy(Deletion { delete_at: NOW, window_days: 7 }).unwrap();
    assert_eq!(a.propose(&early, None), Outcome::Refused(Refusal::NotDue(key_id())));
    a.change(&tombstone, None);
    assert!(a.state.key(&key_id()).is_none());
}

#[test]
fn d1_a_voter_agrees_to_a_tombstone_only_in_its_own_region_time() {
    let delete_at = NOW.plus_days(7);
    let tombstone =
        TestRegion::with_key().committed().destroy(Deletion { delete_at, window_days: 7 }).unwrap();
    let mut c = TestRegion::new("c");
    assert!(!c.accepts(&tombstone));
    c.run(Command::Tick { now: delete_at });
    assert!(c.accepts(&tombstone));
    let undated = ControlRecord { deletion: None, version: tombstone.version.next(), ..tombstone };
    assert!(!c.accepts(&undated));
}

#[test]
fn d1_nobody_gives_up_what_a_region_of_the_deployment_holds() {
    let (mut a, mut b) = replicated();
    let (committed, nobody) = (a.committed(), crate::Directory::default());
    let given_up = committed.give_up(epoch(5, "c"), &nobody).unwrap();
    assert!(given_up.is_given_up() && given_up.materials == committed.materials);
    assert!(!a.accepts(&given_up) && !b.accepts(&given_up), "both hold it");
    let directory = a.state.directory().unwrap().clone();
    assert!(matches!(committed.give_up(epoch(5, "c"), &directory), Err(crate::RecordError::Held { .. })));
    // Its own primary does not give it up either: it holds it.
    a.run(Command::PromiseEpochs { epochs: vec![(key_id(), epoch(6, "a"))] });
    let own = committed.give_up(epoch(6, "a"), &nobody).unwrap();
    let refused = a.run(Command::ProposePromotion { record: Box::new(own) });
    assert!(matches!(refused, Outcome::Refused(_)), "{refused:?}");
}

#[test]
fn d3_a_tombstone_outranks_every_epoch_and_ends_the_register() {
    let (mut a, mut b) = replicated();
    let lone = ControlRecord { members: [(region("a"), Membership::Active)].into(), ..a.committed() };
    let tombstone = lone.destroy(Deletion { delete_at: NOW, window_days: 7 }).unwrap();
    let higher = b.committed().promote(epoch(8, "b")).unwrap();
    b.commit(&higher);
    b.commit(&tombstone);
    assert_eq!(b.committed().phase, Phase::Destroyed);
    b.commit(&higher.set_automatic_rotation(None).unwrap());
    assert_eq!(b.committed(), tombstone);
    assert!(!b.promises(epoch(9, "b")) && !b.accepts(&higher.promote(epoch(9, "b")).unwrap()));
    let record = Box::new(higher.promote(epoch(9, "b")).unwrap());
    assert!(matches!(b.run(Command::ProposePromotion { record }), Outcome::Refused(Refusal::Record(_))));
    a.commit(&tombstone);
    assert!(matches!(a.propose(&higher, None), Outcome::Refused(Refusal::Record(_))));
    assert_eq!(a.state.unsettled().count() + b.state.unsettled().count(), 0);
}

#[test]
fn failure_case_19_a_region_that_missed_the_deletion_shows_its_full_window() {
    let (a, mut b) = replicated();
    let lone = ControlRecord { members: [(region("a"), Membership::Active)].into(), ..a.committed() };
    let tombstone = lone.destroy(Deletion { delete_at: NOW, window_days: 9 }).unwrap();
    b.commit(&tombstone);
    let key = b.key();
    assert_eq!(key.lifecycle, Lifecycle::PendingDeletion { delete_at: NOW.plus_days(9), window_days: 9 });
    assert!(key.held.is_empty());
    assert_eq!(key.state(&region("b")), KeyState::PendingDeletion);
}

#[test]
fn failure_case_20_a_primary_with_replicas_waits_and_a_replicated_one_waits_again() {
    let (mut a, _) = replicated();
    a.change_key(|k| {
        k.lifecycle = Lifecycle::PendingDeletion { delete_at: NOW.plus_days(7), window_days: 7 }
    });
    a.change(&a.committed().set_automatic_rotation(None).unwrap(), None);
    assert_eq!(a.key().lifecycle, Lifecycle::PendingReplicaDeletion { window_days: 7 });
}

#[test]
fn single_region_ids_have_no_register() {
    let mut c = TestRegion::new("c");
    let record = TestRegion::with_key().committed();
    let key = kms_types::KeyId::from_parts(kms_types::KeyIdKind::SingleRegion, [1; 16]);
    let single = ControlRecord { key, ..record };
    assert!(!c.accepts(&single));
    c.commit(&single);
    assert_eq!(c.state.registers().count(), 0);
}

#[test]
fn an_answer_names_the_key_the_version_and_the_promise() {
    let (mut c, record) = (TestRegion::new("c"), TestRegion::with_key().committed());
    let outcome = c.run(Command::AcceptRecords { records: vec![record.clone()] });
    let promised = Some(epoch(1, "a"));
    let answer = AcceptAnswer { key: key_id(), version: record.version, accepted: true, promised };
    assert_eq!(outcome, Outcome::Accepted(vec![answer]));
}
