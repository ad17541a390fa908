use kms_state::{Command, Outcome};
use kms_types::{Epoch, KeyState, MultiRegionKeyType};

use super::{
    fixture::{Fixture, OWN, region},
    requests::{
        cancel, decrypt, describe, disable_rotation, enable_rotation, encrypt, replicate, rotate,
        rotation_status, schedule, update_primary,
    },
};
use crate::{Error, RespondError, Response, StateName, Step, due_proposals};

fn seal(f: &mut Fixture, key: &kms_types::KeyId) -> Vec<u8> {
    match f.call(encrypt(key, b"secret")) {
        Ok(Response::Encrypt(response)) => response.ciphertext_blob,
        other => panic!("{other:?}"),
    }
}

fn state(f: &mut Fixture, key: &kms_types::KeyId) -> KeyState {
    match f.call(describe(key)) {
        Ok(Response::DescribeKey(response)) => response.key_metadata.key_state,
        other => panic!("{other:?}"),
    }
}

/// A rotation through all its steps in both Regions.
fn rotate_everywhere(primary: &mut Fixture, replica: &mut Fixture, key: &kms_types::KeyId) {
    primary.call(rotate(key)).unwrap();
    finish_rotation(primary, replica, key);
}

fn finish_rotation(primary: &mut Fixture, replica: &mut Fixture, key: &kms_types::KeyId) {
    let staged = primary.committed(key);
    replica.learn(&staged);
    replica.install_from(primary, key);
    let material = staged.staged().unwrap().id;
    let active = staged.activate(&material, primary.state.region_time()).unwrap();
    primary.change(&active);
    replica.learn(&active);
}

#[test]
fn what_one_region_seals_every_region_opens() {
    let (mut primary, mut replica, key) = Fixture::replicated();
    let mut blobs = vec![seal(&mut primary, &key), seal(&mut replica, &key)];
    rotate_everywhere(&mut primary, &mut replica, &key);
    blobs.extend([seal(&mut primary, &key), seal(&mut replica, &key)]);
    for blob in &blobs {
        for f in [&mut primary, &mut replica] {
            let Ok(Response::Decrypt(response)) = f.call(decrypt(blob)) else { panic!() };
            assert_eq!(response.plaintext.bytes(), b"secret");
            assert_eq!(response.key_id.region, *f.state.region().unwrap());
        }
    }
}

#[test]
fn a_replica_is_creating_until_it_is_admitted() {
    let (mut primary, mut replica) = (Fixture::new(), Fixture::in_region("eu-west-1"));
    let key = primary.multi().key_id;
    let Ok(Response::ReplicateKey(response)) = primary.call(replicate(&key, "eu-west-1")) else { panic!() };
    let shown = response.replica_key_metadata;
    assert_eq!((shown.key_state, shown.enabled), (KeyState::Creating, false));
    assert_eq!(shown.arn.region, region("eu-west-1"));
    assert!(shown.current_key_material_id.is_none() && response.replica_tags.is_empty());
    let configuration = shown.multi_region_configuration.unwrap();
    assert_eq!(configuration.multi_region_key_type, MultiRegionKeyType::Replica);
    assert_eq!(configuration.replica_keys.len(), 1);
    assert_eq!(
        primary.call(replicate(&key, "eu-west-1")).unwrap_err(),
        Error::ReplicaExists { arn: primary.facts.resources[0].clone(), region: region("eu-west-1") }
    );
    replica.learn(&primary.committed(&key));
    assert_eq!(state(&mut replica, &key), KeyState::Creating);
    assert!(matches!(
        replica.call(encrypt(&key, b"x")),
        Err(Error::InvalidState { state: StateName::Is(KeyState::Creating), .. })
    ));
}

#[test]
fn replicas_go_only_to_data_regions_and_only_from_the_primary() {
    let (mut primary, mut replica, key) = Fixture::replicated();
    for name in ["ap-southeast-2", "us-east-1", "sa-east-1"] {
        let error = primary.call(replicate(&key, name)).unwrap_err();
        assert!(matches!(&error, Error::Validation(text) if text.contains("[eu-west-1]")), "{error}");
    }
    assert!(matches!(replica.call(replicate(&key, "us-east-1")), Err(Error::NotPrimary { .. })));
    let single = primary.single().key_id;
    assert!(matches!(primary.call(replicate(&single, "eu-west-1")), Err(Error::NotPrimary { .. })));
}

