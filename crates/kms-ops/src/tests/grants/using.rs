//! What a grant lets through, and what it does not.

use super::*;
use crate::{
    create_grant::Request,
    decrypt, encrypt as encrypt_op,
    tests::{
        fixture::{FOREIGN, OWN},
        requests::*,
    },
};
use kms_policy::PolicySource;

fn sealed(f: &mut Fixture, key: &impl std::fmt::Display, pairs: &[(&str, &str)]) -> Vec<u8> {
    let request = encrypt_op::Request { encryption_context: context(pairs), ..encrypt(key, b"x") };
    match f.call(request).unwrap() {
        Response::Encrypt(response) => response.ciphertext_blob,
        other => panic!("{other:?}"),
    }
}

fn opening(blob: &[u8], pairs: &[(&str, &str)]) -> decrypt::Request {
    decrypt::Request { encryption_context: context(pairs), ..decrypt(blob) }
}

/// Section 9.2, another account: the grant is enough, for what it lists and nothing else.
#[test]
fn a_grant_lets_another_account_in() {
    let mut f = Fixture::new();
    let key = f.single();
    let blob = sealed(&mut f, &key.arn, &[]);
    assert_eq!(denial(f.call_as(FOREIGN, decrypt(&blob))).0, "kms:Decrypt");
    granted(&mut f, create_grant(&key.arn, FOREIGN, &[GrantOperation::Decrypt, GrantOperation::DescribeKey]));
    f.call_as(FOREIGN, decrypt(&blob)).unwrap();
    f.call_as(FOREIGN, describe(&key.arn)).unwrap();
    assert_eq!(denial(f.call_as(FOREIGN, encrypt(&key.arn, b"x"))), ("kms:Encrypt", Denial::NotVisible));
    assert_eq!(denial(f.call_as(FOREIGN, generate_data_key(&key.arn))).0, "kms:GenerateDataKey");
    assert_eq!(denial(f.call_as(OTHER, decrypt(&blob))).1, Denial::NotVisible, "only the grantee");
}

#[test]
fn a_grant_lets_the_own_account_in() {
    let mut f = Fixture::new();
    let key = f.single();
    f.call(put_policy(&key.key_id, &management_only())).unwrap();
    assert_eq!(denial(f.call(encrypt(&key.arn, b"x"))).1, Denial::Implicit(PolicySource::Resource));
    granted(&mut f, create_grant(&key.arn, OWN, &[GrantOperation::Encrypt]));
    f.call(encrypt(&key.arn, b"x")).unwrap();
}

/// B3: a grant never overrides a Deny.
#[test]
fn a_deny_wins_over_every_grant() {
    let mut f = Fixture::new();
    let key = f.single();
    let blob = sealed(&mut f, &key.arn, &[]);
    for account in [OWN, FOREIGN] {
        granted(&mut f, create_grant(&key.arn, account, DECRYPT));
    }
    f.call(put_policy(&key.key_id, &denying("kms:Decrypt", EVERYBODY))).unwrap();
    for account in [OWN, FOREIGN] {
        assert_eq!(denial(f.call_as(account, decrypt(&blob))).1, Denial::NotVisible);
    }
}

/// B1 on one node: what is revoked or retired is gone with the next call.
#[test]
fn removal_takes_effect_with_the_next_call() {
    let mut f = Fixture::new();
    let key = f.single();
    let blob = sealed(&mut f, &key.arn, &[]);
    for by_revoking in [true, false] {
        let (grant, token) = granted(&mut f, create_grant(&key.arn, FOREIGN, DECRYPT));
        f.call_as(FOREIGN, decrypt(&blob)).unwrap();
        if by_revoking {
            f.call(revoke(&key.arn, &grant)).unwrap();
        } else {
            f.call(retire_by_token(&token)).unwrap();
        }
        let with_token = decrypt::Request { grant_tokens: vec![token], ..decrypt(&blob) };
        assert_eq!(denial(f.call_as(FOREIGN, with_token)).0, "kms:Decrypt", "a token is no credential");
    }
}

#[test]
fn constraints_look_at_the_encryption_context() {
    let mut f = Fixture::new();
    let key = f.single();
    let blue: &[_] = &[("tenant", "blue")];
    let more: &[_] = &[("row", "7"), ("tenant", "blue")];
    let (in_blue, in_more, bare) =
        (sealed(&mut f, &key.arn, blue), sealed(&mut f, &key.arn, more), sealed(&mut f, &key.arn, &[]));
    for (constraints, larger) in
        [(equals(&[("Tenant", "blue")]), false), (subset(&[("TENANT", "blue")]), true)]
    {
        let request = Request { constraints, ..create_grant(&key.arn, FOREIGN, DECRYPT) };
        let (grant, _) = granted(&mut f, request);
        f.call_as(FOREIGN, opening(&in_blue, blue)).unwrap();
        assert_eq!(f.call_as(FOREIGN, opening(&in_more, more)).is_ok(), larger);
        assert_eq!(denial(f.call_as(FOREIGN, opening(&bare, &[]))).0, "kms:Decrypt");
        assert_eq!(denial(f.call_as(FOREIGN, opening(&in_blue, &[("tenant", "Blue")]))).0, "kms:Decrypt");
        f.call(revoke(&key.arn, &grant)).unwrap();
    }
}

