//! What CreateGrant accepts, and what it makes of a repetition.

use kms_types::{GrantOperation, OnBehalfOf, Principal, ServicePrincipal, limits};

use super::*;
use crate::{
    create_grant::Request,
    tests::{
        fixture::{FOREIGN, OWN, account_id},
        requests::*,
    },
};

fn refused(f: &mut Fixture, request: Request) -> Error {
    f.call(request).unwrap_err()
}

#[test]
fn principals_come_one_by_one() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    let base = || create_grant(&key, FOREIGN, DECRYPT);
    let service = || Some("ledger.example.com".to_owned());
    let source = GrantConstraintMembers {
        source_arn: Some("arn:aws:ledger:us-east-1:111122223333:table/a".into()),
        ..GrantConstraintMembers::default()
    };
    let for_service = || Request {
        grantee_principal: None,
        grantee_service_principal: service(),
        retiring_service_principal: service(),
        constraints: Some(source.clone()),
        ..base()
    };
    for request in [
        Request { grantee_principal: None, ..base() },
        Request { grantee_service_principal: service(), ..base() },
        Request { retiring_principal: Some(root_arn(OWN)), retiring_service_principal: service(), ..base() },
        Request { constraints: None, ..for_service() },
        Request { retiring_service_principal: None, ..for_service() },
    ] {
        assert!(matches!(refused(&mut f, request), Error::Validation(_)));
    }
    f.call(for_service()).unwrap();
    f.call(Request {
        retiring_service_principal: None,
        retiring_principal: Some(root_arn(OWN)),
        ..for_service()
    })
    .unwrap();
}

#[test]
fn principals_are_identities_by_their_arn() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    for text in ["111122223333", "*", "ledger.example.com", "arn:aws:iam::111122223333:group/g"] {
        let bad = || Some(text.to_owned());
        let grantee = Request { grantee_principal: bad(), ..create_grant(&key, FOREIGN, DECRYPT) };
        let retiring = Request { retiring_principal: bad(), ..create_grant(&key, FOREIGN, DECRYPT) };
        for request in [grantee, retiring] {
            assert_eq!(refused(&mut f, request), Error::InvalidPrincipalArn { arn: text.into() });
        }
    }
}

#[test]
fn operations_must_fit_the_key() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    assert!(matches!(refused(&mut f, create_grant(&key, FOREIGN, &[])), Error::Validation(_)));
    for operation in [GrantOperation::Sign, GrantOperation::GenerateMac, GrantOperation::GetPublicKey] {
        let request = create_grant(&key, FOREIGN, &[GrantOperation::Decrypt, operation]);
        assert!(matches!(refused(&mut f, request), Error::Validation(_)), "{operation}");
    }
}

#[test]
fn constraints_have_bounds() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    let with = |constraints| Request { constraints, ..create_grant(&key, FOREIGN, DECRYPT) };
    let names: Vec<String> = (0..9).map(|n| n.to_string()).collect();
    let pairs: Vec<_> = names.iter().map(|name| (name.as_str(), "v")).collect();
    let (fits, too_long) = ("x".repeat(381), "x".repeat(382));
    f.call(with(subset(&pairs[..8]))).unwrap();
    f.call(with(equals(&[("\u{e4}\u{f6}\u{fc}", &fits)]))).unwrap();
    let both = GrantConstraintMembers {
        encryption_context_equals: Some(context(&[("a", "b")])),
        encryption_context_subset: Some(context(&[("a", "b")])),
        source_arn: None,
    };
    for constraints in [subset(&pairs), equals(&pairs), equals(&[("abc", &too_long)]), Some(both)] {
        assert!(matches!(refused(&mut f, with(constraints)), Error::Validation(_)));
    }
}