/// Rule 4 and C1: a staged material seals nothing, and opens what a Region that is further along sealed.
#[test]
fn nothing_is_sealed_under_a_staged_material() {
    let (mut primary, _, key) = Fixture::replicated();
    let before = primary.key(&key).current;
    primary.call(rotate(&key)).unwrap();
    let Ok(Response::Encrypt(_)) = primary.call(encrypt(&key, b"x")) else { panic!() };
    assert_eq!(primary.facts.key_material_id, before);
    let arn = primary.facts.resources[0].clone();
    assert_eq!(primary.call(rotate(&key)).unwrap_err(), Error::Conflict { arn });
    let Ok(Response::GetKeyRotationStatus(status)) = primary.call(rotation_status(&key)) else { panic!() };
    assert!(status.on_demand_rotation_start_date.is_some());
}

/// C9 and failure case 7: a Region that was cut off answers that the material is not here yet.
#[test]
fn c9_material_of_a_key_that_is_here_is_unavailable_and_not_invalid() {
    let (mut primary, mut replica, key) = Fixture::replicated();
    primary.call(rotate(&key)).unwrap();
    let staged = primary.committed(&key);
    let active = staged.activate(&staged.staged().unwrap().id, primary.state.region_time()).unwrap();
    primary.change(&active);
    let blob = seal(&mut primary, &key);
    assert!(matches!(replica.call(decrypt(&blob)), Err(Error::KeyUnavailable { .. })));
    assert!(matches!(
        replica.call(crate::decrypt::Request { key_id: Some(key.to_string()), ..decrypt(&blob) }),
        Err(Error::KeyUnavailable { .. })
    ));
}

#[test]
fn shared_properties_are_refused_on_a_replica() {
    let (mut primary, mut replica, key) = Fixture::replicated();
    primary.call(enable_rotation(&key, Some(90))).unwrap();
    replica.learn(&primary.committed(&key));
    let Ok(Response::GetKeyRotationStatus(status)) = replica.call(rotation_status(&key)) else { panic!() };
    assert_eq!(status.rotation_period_in_days, Some(90));
    for error in [
        replica.call(enable_rotation(&key, Some(90))).unwrap_err(),
        replica.call(enable_rotation(&key, Some(91))).unwrap_err(),
        replica.call(disable_rotation(&key)).unwrap_err(),
        replica.call(rotate(&key)).unwrap_err(),
        replica.call(update_primary(&key, "us-east-1")).unwrap_err(),
    ] {
        assert!(matches!(error, Error::NotPrimary { .. }), "{error}");
    }
    primary.call(disable_rotation(&key)).unwrap();
}

#[test]
fn automatic_rotation_of_a_multi_region_key_is_staged_by_its_primary_once() {
    let (mut primary, mut replica, key) = Fixture::replicated();
    primary.call(enable_rotation(&key, Some(90))).unwrap();
    replica.learn(&primary.committed(&key));
    for f in [&mut primary, &mut replica] {
        f.pass_days(90);
    }
    let (mut env, view) = replica.env();
    assert!(due_proposals(view, &mut env, 1).is_empty());
    let (mut env, view) = primary.env();
    let proposals = due_proposals(view, &mut env, 1);
    let Command::ProposeRecord { record, .. } = &proposals[0].command else { panic!() };
    assert!(matches!(primary.apply(&proposals[0]), Outcome::RecordProposed { .. }));
    let (mut env, view) = primary.env();
    assert!(due_proposals(view, &mut env, 1).is_empty(), "one outstanding record");
    primary.commit(record);
    let (mut env, view) = primary.env();
    assert!(due_proposals(view, &mut env, 1).is_empty(), "one staged material");
    finish_rotation(&mut primary, &mut replica, &key);
    let (mut env, view) = primary.env();
    assert!(due_proposals(view, &mut env, 1).is_empty());
    assert_eq!(primary.key(&key).materials.len(), 2);
}

