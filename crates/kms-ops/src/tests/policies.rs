use super::{
    fixture::{FOREIGN, Fixture, OWN},
    requests::{
        context, create_alias, create_key, decrypt, describe, disable, encrypt, put_policy, schedule,
    },
};
use crate::{
    Denial, Error, PolicySource, Quota, Response, create_key, get_key_policy, list_key_policies,
    put_key_policy,
};

fn policy(statements: &[&str]) -> String {
    let own =
        format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"{OWN}"}},"Action":"kms:*","Resource":"*"}}"#);
    let all = [&[own.as_str()], statements].concat();
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, all.join(","))
}

fn denied(error: Error) -> (&'static str, Denial) {
    match error {
        Error::AccessDenied { action, reason, .. } => (action, reason),
        other => panic!("{other}"),
    }
}

#[test]
fn the_default_policy_is_written_out() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    let get = |policy_name| get_key_policy::Request { key_id: key.to_string(), policy_name };
    let Ok(Response::GetKeyPolicy(response)) = f.call(get(None)) else { panic!() };
    assert_eq!(response.policy_name, "default");
    assert!(response.policy.contains(&format!("arn:aws:iam::{OWN}:root")));
    assert!(matches!(f.call(get(Some("other".into()))), Err(Error::PolicyNotFound { .. })));
    let list = list_key_policies::Request { key_id: key.to_string(), limit: None, marker: None };
    let Ok(Response::ListKeyPolicies(names)) = f.call(list) else { panic!() };
    assert_eq!(names.policy_names, ["default"]);
}

/// B1 on one node: what a policy takes away is gone with the next call.
#[test]
fn a_deny_takes_effect_with_the_next_call() {
    let mut f = Fixture::new();
    let key = f.single();
    let Ok(Response::Encrypt(sealed)) = f.call(encrypt(&key.arn, b"x")) else { panic!() };
    let deny = r#"{"Effect":"Deny","Principal":"*","Action":"kms:*crypt","Resource":"*"}"#;
    f.call(put_policy(&key.key_id, &policy(&[deny]))).unwrap();
    let error = f.call(encrypt(&key.arn, b"x")).unwrap_err();
    assert!(matches!(&error, Error::AccessDenied { resource: Some(r), caller, .. }
        if *r == key.arn.to_string() && *caller == format!("arn:aws:iam::{OWN}:root")));
    assert_eq!(denied(error), ("kms:Encrypt", Denial::Explicit(PolicySource::Resource)));
    // Reached through the ciphertext, the key must not be told from one that is not here.
    assert_eq!(
        denied(f.call(decrypt(&sealed.ciphertext_blob)).unwrap_err()),
        ("kms:Decrypt", Denial::NotVisible)
    );
    f.call(describe(&key.arn)).unwrap();
}

#[test]
fn silence_denies() {
    let mut f = Fixture::new();
    let key = f.single();
    let narrow = format!(
        r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"{OWN}"}},"Action":"kms:PutKeyPolicy","Resource":"*"}}}}"#
    );
    f.call(put_policy(&key.key_id, &narrow)).unwrap();
    assert_eq!(
        denied(f.call(disable(&key.arn)).unwrap_err()),
        ("kms:DisableKey", Denial::Implicit(PolicySource::Resource))
    );
    f.call(put_policy(&key.key_id, &policy(&[]))).unwrap();
    f.call(disable(&key.arn)).unwrap();
}

/// Section 9.2: the operations that work across accounts need the policy to say so; the others never do.
#[test]
fn another_account_gets_what_the_policy_gives_and_the_operation_allows() {
    let mut f = Fixture::new();
    let key = f.single();
    let Ok(Response::Encrypt(sealed)) = f.call(encrypt(&key.arn, b"x")) else { panic!() };
    let hidden = f.call_as(FOREIGN, encrypt(&key.arn, b"x")).unwrap_err();
    let absent = key.arn.to_string().replace(&key.key_id.to_string(), "00000000-0000-4000-8000-000000000000");
    assert_eq!(f.call_as(FOREIGN, encrypt(&absent, b"x")).unwrap_err(), hidden);
    let allow =
        format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"{FOREIGN}"}},"Action":"kms:*","Resource":"*"}}"#);
    f.call(put_policy(&key.key_id, &policy(&[&allow]))).unwrap();
    f.call_as(FOREIGN, encrypt(&key.arn, b"x")).unwrap();
    f.call_as(FOREIGN, decrypt(&sealed.ciphertext_blob)).unwrap();
    f.call_as(FOREIGN, describe(&key.arn)).unwrap();
    for refused in [
        f.call_as(FOREIGN, disable(&key.arn)).unwrap_err(),
        f.call_as(FOREIGN, schedule(&key.arn, None)).unwrap_err(),
        f.call_as(FOREIGN, put_policy(&key.arn, &policy(&[]))).unwrap_err(),
    ] {
        assert_eq!(denied(refused).1, Denial::NotVisible);
    }
    f.call(create_alias("alias/shared", &key.key_id)).unwrap();
    let alias_arn = key.arn.to_string().replace(&format!("key/{}", key.key_id), "alias/shared");
    f.call_as(FOREIGN, encrypt(&alias_arn, b"x")).unwrap();
    let absent = f.call_as(FOREIGN, encrypt(&alias_arn.replace("shared", "absent"), b"x")).unwrap_err();
    assert_eq!(denied(absent).1, Denial::NotVisible);
}

