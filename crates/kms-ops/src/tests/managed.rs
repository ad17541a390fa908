use kms_types::{CustomerKeyManager, KeyState};

use super::{
    fixture::{FOREIGN, Fixture, OWN, START},
    requests::{
        cancel, create_alias, create_key, decrypt, describe, disable, disable_rotation, enable,
        enable_rotation, encrypt, put_policy, replicate, rotate, rotation_status, schedule, update_alias,
    },
};
use crate::{
    AliasEntry, AliasRule, Error, KeyMetadata, Request, Response, Tag, create_key, due_proposals,
    list_aliases, list_keys, list_resource_tags, tag_resource, untag_resource, update_key_description,
    update_primary_region,
};

const ALIAS: &str = "alias/aws/s3";

fn with_s3() -> Fixture {
    let mut f = Fixture::new();
    f.settings.managed_services = ["dynamodb", "s3"].map(String::from).into();
    f
}

fn described(f: &mut Fixture, account: &str, name: &str) -> Result<KeyMetadata, Error> {
    match f.call_as(account, describe(&name)) {
        Ok(Response::DescribeKey(response)) => Ok(response.key_metadata),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    }
}

fn aliases(f: &mut Fixture, key_id: Option<String>) -> Vec<AliasEntry> {
    match f.call(list_aliases::Request { key_id, limit: None, marker: None }) {
        Ok(Response::ListAliases(response)) => response.aliases,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_look_makes_the_key_and_later_ones_find_it() {
    let mut f = with_s3();
    let key = described(&mut f, OWN, ALIAS).unwrap();
    assert_eq!((key.key_manager, key.key_state), (CustomerKeyManager::Aws, KeyState::Enabled));
    assert!(!key.multi_region);
    assert_eq!(described(&mut f, OWN, ALIAS).unwrap().key_id, key.key_id);
    let arn = format!("arn:aws:kms:us-east-1:{OWN}:{ALIAS}");
    assert_eq!(described(&mut f, OWN, &arn).unwrap().key_id, key.key_id);
    assert_ne!(described(&mut f, FOREIGN, ALIAS).unwrap().key_id, key.key_id, "one per account");
}

#[test]
fn only_configured_services_have_keys() {
    let mut f = with_s3();
    for name in ["alias/aws/ec2", "alias/aws/", "alias/s3"] {
        assert!(matches!(described(&mut f, OWN, name), Err(Error::AliasNotFound { .. })), "{name}");
    }
    let mut none = Fixture::new();
    assert!(matches!(described(&mut none, OWN, ALIAS), Err(Error::AliasNotFound { .. })));
    let foreign = format!("arn:aws:kms:us-east-1:{OWN}:{ALIAS}");
    assert!(matches!(described(&mut f, FOREIGN, &foreign), Err(Error::AccessDenied { .. })));
    assert_eq!(f.state.keys().count(), 1, "a foreign account makes no key beside the identity key");
}

#[test]
fn lists_show_predefined_aliases_with_and_without_a_key() {
    let mut f = with_s3();
    let own = f.single().key_id;
    f.call(create_alias("alias/b", &own)).unwrap();
    let key = described(&mut f, OWN, ALIAS).unwrap();
    let shown = aliases(&mut f, None);
    let names: Vec<&str> = shown.iter().map(|a| a.alias_name.as_str()).collect();
    assert_eq!(names, ["alias/aws/dynamodb", ALIAS, "alias/b"]);
    assert!(shown[0].target_key_id.is_none() && shown[0].creation_date.is_none());
    assert_eq!(shown[1].target_key_id, Some(key.key_id));
    assert_eq!(aliases(&mut f, Some(key.key_id.to_string())).len(), 1);
    let list = list_keys::Request { limit: None, marker: None, resource_owners: Vec::new() };
    let Ok(Response::ListKeys(keys)) = f.call(list) else { panic!() };
    assert!(keys.keys.iter().any(|arn| arn.key == key.key_id));
}

#[test]
fn the_account_looks_at_the_key_and_changes_nothing() {
    let mut f = with_s3();
    let key = described(&mut f, OWN, ALIAS).unwrap();
    let (id, customers) = (key.key_id, f.single());
    f.call(create_alias("alias/mine", &customers.key_id)).unwrap();
    f.call(rotation_status(&id)).unwrap();
    f.call(list_resource_tags::Request { key_id: id.to_string(), limit: None, marker: None }).unwrap();
    let tags = vec![Tag { tag_key: "a".into(), tag_value: "1".into() }];
    let forbidden: Vec<Request> = vec![
        encrypt(&id, b"x").into(),
        disable(&id).into(),
        enable(&id).into(),
        schedule(&id, None).into(),
        cancel(&id).into(),
        put_policy(&id, "{}").into(),
        enable_rotation(&id, None).into(),
        disable_rotation(&id).into(),
        rotate(&id).into(),
        replicate(&id, "eu-west-1").into(),
        update_primary_region::Request {
            key_id: id.to_string(),
            primary_region: "eu-west-1".parse().unwrap(),
        }
        .into(),
        tag_resource::Request { key_id: id.to_string(), tags }.into(),
        untag_resource::Request { key_id: id.to_string(), tag_keys: vec!["a".into()] }.into(),
        update_key_description::Request { key_id: id.to_string(), description: "d".into() }.into(),
        create_alias("alias/other", &id).into(),
        update_alias("alias/mine", &id).into(),
    ];
    let before = f.state.key(&id).cloned();
    for request in forbidden {
        let operation = request.operation();
        assert!(matches!(f.call(request), Err(Error::AccessDenied { .. })), "{operation}");
    }
    assert_eq!(f.state.key(&id).cloned(), before);
    let reserved = Error::InvalidAliasName { name: ALIAS.into(), rule: AliasRule::Reserved };
    assert_eq!(f.call(update_alias(ALIAS, &customers.key_id)).unwrap_err(), reserved);
    assert!(matches!(f.call(decrypt(b"no blob")), Err(Error::InvalidCiphertext)));
}

#[test]
fn the_key_rotates_every_year() {
    let mut f = with_s3();
    let id = described(&mut f, OWN, ALIAS).unwrap().key_id;
    let first = f.key(&id).current;
    f.pass_days(364);
    let due = |f: &mut Fixture| {
        let (mut env, view) = f.env();
        due_proposals(view, &mut env, 1)
    };
    assert!(due(&mut f).is_empty());
    f.pass_days(1);
    for proposal in due(&mut f) {
        f.apply(&proposal);
    }
    let key = f.key(&id);
    assert_ne!(key.current, first);
    assert_eq!(key.rotation.automatic.unwrap().next_at, START.plus_days(730));
}

#[test]
fn managed_keys_do_not_count_in_the_quota() {
    let mut f = with_s3();
    f.settings.quotas.keys_per_account = 1;
    described(&mut f, OWN, ALIAS).unwrap();
    f.single();
    assert!(matches!(f.call(create_key::Request { ..create_key() }), Err(Error::LimitExceeded(_))));
    described(&mut f, OWN, "alias/aws/dynamodb").unwrap();
}

/// The key is made and used by the service that acts for the account, and by nobody else.
#[test]
fn a_service_makes_and_uses_the_key_of_its_customer() {
    let mut f = with_s3();
    let acting = |service: &str, name: &str| {
        kms_types::Principal::Service(kms_types::ServicePrincipal {
            name: format!("{service}.amazonaws.com"),
            account: "210987654321".parse().unwrap(),
            on_behalf_of: Some(kms_types::OnBehalfOf {
                account: Some(OWN.parse().unwrap()),
                source_arn: None,
                via_service: Some(format!("{name}.us-east-1.amazonaws.com")),
            }),
        })
    };
    f.call_by(acting("s3", "s3"), encrypt(&ALIAS, b"x")).unwrap();
    let key = described(&mut f, OWN, ALIAS).unwrap();
    assert_eq!(key.key_manager, CustomerKeyManager::Aws);
    assert!(matches!(
        f.call_by(acting("ec2", "ec2"), encrypt(&ALIAS, b"x")),
        Err(Error::AccessDenied { .. })
    ));
}
