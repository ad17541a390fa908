use kms_state::Command;
use kms_types::{KeyOrigin, KeySpec, KeyState, KeyUsage, MultiRegionKeyType};

use super::{
    fixture::{FOREIGN, Fixture, OWN, START},
    requests::{cancel, create_alias, create_key, describe, disable, enable, schedule},
};
use crate::{Error, Quota, Response, StateName, create_key, list_keys, update_key_description};

fn described(fixture: &mut Fixture, key: &kms_types::KeyId) -> crate::KeyMetadata {
    match fixture.call(describe(key)) {
        Ok(Response::DescribeKey(response)) => response.key_metadata,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_new_key_shows_its_defaults() {
    let mut f = Fixture::new();
    let single = f.single();
    assert_eq!(single.aws_account_id.to_string(), OWN);
    assert_eq!((single.key_state, single.enabled, single.creation_date), (KeyState::Enabled, true, START));
    assert_eq!((single.key_spec, single.key_usage), (KeySpec::SymmetricDefault, KeyUsage::EncryptDecrypt));
    assert!(!single.multi_region && single.multi_region_configuration.is_none());
    let multi = f.multi();
    let configuration = multi.multi_region_configuration.clone().unwrap();
    assert_eq!(configuration.multi_region_key_type, MultiRegionKeyType::Primary);
    assert_eq!(configuration.primary_key.arn, multi.arn);
    assert!(configuration.replica_keys.is_empty() && multi.key_id.to_string().starts_with("mrk-"));
    assert_eq!(described(&mut f, &multi.key_id), multi);
    assert_eq!(described(&mut f, &single.key_id), single);
}

/// What cannot be made is refused in AWS's order: usage first, then what is unsupported.
#[test]
fn create_key_refuses_what_it_cannot_make() {
    let mut f = Fixture::new();
    let with = |spec, usage| create_key::Request { key_spec: Some(spec), key_usage: usage, ..create_key() };
    let cases = [
        with(KeySpec::Rsa2048, None),
        with(KeySpec::Rsa2048, Some(KeyUsage::KeyAgreement)),
        with(KeySpec::Sm2, Some(KeyUsage::SignVerify)),
        with(KeySpec::SymmetricDefault, Some(KeyUsage::SignVerify)),
        create_key::Request { origin: Some(KeyOrigin::AwsCloudHsm), ..create_key() },
        create_key::Request { custom_key_store_id: Some("cks-1".into()), ..create_key() },
        create_key::Request { xks_key_id: Some("k".into()), ..create_key() },
        create_key::Request {
            customer_master_key_spec: Some(KeySpec::SymmetricDefault),
            ..with(KeySpec::SymmetricDefault, None)
        },
    ];
    let errors: Vec<String> = cases.into_iter().map(|c| format!("{:?}", f.call(c).unwrap_err())).collect();
    insta::assert_snapshot!(errors.join("\n"));
    assert_eq!(f.state.keys().count(), 1, "the identity key alone");
}

#[test]
fn list_keys_pages_through_own_keys_only() {
    let mut f = Fixture::new();
    let mut own: Vec<_> = (0..5).map(|n| if n % 2 == 0 { f.single().arn } else { f.multi().arn }).collect();
    own.sort_by_key(|arn| arn.key);
    f.call_as(FOREIGN, create_key()).unwrap();
    let (mut marker, mut listed) = (None, Vec::new());
    loop {
        let request = list_keys::Request { limit: Some(2), marker, resource_owners: Vec::new() };
        let Ok(Response::ListKeys(page)) = f.call(request) else { panic!() };
        assert_eq!(page.truncated, page.next_marker.is_some());
        listed.extend(page.keys);
        marker = page.next_marker;
        if marker.is_none() {
            break;
        }
    }
    assert_eq!(listed, own);
    let shared = vec![kms_types::ResourceOwner::OtherAccountsViaRam];
    let request = list_keys::Request { limit: None, marker: None, resource_owners: shared };
    let Ok(Response::ListKeys(page)) = f.call(request) else { panic!() };
    assert!(page.keys.is_empty() && !page.truncated);
    let foreign = list_keys::Request { limit: None, marker: Some("x".into()), resource_owners: Vec::new() };
    assert_eq!(f.call(foreign).unwrap_err(), Error::InvalidMarker);
}

#[test]
fn enable_disable_and_describe() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    for (request, state) in [(true, KeyState::Disabled), (false, KeyState::Enabled)] {
        let response = if request { f.call(disable(&key)) } else { f.call(enable(&key)) };
        response.unwrap();
        assert_eq!(described(&mut f, &key).key_state, state);
    }
    let text = |description: &str| update_key_description::Request {
        key_id: key.to_string(),
        description: description.into(),
    };
    f.call(text("payroll")).unwrap();
    assert_eq!(described(&mut f, &key).description, "payroll");
    f.call(text("")).unwrap();
    assert_eq!(described(&mut f, &key).description, "");
}

/// D1 and D5 for a single-Region key, and D3: the id of a destroyed key stays taken.
#[test]
fn deletion_takes_its_whole_window_and_can_be_cancelled() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    f.call(create_alias("alias/doomed", &key)).unwrap();
    for days in [0, 6, 31] {
        assert!(matches!(f.call(schedule(&key, Some(days))), Err(Error::Validation(_))));
    }
    assert!(matches!(
        f.call(cancel(&key)),
        Err(Error::InvalidState { state: StateName::NotPendingDeletion, .. })
    ));
    f.call(schedule(&key, Some(7))).unwrap();
    f.call(cancel(&key)).unwrap();
    assert_eq!(described(&mut f, &key).key_state, KeyState::Disabled);
    let Ok(Response::ScheduleKeyDeletion(scheduled)) = f.call(schedule(&key, Some(7))) else { panic!() };
    assert_eq!(scheduled.deletion_date, Some(START.plus_days(7)));
    assert_eq!((scheduled.key_state, scheduled.pending_window_in_days), (KeyState::PendingDeletion, 7));
    assert_eq!(described(&mut f, &key).deletion_date, Some(START.plus_days(7)));
    f.pass_days(6);
    due(&mut f, 0);
    f.pass_days(1);
    due(&mut f, 1);
    assert!(matches!(f.call(describe(&key)), Err(Error::KeyNotFound { .. })));
    assert_eq!(f.state.aliases_of(OWN.parse().unwrap()).count(), 0);
    due(&mut f, 0);
}

