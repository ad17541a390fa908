//! Section 3 over real keys: every operation on a key in every state that a key of this milestone can reach.

use kms_types::{KeyId, KeyState};

use super::{
    fixture::{Fixture, region},
    requests::*,
};
use crate::{
    Error, Request, Tag, generate_data_key_without_plaintext, get_key_policy, list_aliases,
    list_key_policies, list_resource_tags, tag_resource, untag_resource, update_key_description,
};

/// A key in this state, in a Region of its own, with a blob that it made before.
fn key_in(state: KeyState) -> (Fixture, KeyId, Vec<u8>) {
    let (mut primary, mut replica, key) = Fixture::replicated();
    let Ok(crate::Response::Encrypt(sealed)) = primary.call(encrypt(&key, b"x")) else { panic!() };
    match state {
        KeyState::Enabled => {}
        KeyState::Disabled => drop(primary.call(disable(&key)).unwrap()),
        KeyState::PendingReplicaDeletion => drop(primary.call(schedule(&key, None)).unwrap()),
        KeyState::PendingDeletion => {
            let removed = primary.committed(&key).remove(&region("eu-west-1")).unwrap();
            primary.change(&removed);
            primary.call(schedule(&key, None)).unwrap();
        }
        KeyState::Updating => drop(primary.call(update_primary(&key, "eu-west-1")).unwrap()),
        KeyState::Creating => {
            let (mut first, mut second) = (Fixture::new(), Fixture::in_region("eu-west-1"));
            let key = first.multi().key_id;
            let Ok(crate::Response::Encrypt(sealed)) = first.call(encrypt(&key, b"x")) else { panic!() };
            first.call(replicate(&key, "eu-west-1")).unwrap();
            second.learn(&first.committed(&key));
            return (second, key, sealed.ciphertext_blob);
        }
        KeyState::Unavailable => {
            let removed = primary.committed(&key).remove(&region("eu-west-1")).unwrap();
            replica.learn(&removed);
            return (replica, key, sealed.ciphertext_blob);
        }
        KeyState::PendingImport => unreachable!("no imported keys yet"),
    }
    (primary, key, sealed.ciphertext_blob)
}

fn requests(key: &KeyId, blob: &[u8]) -> Vec<Request> {
    let key_id = key.to_string();
    vec![
        describe(key).into(),
        enable(key).into(),
        disable(key).into(),
        update_key_description::Request { key_id: key_id.clone(), description: "d".into() }.into(),
        schedule(key, None).into(),
        cancel(key).into(),
        encrypt(key, b"x").into(),
        decrypt(blob).into(),
        re_encrypt(blob, key).into(),
        generate_data_key(key).into(),
        generate_data_key_without_plaintext::Request {
            key_id: key_id.clone(),
            encryption_context: context(&[]),
            number_of_bytes: Some(8),
            key_spec: None,
            grant_tokens: Vec::new(),
            dry_run: false,
        }
        .into(),
        create_alias("alias/new", key).into(),
        update_alias("alias/old", key).into(),
        delete_alias("alias/old").into(),
        list_aliases::Request { key_id: Some(key_id.clone()), limit: None, marker: None }.into(),
        tag_resource::Request {
            key_id: key_id.clone(),
            tags: vec![Tag { tag_key: "k".into(), tag_value: "v".into() }],
        }
        .into(),
        untag_resource::Request { key_id: key_id.clone(), tag_keys: vec!["k".into()] }.into(),
        list_resource_tags::Request { key_id: key_id.clone(), limit: None, marker: None }.into(),
        get_key_policy::Request { key_id: key_id.clone(), policy_name: None }.into(),
        put_policy(
            key,
            r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}}"#,
        )
        .into(),
        list_key_policies::Request { key_id, limit: None, marker: None }.into(),
        enable_rotation(key, None).into(),
        disable_rotation(key).into(),
        rotation_status(key).into(),
        rotate(key).into(),
        list_rotations(key).into(),
        replicate(key, "eu-west-1").into(),
        update_primary(key, "eu-west-1").into(),
    ]
}

fn cell(result: Result<crate::Response, Error>) -> String {
    match result {
        Ok(_) => "ok".into(),
        Err(Error::Disabled { .. }) => "Disabled".into(),
        Err(Error::InvalidState { state, .. }) => format!("is {state}"),
        Err(Error::NotPrimary { .. }) => "NotPrimary".into(),
        Err(Error::ReplicaExists { .. }) => "ReplicaExists".into(),
        Err(Error::Unsupported(_)) => "Unsupported".into(),
        Err(other) => format!("{other}"),
    }
}

#[test]
fn every_operation_on_a_real_key_in_every_state() {
    use KeyState::*;
    let states =
        [Enabled, Disabled, PendingDeletion, PendingReplicaDeletion, Unavailable, Creating, Updating];
    let count = requests(&key_in(Enabled).1, b"").len();
    let mut table = String::new();
    for n in 0..count {
        for state in states {
            let (mut f, key, blob) = key_in(state);
            assert_eq!(f.key(&key).state(f.state.region().unwrap()), state);
            // The old target of UpdateAlias and DeleteAlias is another key for one, this key for the other.
            let other = f.single().key_id;
            f.call(create_alias("alias/old", &other)).unwrap();
            let request = requests(&key, &blob).remove(n);
            if state == states[0] {
                table += &format!("\n{:<33}", request.operation().name());
            }
            table += &format!("{:<29}", cell(f.call(request)));
        }
        table.truncate(table.trim_end().len());
    }
    let header: String = states.iter().map(|s| format!("{:<29}", s.as_str())).collect();
    insta::assert_snapshot!(format!("{:<33}{}{table}", "", header.trim_end()));
}