#[test]
fn the_primary_moves_by_a_record_that_names_the_successor() {
    let (mut primary, mut replica, key) = Fixture::replicated();
    let arn = primary.key(&key).id;
    assert!(matches!(primary.call(update_primary(&arn, "us-east-1")), Err(Error::Unsupported(_))));
    assert!(matches!(primary.call(update_primary(&arn, "sa-east-1")), Err(Error::KeyNotFound { .. })));
    primary.call(update_primary(&key, "eu-west-1")).unwrap();
    assert_eq!(state(&mut primary, &key), KeyState::Updating);
    let updating = primary.committed(&key);
    replica.learn(&updating);
    seal(&mut primary, &key);
    for error in [
        primary.call(replicate(&key, "eu-west-1")).unwrap_err(),
        primary.call(schedule(&key, None)).unwrap_err(),
        primary.call(rotate(&key)).unwrap_err(),
        primary.call(enable_rotation(&key, None)).unwrap_err(),
    ] {
        let updating = matches!(error, Error::InvalidState { state: StateName::Is(KeyState::Updating), .. });
        assert!(updating, "{error}");
    }
    let epoch = Epoch { counter: 2, region: region("eu-west-1") };
    let promoted = updating.promote(epoch).unwrap();
    for f in [&mut primary, &mut replica] {
        f.learn(&promoted);
        assert_eq!(state(f, &key), KeyState::Enabled);
    }
    assert!(matches!(primary.call(rotate(&key)), Err(Error::NotPrimary { .. })));
    replica.call(rotate(&key)).unwrap();
}

/// B4: when the Regions do not agree in time, the caller is told that the outcome is unknown.
#[test]
fn a_change_that_is_not_committed_is_unknown_and_then_in_the_way() {
    let (mut primary, _, key) = Fixture::replicated();
    let Ok(Step::Propose(pending)) = primary.prepare_as(OWN, rotate(&key).into()) else { panic!() };
    let outcome = primary.apply(&pending.proposal);
    let error = pending.respond(&primary.state.clone(), outcome).unwrap_err();
    assert!(matches!(error, RespondError::Failed(Error::DependencyTimeout { version: Some(_), .. })));
    assert!(matches!(primary.call(rotate(&key)), Err(Error::DependencyTimeout { version: None, .. })));
    seal(&mut primary, &key);
}

/// A promotion may carry an outstanding change along, or lose it: the record of the higher epoch says which.
#[test]
fn a_promotion_in_between_decides_the_answer() {
    for carried in [true, false] {
        let (mut primary, _, key) = Fixture::replicated();
        let Ok(Step::Propose(pending)) = primary.prepare_as(OWN, rotate(&key).into()) else { panic!() };
        let Command::ProposeRecord { record, .. } = pending.proposal.command.clone() else { panic!() };
        let before = primary.committed(&key);
        let outcome = primary.apply(&pending.proposal);
        let epoch = Epoch { counter: 2, region: region("eu-west-1") };
        let adopted = if carried { record.promote(epoch) } else { before.promote(epoch) }.unwrap();
        primary.learn(&adopted);
        assert!(pending.wait.is_over(&primary.state));
        assert_eq!(pending.respond(&primary.state.clone(), outcome).is_ok(), carried);
    }
}

/// D2: a primary waits for its replicas, and its window starts when the last one is gone.
#[test]
fn a_primary_is_scheduled_after_its_replicas() {
    let (mut primary, mut replica, key) = Fixture::replicated();
    let Ok(Response::ScheduleKeyDeletion(answer)) = primary.call(schedule(&key, Some(7))) else { panic!() };
    assert_eq!((answer.key_state, answer.deletion_date), (KeyState::PendingReplicaDeletion, None));
    let Ok(Response::ScheduleKeyDeletion(answer)) = replica.call(schedule(&key, Some(7))) else { panic!() };
    assert_eq!(answer.key_state, KeyState::PendingDeletion);
    let destroy = |f: &mut Fixture| f.run(Command::DestroyKey { key });
    replica.pass_days(7);
    assert!(matches!(destroy(&mut replica), Outcome::Refused(_)), "still a member");
    assert!(matches!(
        replica.call(cancel(&key)),
        Err(Error::InvalidState { state: StateName::Is(KeyState::PendingDeletion), .. })
    ));
    let removed = primary.committed(&key).remove(&region("eu-west-1")).unwrap();
    primary.change(&removed);
    replica.learn(&removed);
    assert_eq!(destroy(&mut replica), Outcome::Applied);
    assert!(matches!(replica.call(describe(&key)), Err(Error::KeyNotFound { .. })));
    assert_eq!(state(&mut primary, &key), KeyState::PendingDeletion);
    primary.call(cancel(&key)).unwrap();
    assert_eq!(state(&mut primary, &key), KeyState::Disabled);
}