/// Applies what falls due.
fn due(f: &mut Fixture, count: usize) {
    let (mut env, view) = f.env();
    let proposals = crate::due_proposals(view, &mut env, 1);
    assert_eq!(proposals.len(), count);
    for proposal in &proposals {
        assert_eq!(f.apply(proposal), kms_state::Outcome::Applied);
    }
}

#[test]
fn a_destroyed_id_is_never_used_again() {
    let mut f = Fixture::new();
    let crate::Step::Propose(pending) = f.prepare_as(OWN, create_key().into()).ok().unwrap() else {
        panic!()
    };
    let Command::CreateKey(command) = pending.proposal.command.clone() else { panic!() };
    f.apply(&pending.proposal);
    f.call(schedule(&command.key, Some(7))).unwrap();
    f.pass_days(7);
    due(&mut f, 1);
    let again = f.run(Command::CreateKey(command.clone()));
    assert_eq!(again, kms_state::Outcome::Refused(kms_state::Refusal::KeyIdTaken(command.key)));
}

/// B2: a decision made on an older state is made again.
#[test]
fn a_key_that_changed_meanwhile_is_decided_anew() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    let crate::Step::Propose(pending) = f.prepare_as(OWN, disable(&key).into()).ok().unwrap() else {
        panic!()
    };
    f.call(schedule(&key, None)).unwrap();
    let outcome = f.apply(&pending.proposal);
    let retry = pending.respond(&f.state.clone(), outcome).unwrap_err();
    assert_eq!(retry, crate::RespondError::Retry(kms_state::Refusal::Stale(key)));
    assert!(matches!(f.call(disable(&key)), Err(Error::InvalidState { .. })));
}

#[test]
fn the_key_quota_is_reported_with_its_numbers() {
    let mut f = Fixture::new();
    let crate::Step::Propose(pending) = f.prepare_as(OWN, create_key().into()).ok().unwrap() else {
        panic!()
    };
    let refusal = kms_state::Refusal::KeyLimit { used: 100_000, limit: 100_000 };
    let error = pending.respond(&f.state, kms_state::Outcome::Refused(refusal)).unwrap_err();
    let quota = Quota::Keys { used: 100_000, limit: 100_000 };
    assert_eq!(error, crate::RespondError::Failed(Error::LimitExceeded(quota)));
}

#[test]
fn the_audit_record_shows_what_a_write_answered() {
    let mut f = Fixture::new();
    let response = f.call(create_key::Request { multi_region: true, ..create_key() }).unwrap();
    insta::assert_json_snapshot!(f.facts.response_elements(&response));
    let key = f.facts.resources[0].key;
    let response = f.call(disable(&key)).unwrap();
    let elements = f.facts.response_elements(&response).unwrap();
    assert_eq!(elements, serde_json::json!({ "keyId": f.facts.resources[0] }));
    let response = f.call(describe(&key)).unwrap();
    assert_eq!(f.facts.response_elements(&response), None);
}