/// The condition keys that a request supplies, one denial each.
#[test]
fn conditions_see_the_request_and_the_key() {
    let mut f = Fixture::new();
    let key = f.multi();
    f.call(create_alias("alias/a", &key.key_id)).unwrap();
    let cases = [
        r#""StringEquals":{"kms:CallerAccount":"111122223333"}"#,
        r#""StringEquals":{"kms:KeySpec":"SYMMETRIC_DEFAULT"}"#,
        r#""StringEquals":{"kms:KeyUsage":"ENCRYPT_DECRYPT"}"#,
        r#""StringEquals":{"kms:KeyOrigin":"AWS_KMS"}"#,
        r#""Bool":{"kms:MultiRegion":"true"}"#,
        r#""StringEquals":{"kms:MultiRegionKeyType":"PRIMARY"}"#,
        r#""StringEquals":{"kms:EncryptionContext:Tenant":"blue"}"#,
        r#""ForAnyValue:StringEquals":{"kms:EncryptionContextKeys":"tenant"}"#,
        r#""StringEquals":{"kms:EncryptionAlgorithm":"SYMMETRIC_DEFAULT"}"#,
        r#""StringEquals":{"kms:RequestAlias":"alias/a"}"#,
        r#""ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:root"}"#,
        r#""StringEquals":{"aws:PrincipalAccount":"111122223333"}"#,
        r#""StringEquals":{"aws:RequestedRegion":"us-east-1"}"#,
        r#""DateGreaterThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"}"#,
        r#""IpAddress":{"aws:SourceIp":"203.0.113.0/24"}"#,
        r#""Null":{"kms:ViaService":"true"}"#,
    ];
    for condition in cases {
        let deny = format!(
            r#"{{"Effect":"Deny","Principal":"*","Action":"kms:Encrypt","Resource":"*","Condition":{{{condition}}}}}"#
        );
        f.call(put_policy(&key.key_id, &policy(&[&deny]))).unwrap();
        let encryption_context = context(&[("tenant", "blue")]);
        let request = crate::encrypt::Request { encryption_context, ..encrypt(&"alias/a", b"x") };
        assert!(matches!(f.call(request), Err(Error::AccessDenied { .. })), "{condition}");
    }
    let deny = r#"{"Effect":"Deny","Principal":"*","Action":"kms:ScheduleKeyDeletion","Resource":"*",
        "Condition":{"NumericLessThan":{"kms:ScheduleKeyDeletionPendingWindowInDays":"30"}}}"#;
    f.call(put_policy(&key.key_id, &policy(&[deny]))).unwrap();
    assert!(matches!(f.call(schedule(&key.key_id, Some(29))), Err(Error::AccessDenied { .. })));
    f.call(schedule(&key.key_id, None)).unwrap();
}

#[test]
fn documents_that_may_not_be_written() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    let user = format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{OWN}:user/ghost"}},"Action":"kms:*","Resource":"*"}}"#
    );
    let group = user.replace("user/ghost", "group/g");
    let locked = format!(
        r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"{OWN}"}},"Action":"kms:Encrypt","Resource":"*"}}}}"#
    );
    let long = policy(&[]) + &" ".repeat(32_768);
    let refused = |f: &mut Fixture, document: &str| {
        let put = f.call(put_policy(&key, document)).unwrap_err();
        let create = create_key::Request { policy: Some(document.into()), ..create_key() };
        assert_eq!(f.call(create).unwrap_err(), put);
        put
    };
    assert!(matches!(refused(&mut f, "{}"), Error::MalformedPolicyDocument(_)));
    assert!(matches!(refused(&mut f, &policy(&[&user])), Error::MalformedPolicyDocument(_)));
    assert!(matches!(refused(&mut f, &policy(&[&group])), Error::InvalidPolicyArn { .. }));
    assert!(matches!(refused(&mut f, &long), Error::LimitExceeded(Quota::Policy { .. })));
    assert_eq!(refused(&mut f, &locked), Error::PolicyLockout);
    let bypass = put_key_policy::Request {
        bypass_policy_lockout_safety_check: Some(true),
        ..put_policy(&key, &locked)
    };
    f.call(bypass).unwrap();
    assert!(matches!(f.call(put_policy(&key, &policy(&[]))), Err(Error::AccessDenied { .. })));
}

#[test]
fn only_the_default_policy_can_be_written() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    let named = |name: &str| put_key_policy::Request {
        policy_name: Some(name.into()),
        ..put_policy(&key, &policy(&[]))
    };
    f.call(named("default")).unwrap();
    assert!(matches!(f.call(named("AWS_RAM")), Err(Error::Validation(_))));
    assert!(matches!(f.call(named("mine")), Err(Error::PolicyNotFound { .. })));
}
