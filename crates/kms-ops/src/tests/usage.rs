use kms_state::{Command, LastUsage, UsedKey};
use kms_types::{KeyId, RequestId, Timestamp, UsageOperation};

use super::{
    fixture::{FOREIGN, Fixture, OWN, START},
    requests::{cancel, disable, put_policy, schedule},
};
use crate::{Denial, Error, Response, get_key_last_usage};

fn used(f: &mut Fixture, key: KeyId, at: Timestamp) -> LastUsage {
    let id = RequestId::from_random(u128::from(at.as_millis()).to_be_bytes());
    let last = LastUsage { at, operation: UsageOperation::Decrypt, request: id, event: id };
    f.run(Command::RecordUsage { keys: vec![UsedKey { key, last }], access_keys: Vec::new() });
    last
}

fn last_usage(f: &mut Fixture, key: &KeyId) -> get_key_last_usage::Response {
    match f.call(get_key_last_usage::Request { key_id: key.to_string() }) {
        Ok(Response::GetKeyLastUsage(response)) => response,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_newest_use_counts_whatever_order_nodes_report_in() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    let unused = last_usage(&mut f, &key);
    assert_eq!((unused.key_last_usage, unused.tracking_start_date), (None, START));
    let newest = used(&mut f, key, START.plus_millis(2_000));
    used(&mut f, key, START.plus_millis(1_000));
    assert_eq!(last_usage(&mut f, &key).key_last_usage, Some(newest));
}

#[test]
fn a_use_changes_no_revision_and_goes_with_the_key() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    let before = f.key(&key);
    used(&mut f, key, START);
    assert_eq!(f.key(&key), before, "authorizations under way stay valid");
    f.call(schedule(&key, Some(7))).unwrap();
    f.pass_days(7);
    f.run(Command::DestroyKey { key });
    assert!(f.state.last_usage(&key).is_none());
    used(&mut f, key, START.plus_days(8));
    assert!(f.state.last_usage(&key).is_none(), "a late report of a key that is gone");
}

#[test]
fn another_account_does_not_see_it() {
    let mut f = Fixture::new();
    let key = f.single();
    let request = get_key_last_usage::Request { key_id: key.arn.to_string() };
    let error = f.call_as(FOREIGN, request).unwrap_err();
    assert!(matches!(error, Error::AccessDenied { reason: Denial::NotVisible, .. }));
}

/// A policy that lets keys be disabled or deleted only after 30 days without use.
#[test]
fn a_policy_can_ask_for_days_without_use() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[
            {{"Effect":"Allow","Principal":{{"AWS":"{OWN}"}},"Action":"kms:*","Resource":"*"}},
            {{"Effect":"Deny","Principal":"*","Action":["kms:DisableKey","kms:ScheduleKeyDeletion"],"Resource":"*",
              "Condition":{{"NumericLessThan":{{"kms:TrailingDaysWithoutKeyUsage":"30"}}}}}}]}}"#
    );
    f.call(put_policy(&key, &policy)).unwrap();
    let denied = |result: Result<Response, Error>| matches!(result, Err(Error::AccessDenied { .. }));
    f.pass_days(29);
    assert!(denied(f.call(disable(&key))), "never used, created 29 days ago");
    f.pass_days(1);
    f.call(disable(&key)).unwrap();
    used(&mut f, key, START.plus_days(10));
    assert!(denied(f.call(schedule(&key, None))));
    f.pass_days(10);
    f.call(schedule(&key, None)).unwrap();
    f.call(cancel(&key)).unwrap();
}