#[test]
fn equal_requests_with_one_name_make_one_grant() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    let named = || Request {
        name: Some("ledger".into()),
        constraints: subset(&[("a", "b")]),
        ..create_grant(&key, FOREIGN, DECRYPT)
    };
    let (first, token) = granted(&mut f, named());
    let (again, other_token) = granted(&mut f, named());
    assert_eq!(again, first);
    assert_ne!(other_token, token, "every answer has a token of its own");
    let (other, _) = granted(&mut f, Request { constraints: None, ..named() });
    assert_ne!(other, first, "other parameters make another grant");
    assert_eq!(f.state.grant_count(&key), 2);
    let nameless = || Request { name: None, ..named() };
    assert_ne!(granted(&mut f, nameless()).0, granted(&mut f, nameless()).0);
    f.call(revoke(&key, &first)).unwrap();
    assert_ne!(granted(&mut f, named()).0, first, "a revoked grant does not come back");
}

#[test]
fn a_dry_run_makes_no_grant() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    let request = Request { dry_run: true, ..create_grant(&key, FOREIGN, DECRYPT) };
    assert_eq!(f.call(request), Err(Error::DryRun));
    assert_eq!(f.state.grant_count(&key), 0);
}

/// A node without domain keys could not give the token out, so it makes no grant either.
#[test]
fn no_grant_without_a_token() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    f.lose_domain_key();
    assert!(matches!(f.call(create_grant(&key, FOREIGN, DECRYPT)), Err(Error::KeyUnavailable { .. })));
    assert_eq!(f.state.grant_count(&key), 0);
}

#[test]
fn the_audit_record_of_a_grant_names_it() {
    let mut f = Fixture::new();
    let key = f.single();
    let response = f.call(create_grant(&key.arn, FOREIGN, DECRYPT)).unwrap();
    let Response::CreateGrant(made) = &response else { panic!() };
    let elements = f.facts.response_elements(&response).unwrap();
    assert_eq!(elements["grantId"], made.grant_id.to_string());
    assert_eq!(elements["keyId"], key.arn.to_string());
    assert!(elements.get("grantToken").is_none());
    let answer = f.call(retire(&key.arn, &made.grant_id)).unwrap();
    assert_eq!(f.facts.grant_id, Some(made.grant_id));
    assert_eq!(f.facts.resources.as_slice(), std::slice::from_ref(&key.arn));
    assert_eq!(f.facts.response_elements(&answer).unwrap()["keyId"], key.arn.to_string());
}

/// Section 9.7, one Deny each: every key of a grant request reaches the conditions.
#[test]
fn conditions_see_the_request() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    let request = || Request {
        retiring_principal: Some(root_arn(OTHER)),
        constraints: Some(GrantConstraintMembers {
            source_arn: Some("arn:aws:ledger:us-east-1:111122223333:table/a".into()),
            ..equals(&[("Tenant", "blue")]).unwrap()
        }),
        ..create_grant(&key, FOREIGN, &[GrantOperation::Decrypt, GrantOperation::Encrypt])
    };
    for condition in [
        r#""ForAnyValue:StringEquals":{"kms:GrantOperations":"Encrypt"}"#,
        r#""StringEquals":{"kms:GranteePrincipal":"arn:aws:iam::999988887777:root"}"#,
        r#""StringEquals":{"kms:RetiringPrincipal":"arn:aws:iam::444455556666:root"}"#,
        r#""StringEquals":{"kms:GrantConstraintType":"EncryptionContextEquals"}"#,
        r#""ArnLike":{"kms:GrantConstraintSourceArn":"arn:aws:ledger:*:*:table/*"}"#,
        r#""StringEquals":{"kms:EncryptionContext:tenant":"blue"}"#,
        r#""ForAnyValue:StringEquals":{"kms:EncryptionContextKeys":"Tenant"}"#,
        r#""Bool":{"kms:GrantIsForAWSResource":"false"}"#,
        r#""Null":{"kms:GranteeServicePrincipal":"true","kms:RetiringServicePrincipal":"true"}"#,
    ] {
        f.call(put_policy(&key, &denying("kms:CreateGrant", condition))).unwrap();
        assert_eq!(denial(f.call(request())).0, "kms:CreateGrant", "{condition}");
    }
    let services = || Request {
        grantee_principal: None,
        grantee_service_principal: Some("a.example.com".into()),
        retiring_principal: None,
        retiring_service_principal: Some("b.example.com".into()),
        ..request()
    };
    for condition in [
        r#""StringEquals":{"kms:GranteeServicePrincipal":"a.example.com"}"#,
        r#""StringEquals":{"kms:RetiringServicePrincipal":"b.example.com"}"#,
    ] {
        f.call(put_policy(&key, &denying("kms:CreateGrant", condition))).unwrap();
        assert_eq!(denial(f.call(services())).0, "kms:CreateGrant", "{condition}");
    }
    let on_lists = r#""Bool":{"kms:GrantIsForAWSResource":"false"}"#;
    f.call(put_policy(&key, &denying("kms:*Grant*", on_lists))).unwrap();
    assert_eq!(denial(f.call(list_grants(&key))).0, "kms:ListGrants");
    assert_eq!(denial(f.call(revoke(&key, &GrantId::FIRST))).0, "kms:RevokeGrant");
}