/// Section 10.4: each side of ReEncrypt needs its own grant, for its own context.
#[test]
fn re_encrypt_asks_for_each_side() {
    let mut f = Fixture::new();
    let (one, two) = (f.single(), f.single());
    let blob = sealed(&mut f, &one.arn, &[("a", "1")]);
    let request = || crate::re_encrypt::Request {
        source_encryption_context: context(&[("a", "1")]),
        destination_encryption_context: context(&[("b", "2")]),
        ..re_encrypt(&blob, &two.arn)
    };
    let from = create_grant(&one.arn, FOREIGN, &[GrantOperation::ReEncryptFrom]);
    granted(&mut f, Request { constraints: equals(&[("a", "1")]), ..from });
    assert_eq!(denial(f.call_as(FOREIGN, request())).0, "kms:ReEncryptTo");
    let to = || create_grant(&two.arn, FOREIGN, &[GrantOperation::ReEncryptTo]);
    granted(&mut f, Request { constraints: equals(&[("a", "1")]), ..to() });
    assert_eq!(
        denial(f.call_as(FOREIGN, request())).0,
        "kms:ReEncryptTo",
        "the context is the destination's"
    );
    granted(&mut f, Request { constraints: equals(&[("b", "2")]), ..to() });
    f.call_as(FOREIGN, request()).unwrap();
}

/// No caller of this kind acts for a resource, so such a grant lets it do nothing.
#[test]
fn a_source_constraint_is_not_met_by_a_direct_call() {
    let mut f = Fixture::new();
    let key = f.single();
    let source_arn = Some("arn:aws:ledger:us-east-1:111122223333:table/a".into());
    let constraints = Some(GrantConstraintMembers { source_arn, ..GrantConstraintMembers::default() });
    let all = [GrantOperation::Encrypt, GrantOperation::DescribeKey];
    granted(&mut f, Request { constraints, ..create_grant(&key.arn, FOREIGN, &all) });
    assert_eq!(denial(f.call_as(FOREIGN, encrypt(&key.arn, b"x"))).0, "kms:Encrypt");
    assert_eq!(denial(f.call_as(FOREIGN, describe(&key.arn))).0, "kms:DescribeKey");
}

#[test]
fn tokens_are_checked_and_change_nothing() {
    let mut f = Fixture::new();
    let (key, other) = (f.single(), f.single());
    let (_, token) = granted(&mut f, create_grant(&key.arn, FOREIGN, &[GrantOperation::Encrypt]));
    let (_, of_other) = granted(&mut f, create_grant(&other.arn, OTHER, DECRYPT));
    let with = |tokens: &[&str]| encrypt_op::Request {
        grant_tokens: tokens.iter().map(|t| (*t).to_owned()).collect(),
        ..encrypt(&key.arn, b"x")
    };
    f.call_as(FOREIGN, with(&[&token])).unwrap();
    f.call_as(FOREIGN, with(&[&of_other, &token])).unwrap();
    assert_eq!(denial(f.call_as(OTHER, with(&[&token]))).0, "kms:Encrypt", "a token is no credential");
    let described = crate::describe_key::Request { grant_tokens: vec![token.clone()], ..describe(&key.arn) };
    f.call(described).unwrap();
    let altered = format!("{}{}", &token[..token.len() - 2], if token.ends_with("AA") { "BA" } else { "AA" });
    let mut elsewhere = Fixture::in_region("eu-west-1");
    let there = elsewhere.single();
    let (_, foreign) = granted(&mut elsewhere, create_grant(&there.arn, FOREIGN, DECRYPT));
    for bad in ["", "x", "AQAAAAE", altered.as_str(), foreign.as_str()] {
        assert_eq!(f.call(with(&[bad])), Err(Error::InvalidGrantToken), "{bad}");
        assert_eq!(f.call(with(&[&token, bad])), Err(Error::InvalidGrantToken), "{bad}");
        assert_eq!(f.call(retire_by_token(bad)), Err(Error::InvalidGrantToken), "{bad}");
    }
    assert_eq!(none(), context(&[]));
}

/// Grants survive DisableKey, go with the key, and never reach another Region.
#[test]
fn grants_live_and_die_with_the_key_of_their_region() {
    let (mut primary, mut replica, key) = Fixture::replicated();
    let (grant, _) = granted(&mut primary, create_grant(&key, FOREIGN, &[GrantOperation::Encrypt]));
    assert_eq!(replica.state.grant_count(&key), 0);
    let arn = primary.key(&key).account;
    let arn = format!("arn:aws:kms:us-east-1:{arn}:key/{key}");
    primary.call(disable(&key)).unwrap();
    assert!(matches!(primary.call_as(FOREIGN, encrypt(&arn, b"x")), Err(Error::Disabled { .. })));
    assert!(matches!(primary.call(create_grant(&key, FOREIGN, DECRYPT)), Err(Error::Disabled { .. })));
    primary.call(enable(&key)).unwrap();
    primary.call_as(FOREIGN, encrypt(&arn, b"x")).unwrap();
    let mut alone = Fixture::new();
    let gone = alone.single().key_id;
    granted(&mut alone, create_grant(&gone, FOREIGN, DECRYPT));
    alone.call(schedule(&gone, Some(7))).unwrap();
    assert_eq!(alone.state.grant_count(&gone), 1);
    alone.pass_days(8);
    alone.run(kms_state::Command::DestroyKey { key: gone });
    assert!(alone.state.key(&gone).is_none());
    assert_eq!(alone.state.grant_count(&gone), 0);
    assert!(primary.state.grant(&key, &grant).is_some());
    replica.call(disable(&key)).unwrap();
}
