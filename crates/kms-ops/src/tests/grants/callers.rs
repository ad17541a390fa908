//! Section 8.3: which callers each form of a grantee means, and which may retire what they are named in.

use kms_state::{Command, CreateGrant, GrantConstraints, GrantTerms, Outcome};
use kms_types::{
    GrantPrincipal, KeyArn, OnBehalfOf, Principal, RoleSession, ServicePrincipal, UserPrincipal,
};

use super::*;
use crate::{
    Step,
    tests::{
        fixture::{FOREIGN, OWN, account_id},
        requests::*,
    },
};

const TABLE: &str = "arn:aws:ledger:us-east-1:999988887777:table/a";

fn user(name: &str, id: &str) -> Principal {
    let (account, path) = (account_id(FOREIGN), "/ops/".into());
    Principal::User(UserPrincipal { account, path, name: name.into(), id: id.into() })
}

fn session(role_id: &str, name: &str) -> Principal {
    Principal::AssumedRole(RoleSession {
        account: account_id(FOREIGN),
        path: "/apps/".into(),
        role: "ledger".into(),
        role_id: role_id.into(),
        session: name.into(),
    })
}

fn federated(name: &str) -> Principal {
    Principal::FederatedUser { account: account_id(FOREIGN), name: name.into() }
}

fn service(name: &str, source_arn: Option<&str>) -> Principal {
    let on_behalf_of = source_arn.map(|arn| OnBehalfOf {
        account: Some(account_id(FOREIGN)),
        source_arn: Some(arn.into()),
        via_service: None,
    });
    Principal::Service(ServicePrincipal { name: name.into(), account: account_id(OTHER), on_behalf_of })
}

fn callers() -> Vec<(&'static str, Principal)> {
    vec![
        ("root", Principal::Root { account: account_id(FOREIGN) }),
        ("user", user("ann", "AIDA1")),
        ("user, renamed", user("bea", "AIDA1")),
        ("user, created anew", user("ann", "AIDA2")),
        ("session", session("AROA1", "job-1")),
        ("other session", session("AROA1", "job-2")),
        ("session of the role created anew", session("AROA2", "job-1")),
        ("federated user", federated("ann")),
        ("other federated user", federated("bea")),
        ("service", service("ledger.example.com", None)),
        ("other service", service("other.example.com", None)),
    ]
}

fn identity(resource: &str, id: Option<&str>) -> GrantPrincipal {
    let arn = format!("arn:aws:{resource}").parse().unwrap();
    GrantPrincipal::Identity { arn, id: id.map(str::to_owned) }
}

fn grantees() -> Vec<(GrantPrincipal, Vec<&'static str>)> {
    vec![
        (identity("iam::999988887777:root", None), vec!["root"]),
        (identity("iam::999988887777:user/ops/ann", Some("AIDA1")), vec!["user", "user, renamed"]),
        (identity("iam::999988887777:role/apps/ledger", Some("AROA1")), vec!["session", "other session"]),
        (identity("sts::999988887777:assumed-role/ledger/job-1", Some("AROA1")), vec!["session"]),
        (identity("sts::999988887777:federated-user/ann", None), vec!["federated user"]),
        (GrantPrincipal::Service("ledger.example.com".parse().unwrap()), vec!["service"]),
    ]
}

/// As a log entry: users and roles that CreateGrant would look up do not exist in these tests.
fn grant_to(
    f: &mut Fixture,
    key: &KeyArn,
    grantee: GrantPrincipal,
    constraints: GrantConstraints,
) -> GrantId {
    let grant = GrantId::from_bytes([7; 32]);
    let terms = GrantTerms {
        name: None,
        issuing_account: account_id(OWN),
        retiring: Some(grantee.clone()),
        grantee,
        operations: [GrantOperation::Encrypt].into(),
        constraints,
    };
    let command = Command::CreateGrant(Box::new(CreateGrant { key: key.key, grant, terms, most_grants: 10 }));
    assert_eq!(f.run(command), Outcome::GrantCreated { grant });
    grant
}

#[test]
fn every_form_of_grantee_means_its_callers_and_no_others() {
    let mut f = Fixture::new();
    let key = f.single().arn;
    for (grantee, expected) in grantees() {
        let grant = grant_to(&mut f, &key, grantee.clone(), GrantConstraints::default());
        let mut allowed = Vec::new();
        let mut may_retire = Vec::new();
        for (name, caller) in callers() {
            if matches!(f.prepare_by(caller.clone(), encrypt(&key, b"x").into()), Ok(Step::Answer(_))) {
                allowed.push(name);
            }
            if f.prepare_by(caller, retire(&key, &grant).into()).is_ok() {
                may_retire.push(name);
            }
        }
        assert_eq!(allowed, expected, "{grantee}");
        assert_eq!(may_retire, expected, "{grantee}");
        f.call(revoke(&key, &grant)).unwrap();
    }
}

/// A service that acts for a resource meets the constraint that names it, and no other does.
#[test]
fn a_source_constraint_is_met_by_the_service_that_acts_for_the_resource() {
    let mut f = Fixture::new();
    let key = f.single().arn;
    let grantee = GrantPrincipal::Service("ledger.example.com".parse().unwrap());
    let source_arn = Some(TABLE.to_owned());
    grant_to(&mut f, &key, grantee, GrantConstraints { encryption_context: None, source_arn });
    let mut allowed = |source| {
        let caller = service("ledger.example.com", source);
        f.prepare_by(caller, encrypt(&key, b"x").into()).is_ok()
    };
    assert!(allowed(Some(TABLE)));
    assert!(!allowed(Some("arn:aws:ledger:us-east-1:999988887777:table/b")));
    assert!(!allowed(None));
}

/// Filters by a service are the service's own.
#[test]
fn a_service_lists_what_it_may_retire() {
    let mut f = Fixture::new();
    let key = f.single().arn;
    let grantee = GrantPrincipal::Service("ledger.example.com".parse().unwrap());
    grant_to(&mut f, &key, grantee, GrantConstraints::default());
    let request = || crate::list_retirable_grants::Request {
        retiring_principal: None,
        retiring_service_principal: Some("ledger.example.com".into()),
        ..list_retirable(OWN)
    };
    let Ok(Step::Answer(Response::ListRetirableGrants(page))) =
        f.prepare_by(service("ledger.example.com", None), request().into())
    else {
        panic!()
    };
    assert_eq!(page.grants.len(), 1);
    let other = f.prepare_by(service("other.example.com", None), request().into());
    assert!(matches!(other, Err(Error::Validation(_))));
}

/// CreateGrant names principals that exist (section 8.3); none of these does.
#[test]
fn users_and_roles_must_exist() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    for resource in
        ["iam::999988887777:user/ops/ann", "iam::999988887777:role/a", "sts::999988887777:assumed-role/a/b"]
    {
        let arn = format!("arn:aws:{resource}");
        let request = create_grant::Request {
            grantee_principal: Some(arn.clone()),
            ..create_grant(&key, FOREIGN, DECRYPT)
        };
        assert_eq!(f.call(request), Err(Error::InvalidPrincipalArn { arn }));
    }
}
