//! ListGrants and ListRetirableGrants: what they show, their filters and their pages.

use super::*;
use crate::{
    GrantEntry, ShownPrincipal,
    create_grant::Request,
    list_grants as list_op, list_retirable_grants as retirable_op,
    tests::{
        fixture::{FOREIGN, OWN, START},
        requests::*,
    },
};
use kms_policy::PolicySource;

fn listed(f: &mut Fixture, request: list_op::Request) -> list_op::Response {
    match f.call(request).unwrap() {
        Response::ListGrants(response) => response,
        other => panic!("{other:?}"),
    }
}

fn ids(grants: &[GrantEntry]) -> Vec<GrantId> {
    grants.iter().map(|grant| grant.grant_id).collect()
}

#[test]
fn an_entry_shows_what_was_granted() {
    let mut f = Fixture::new();
    let key = f.single().arn;
    let request = Request {
        retiring_principal: Some(root_arn(OTHER)),
        constraints: subset(&[("Tenant", "blue")]),
        ..create_grant(&key, FOREIGN, &[GrantOperation::Encrypt, GrantOperation::Decrypt])
    };
    let (grant_id, _) = granted(&mut f, request.clone());
    let [entry] = &listed(&mut f, list_grants(&key)).grants[..] else { panic!() };
    assert_eq!(entry.key_id, key);
    assert_eq!(entry.grant_id, grant_id);
    assert_eq!((entry.name.as_str(), entry.creation_date), ("", START));
    assert_eq!(entry.grantee, ShownPrincipal::Identity(root_arn(FOREIGN)));
    assert_eq!(entry.retiring, Some(ShownPrincipal::Identity(root_arn(OTHER))));
    assert_eq!(entry.issuing_account, root_arn(OWN));
    assert_eq!(entry.operations, [GrantOperation::Decrypt, GrantOperation::Encrypt]);
    let constraint = entry.constraints.encryption_context.as_ref().unwrap();
    assert_eq!(*constraint.pairs(), context(&[("Tenant", "blue")]), "as it was given");
}

#[test]
fn pages_join_to_the_whole_list() {
    let mut f = Fixture::new();
    let (key, other) = (f.single().arn, f.single().arn);
    let mut all: Vec<GrantId> =
        (0..7).map(|_| granted(&mut f, create_grant(&key, FOREIGN, DECRYPT)).0).collect();
    all.sort();
    granted(&mut f, create_grant(&other, FOREIGN, DECRYPT));
    let (mut marker, mut seen) = (None, Vec::new());
    loop {
        let page = listed(&mut f, list_op::Request { limit: Some(3), marker, ..list_grants(&key) });
        seen.extend(ids(&page.grants));
        assert_eq!(page.truncated, seen.len() < 7);
        marker = page.next_marker;
        if marker.is_none() {
            break;
        }
        // A marker goes on where its list ended, also when the grant that it names is gone.
        let of_other = list_op::Request { marker: marker.clone(), ..list_grants(&other) };
        assert_eq!(f.call(of_other), Err(Error::InvalidMarker), "markers belong to one list");
        let filtered = list_op::Request {
            grantee_principal: Some(root_arn(FOREIGN)),
            marker: marker.clone(),
            ..list_grants(&key)
        };
        assert_eq!(f.call(filtered), Err(Error::InvalidMarker));
    }
    assert_eq!(seen, all);
    let first = listed(&mut f, list_op::Request { limit: Some(3), ..list_grants(&key) });
    f.call(revoke(&key, &first.grants[2].grant_id)).unwrap();
    let rest = listed(&mut f, list_op::Request { marker: first.next_marker, ..list_grants(&key) });
    assert_eq!(ids(&rest.grants), all[3..]);
}

#[test]
fn filters_choose_and_combine() {
    let mut f = Fixture::new();
    let key = f.single().arn;
    let (one, _) = granted(&mut f, create_grant(&key, FOREIGN, DECRYPT));
    let (two, _) = granted(&mut f, create_grant(&key, OTHER, DECRYPT));
    let by = |grant: Option<GrantId>, grantee: Option<&str>| list_op::Request {
        grant_id: grant.map(|id| id.to_string()),
        grantee_principal: grantee.map(root_arn),
        ..list_grants(&key)
    };
    for (request, expected) in [
        (by(Some(one), None), vec![one]),
        (by(None, Some(OTHER)), vec![two]),
        (by(Some(one), Some(FOREIGN)), vec![one]),
        (by(Some(one), Some(OTHER)), vec![]),
        (by(Some(GrantId::FIRST), None), vec![]),
        (by(None, Some(OWN)), vec![]),
    ] {
        assert_eq!(ids(&listed(&mut f, request).grants), expected);
    }
    let bad = list_op::Request { grant_id: Some("x".into()), ..list_grants(&key) };
    assert_eq!(f.call(bad), Err(Error::InvalidGrantId { input: "x".into() }));
    let service = || Some("ledger.example.com".to_owned());
    let as_service = list_op::Request { grantee_service_principal: service(), ..list_grants(&key) };
    let both = list_op::Request { grantee_service_principal: service(), ..by(None, Some(OWN)) };
    for request in [as_service, both] {
        assert!(matches!(f.call(request), Err(Error::Validation(_))));
    }
    assert_eq!(denial(f.call_as(FOREIGN, list_grants(&key))), ("kms:ListGrants", Denial::NotVisible));
}

/// What an account may retire lies on keys of any account.
#[test]
fn retirable_grants_are_found_over_all_keys() {
    let mut f = Fixture::new();
    let mut keys: Vec<_> = (0..3).map(|_| f.single().arn).collect();
    keys.sort_by_key(|arn| arn.key);
    let retired_by = |key, account: &str| Request {
        retiring_principal: Some(root_arn(account)),
        ..create_grant(key, FOREIGN, DECRYPT)
    };
    for key in &keys {
        granted(&mut f, retired_by(key, OTHER));
        granted(&mut f, retired_by(key, OWN));
        granted(&mut f, create_grant(key, OTHER, DECRYPT));
    }
    let (mut marker, mut seen) = (None, Vec::new());
    loop {
        let request = retirable_op::Request { limit: Some(2), marker, ..list_retirable(OTHER) };
        let Ok(Response::ListRetirableGrants(page)) = f.call_as(OTHER, request) else { panic!() };
        seen.extend(page.grants.iter().map(|grant| grant.key_id.clone()));
        marker = page.next_marker;
        if marker.is_none() {
            break;
        }
        let of_own = retirable_op::Request { marker: marker.clone(), ..list_retirable(OWN) };
        assert_eq!(f.call(of_own), Err(Error::InvalidMarker));
    }
    assert_eq!(seen, keys, "the keys of another account, each with its own ARN");
    let (action, reason) = denial(f.call_as(OTHER, list_retirable(OWN)));
    assert_eq!((action, reason), ("kms:ListRetirableGrants", Denial::Implicit(PolicySource::Identity)));
    let nobody = || retirable_op::Request { retiring_principal: None, ..list_retirable(OWN) };
    let service = Some("ledger.example.com".to_owned());
    for request in [
        nobody(),
        retirable_op::Request { retiring_service_principal: service.clone(), ..nobody() },
        retirable_op::Request { retiring_service_principal: service, ..list_retirable(OWN) },
    ] {
        assert!(matches!(f.call(request), Err(Error::Validation(_))));
    }
    let bad = retirable_op::Request { retiring_principal: Some("x".into()), ..nobody() };
    assert_eq!(f.call(bad), Err(Error::InvalidPrincipalArn { arn: "x".into() }));
}
