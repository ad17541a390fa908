//! Callers that are not roots: which policies are asked about which resource, and what a refusal says.

use kms_types::{Principal, UserPrincipal};

use super::{
    fixture::{Fixture, OWN, account_id},
    requests::{create_alias, create_key, describe, encrypt, put_policy},
};
use crate::{
    Denial, Error, PolicySource, Request, Step, Tag, create_key as create, generate_random, list_aliases,
    list_keys,
};

fn ann() -> Principal {
    Principal::User(UserPrincipal {
        account: account_id(OWN),
        path: "/".into(),
        name: "ann".into(),
        id: "AIDAANN".into(),
    })
}

fn refusal(f: &mut Fixture, request: impl Into<Request>) -> (&'static str, Option<String>, Denial) {
    match f.prepare_by(ann(), request.into()) {
        Err(Error::AccessDenied { action, resource, reason, caller }) => {
            assert_eq!(caller, format!("arn:aws:iam::{OWN}:user/ann"));
            (action, resource, reason)
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("allowed"),
    }
}

const NO_IDENTITY_POLICY: Denial = Denial::Implicit(PolicySource::Identity);

#[test]
fn actions_without_a_key_need_an_identity_policy() {
    let mut f = Fixture::new();
    let keys = list_keys::Request { limit: None, marker: None, resource_owners: Vec::new() };
    assert_eq!(refusal(&mut f, keys), ("kms:ListKeys", None, NO_IDENTITY_POLICY));
    let aliases = list_aliases::Request { key_id: None, limit: None, marker: None };
    assert_eq!(refusal(&mut f, aliases), ("kms:ListAliases", None, NO_IDENTITY_POLICY));
    let random =
        generate_random::Request { number_of_bytes: Some(8), custom_key_store_id: None, recipient: None };
    assert_eq!(refusal(&mut f, random), ("kms:GenerateRandom", None, NO_IDENTITY_POLICY));
    let tags = vec![Tag { tag_key: "a".into(), tag_value: "b".into() }];
    let create = create::Request { tags, ..create_key() };
    assert_eq!(refusal(&mut f, create), ("kms:CreateKey", None, NO_IDENTITY_POLICY));
}

#[test]
fn an_alias_is_a_resource_that_no_key_policy_speaks_about() {
    let mut f = Fixture::new();
    let key = f.single();
    let open = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"},
        {"Effect":"Deny","Principal":"*","Action":"kms:DescribeKey","Resource":"*"}]}"#;
    f.call(put_policy(&key.key_id, open)).unwrap();
    let alias = format!("arn:aws:kms:us-east-1:{OWN}:alias/a");
    let refused = refusal(&mut f, create_alias("alias/a", &key.arn));
    assert_eq!(refused, ("kms:CreateAlias", Some(alias), NO_IDENTITY_POLICY));
    assert!(matches!(f.prepare_by(ann(), encrypt(&key.arn, b"x").into()), Ok(Step::Answer(_))));
    let denied = Denial::Explicit(PolicySource::Resource);
    assert_eq!(refusal(&mut f, describe(&key.arn)), ("kms:DescribeKey", Some(key.arn.to_string()), denied));
}

#[test]
fn delegation_to_the_account_needs_an_identity_policy() {
    let mut f = Fixture::new();
    let key = f.single();
    let refused = refusal(&mut f, encrypt(&key.arn, b"x"));
    assert_eq!(refused, ("kms:Encrypt", Some(key.arn.to_string()), NO_IDENTITY_POLICY));
}
