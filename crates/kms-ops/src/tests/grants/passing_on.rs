//! CreateGrant that a grant allows (section 8.3): never wider than that grant, and not after it is gone (B2).

use super::*;
use crate::{
    RespondError, Step,
    create_grant::Request,
    tests::{fixture::FOREIGN, requests::*},
};
use kms_state::{Outcome, Refusal};
use kms_types::KeyArn;

const PARENT: &[GrantOperation] =
    &[GrantOperation::CreateGrant, GrantOperation::Decrypt, GrantOperation::Encrypt];

fn with_parent(constraints: Option<GrantConstraintMembers>) -> (Fixture, KeyArn, GrantId) {
    let mut f = Fixture::new();
    let key = f.single().arn;
    let (parent, _) = granted(&mut f, Request { constraints, ..create_grant(&key, FOREIGN, PARENT) });
    (f, key, parent)
}

#[test]
fn a_child_has_no_operation_more() {
    let (mut f, key, _) = with_parent(None);
    let child = |operations| create_grant(&key, OTHER, operations);
    let (grant, token) = granted_as(&mut f, FOREIGN, child(&[GrantOperation::Encrypt])).unwrap();
    f.call_as(OTHER, encrypt(&key, b"x")).unwrap();
    assert_eq!(
        f.state.grant(&key.key, &grant).unwrap().terms.issuing_account.to_string(),
        FOREIGN,
        "the caller's account issued it"
    );
    let wider = [GrantOperation::Encrypt, GrantOperation::DescribeKey];
    let refused = f.call_as(FOREIGN, child(&wider));
    assert_eq!(denial(refused), ("kms:CreateGrant", Denial::NotVisible));
    f.call_as(FOREIGN, retire_by_token(&token)).unwrap();
    assert_eq!(denial(f.call_as(OTHER, encrypt(&key, b"x"))).0, "kms:Encrypt");
}

#[test]
fn a_child_has_constraints_at_least_as_strict() {
    let one: &[_] = &[("a", "1")];
    let two: &[_] = &[("A", "1"), ("b", "2")];
    type Constraints = Option<GrantConstraintMembers>;
    let cases: [(Constraints, Constraints, bool); 8] = [
        (subset(one), subset(one), true),
        (subset(one), subset(two), true),
        (subset(one), equals(two), true),
        (subset(two), subset(one), false),
        (subset(one), None, false),
        (equals(one), equals(one), true),
        (equals(one), subset(two), false),
        (equals(&[]), None, false),
    ];
    for (parent, constraints, allowed) in cases {
        let (mut f, key, _) = with_parent(parent.clone());
        let request = Request { constraints: constraints.clone(), ..create_grant(&key, OTHER, DECRYPT) };
        let result = granted_as(&mut f, FOREIGN, request);
        assert_eq!(result.is_ok(), allowed, "{parent:?} {constraints:?}");
    }
}

/// Among several grants one that covers the child is enough, and two do not add up.
#[test]
fn one_grant_must_cover_the_whole_child() {
    let mut f = Fixture::new();
    let key = f.single().arn;
    for operation in [GrantOperation::Encrypt, GrantOperation::Decrypt] {
        granted(&mut f, create_grant(&key, FOREIGN, &[GrantOperation::CreateGrant, operation]));
    }
    let child = |operations| create_grant(&key, OTHER, operations);
    granted_as(&mut f, FOREIGN, child(DECRYPT)).unwrap();
    let both = [GrantOperation::Encrypt, GrantOperation::Decrypt];
    assert_eq!(denial(f.call_as(FOREIGN, child(&both))).0, "kms:CreateGrant");
}

/// B2: revoked between decision and entry, the parent takes the child with it; the second decision says why.
#[test]
fn a_decision_on_a_grant_that_is_gone_has_no_effect() {
    let (mut f, key, parent) = with_parent(None);
    let request = || create_grant(&key, OTHER, DECRYPT);
    let Ok(Step::Propose(pending)) = f.prepare_as(FOREIGN, request().into()) else { panic!() };
    f.call(revoke(&key, &parent)).unwrap();
    let outcome = f.apply(&pending.proposal);
    assert_eq!(outcome, Outcome::Refused(Refusal::Stale(key.key)));
    let view = f.state.clone();
    let answer = pending.respond(&view, outcome).unwrap_err();
    assert!(matches!(answer, RespondError::Retry(_)));
    assert_eq!(denial(f.call_as(FOREIGN, request())).0, "kms:CreateGrant");
    assert_eq!(f.state.grant_count(&key.key), 0);
}

/// The owner's own decision rests on the policy: other grants may come and go meanwhile.
#[test]
fn other_grants_do_not_disturb_a_decision() {
    let (mut f, key, parent) = with_parent(None);
    let Ok(Step::Propose(pending)) =
        f.prepare_as(crate::tests::fixture::OWN, create_grant(&key, OTHER, DECRYPT).into())
    else {
        panic!()
    };
    f.call(revoke(&key, &parent)).unwrap();
    granted(&mut f, create_grant(&key, FOREIGN, DECRYPT));
    assert!(matches!(f.apply(&pending.proposal), Outcome::GrantCreated { .. }));
}