/// `kms:GrantIsForAWSResource` holds when a service calls for a customer, not when it calls for itself.
#[test]
fn a_service_that_acts_for_a_customer_handles_grants_of_aws_resources() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    let document = format!(
        r#"{{"Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{OWN}"}},"Action":"kms:*","Resource":"*"}},
        {{"Effect":"Allow","Principal":{{"Service":"backup.example"}},"Action":["kms:CreateGrant","kms:ListGrants",
          "kms:RevokeGrant"],"Resource":"*","Condition":{{"Bool":{{"kms:GrantIsForAWSResource":"true"}}}}}}]}}"#
    );
    f.call(put_policy(&key, &document)).unwrap();
    let service = |on_behalf_of| {
        let (name, account) = ("backup.example".to_owned(), account_id(OWN));
        Principal::Service(ServicePrincipal { name, account, on_behalf_of })
    };
    let customer = OnBehalfOf { account: Some(account_id(OWN)), source_arn: None, via_service: None };
    let for_customer = service(Some(customer));
    let request = || create_grant(&key, FOREIGN, DECRYPT);
    assert_eq!(denial(f.call_by(service(None), request())).0, "kms:CreateGrant");
    let Ok(Response::CreateGrant(made)) = f.call_by(for_customer.clone(), request()) else { panic!() };
    assert_eq!(denial(f.call_by(service(None), list_grants(&key))).0, "kms:ListGrants");
    assert!(f.call_by(for_customer.clone(), list_grants(&key)).is_ok());
    assert_eq!(denial(f.call_by(service(None), revoke(&key, &made.grant_id))).0, "kms:RevokeGrant");
    assert!(f.call_by(for_customer, revoke(&key, &made.grant_id)).is_ok());
}

#[test]
fn the_quota_of_grants_follows_the_configuration() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    f.settings.quotas.grants_per_key = 1;
    let named = || Request { name: Some("a".into()), ..create_grant(&key, FOREIGN, DECRYPT) };
    let (first, _) = granted(&mut f, named());
    let quota = crate::Quota::Grants { used: 1, limit: 1 };
    assert_eq!(refused(&mut f, create_grant(&key, FOREIGN, DECRYPT)), Error::LimitExceeded(quota));
    assert_eq!(granted(&mut f, named()).0, first, "a repetition makes none");
}

#[test]
fn limits_are_those_of_the_api() {
    assert_eq!(limits::MAX_GRANTS_PER_KEY, 50_000);
    assert_eq!((limits::MAX_GRANT_CONSTRAINT_PAIRS, limits::MAX_GRANT_CONSTRAINT_CHARS), (8, 384));
}
