//! Commands about grants, and what must hold of them: the indexes agree with a walk over every grant, also after a
//! snapshot, and no grant outlives its key.

use kms_state::{
    Command, ComparedContext, ContextConstraint, CreateGrant, Grant, GrantConstraints, GrantTerms, GrantUse,
    Proposal, State,
};
use kms_types::{EncryptionContext, GrantId, GrantOperation, GrantPrincipal, IdentityArn};
use proptest::prelude::*;
use std::{collections::BTreeSet, sync::Arc};

use super::{account, apply_all, key, proposals};

const OPERATIONS: [GrantOperation; 4] = [
    GrantOperation::Decrypt,
    GrantOperation::DescribeKey,
    GrantOperation::CreateGrant,
    GrantOperation::RetireGrant,
];

fn principal(n: u8) -> GrantPrincipal {
    match n {
        0 => IdentityArn::root(account()).into(),
        1 => role(Some("AROA1".into())),
        2 => role(Some("AROA2".into())),
        _ => GrantPrincipal::Service("ledger.example.com".parse().unwrap()),
    }
}

/// Two roles that had one name, one after the other.
fn role(id: Option<String>) -> GrantPrincipal {
    GrantPrincipal::Identity { arn: "arn:aws:iam::111122223333:role/a".parse().unwrap(), id }
}

fn grant(n: u8) -> GrantId {
    GrantId::from_bytes([n; 32])
}

fn some_context() -> impl Strategy<Value = EncryptionContext> {
    prop::collection::btree_map("[abA]", "[12]", 0..3).prop_map(EncryptionContext::new)
}

fn terms() -> impl Strategy<Value = GrantTerms> {
    let constraint = prop::option::of((any::<bool>(), some_context())).prop_map(|c| {
        c.map(|(equals, pairs)| match equals {
            true => ContextConstraint::Equals(pairs),
            false => ContextConstraint::Subset(pairs),
        })
    });
    let source_arn = prop::option::weighted(0.2, "[st]");
    let operations = prop::collection::btree_set(prop::sample::select(&OPERATIONS[..]), 1..4);
    let name = prop::option::weighted(0.3, "[ab]");
    (name, 0u8..4, prop::option::of(0u8..4), operations, constraint, source_arn).prop_map(
        |(name, grantee, retiring, operations, encryption_context, source_arn)| GrantTerms {
            name,
            issuing_account: account(),
            grantee: principal(grantee),
            retiring: retiring.map(principal),
            operations,
            constraints: GrantConstraints { encryption_context, source_arn },
        },
    )
}

/// Creations outnumber removals, so that grants gather.
pub(super) fn command() -> impl Strategy<Value = Command> {
    let (keys, grants) = (0u8..4, 0u8..12);
    prop_oneof![
        6 => (keys.clone(), grants.clone(), terms()).prop_map(|(k, g, terms)| {
            Command::CreateGrant(Box::new(CreateGrant { key: key(k), grant: grant(g), terms, most_grants: 5 }))
        }),
        1 => (keys.clone(), grants.clone())
            .prop_map(|(k, g)| Command::RetireGrant { key: key(k), grant: grant(g) }),
        1 => (keys, grants).prop_map(|(k, g)| Command::RevokeGrant { key: key(k), grant: grant(g) }),
    ]
}

fn ids<'a>(grants: impl Iterator<Item = &'a Arc<Grant>>) -> BTreeSet<GrantId> {
    grants.map(|grant| grant.id).collect()
}

/// Every index of `state` against a walk over the grants of every key.
fn check_indexes(state: &State, request: &EncryptionContext, source_arn: Option<&str>) {
    let context = ComparedContext::of(request);
    for key in (0..4).map(key) {
        let all: Vec<_> = state.grants_of(key, None).collect();
        assert_eq!(state.grant_count(&key), all.len());
        assert!(state.key(&key).is_some() || all.is_empty(), "a grant outlived its key");
        assert!(all.is_sorted_by_key(|grant| grant.id));
        for (n, grant) in all.iter().enumerate() {
            assert_eq!(state.grant(&key, &grant.id), Some(*grant));
            assert!(state.grants_of(key, Some(grant.id)).eq(all.iter().copied().skip(n + 1)));
            if grant.terms.name.is_some() {
                assert_eq!(
                    state.named_grant(key, &grant.terms),
                    Some(*grant),
                    "one grant per name and terms"
                );
            }
        }
        for grantee in (0..4).map(principal) {
            let named = all.iter().copied().filter(|g| g.terms.grantee.as_str() == grantee.as_str());
            assert_eq!(ids(state.grants_to(key, grantee.as_str(), None)), ids(named));
            let means = |g: &&Arc<Grant>| g.terms.grantee.mark() == grantee.mark();
            let held: Vec<_> = all.iter().copied().filter(means).collect();
            for operation in OPERATIONS {
                let asked = GrantUse { operation, context: &context, source_arn };
                let found = ids(state.grants_allowing(key, &grantee, &asked));
                let expected = ids(held.iter().copied().filter(|g| g.terms.allow(&asked)));
                if operation == GrantOperation::CreateGrant {
                    check_passing_on(&found, &held, &asked, request);
                } else {
                    assert_eq!(found, expected);
                }
            }
        }
    }
    for retiring in (0..4).map(principal) {
        let retiring = retiring.as_str();
        let walk = (0..4).map(key).flat_map(|key| state.grants_of(key, None));
        let walk = walk.filter(|grant| grant.terms.retiring.as_ref().is_some_and(|r| r.as_str() == retiring));
        let mut expected: Vec<_> = walk.map(|grant| (grant.key, grant.id)).collect();
        expected.sort();
        let found: Vec<_> = state.grants_retirable_by(retiring, None).map(|g| (g.key, g.id)).collect();
        assert_eq!(found, expected);
        for (n, place) in expected.iter().enumerate() {
            let rest: Vec<_> =
                state.grants_retirable_by(retiring, Some(*place)).map(|g| (g.key, g.id)).collect();
            assert!(rest.iter().eq(expected.iter().skip(n + 1)));
        }
    }
}

/// For CreateGrant the index may leave out grants that cannot be passed on, and none that can.
fn check_passing_on(
    found: &BTreeSet<GrantId>,
    held: &[&Arc<Grant>],
    asked: &GrantUse<'_>,
    request: &EncryptionContext,
) {
    for constraint in [ContextConstraint::Equals, ContextConstraint::Subset] {
        for parent in held.iter().filter(|grant| grant.terms.allow(asked)) {
            let mut child = parent.terms.clone();
            child.constraints.encryption_context = Some(constraint(request.clone()));
            assert!(!parent.terms.may_pass_on(&child) || found.contains(&parent.id));
        }
    }
    assert!(found.iter().all(|id| held.iter().any(|grant| grant.id == *id && grant.terms.allow(asked))));
}

fn apply_from(state: &mut State, proposals: &[Proposal], first: usize) {
    for (n, proposal) in proposals.iter().enumerate().skip(first) {
        state.apply(n as u64 + 1, proposal);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn indexes_agree_with_the_grants_after_replay_and_after_a_snapshot(
        proposals in proposals(),
        cut in any::<prop::sample::Index>(),
        request in some_context(),
        source_arn in prop::option::weighted(0.3, "[st]"),
    ) {
        let cut = cut.index(proposals.len());
        let mut whole = State::new();
        apply_all(&mut whole, &proposals[..cut]);
        let mut restored = State::restore(whole.records()).unwrap();
        for state in [&mut whole, &mut restored] {
            check_indexes(state, &request, source_arn.as_deref());
            apply_from(state, &proposals, cut);
            check_indexes(state, &request, source_arn.as_deref());
        }
        prop_assert_eq!(whole.hash(), restored.hash());
    }

    /// B2: an entry that a grant let through has no effect once the grant is gone, whatever else is in the log; an entry
    /// that relies on a grant which is still there has the effect that it has without.
    #[test]
    fn an_entry_relies_on_the_grant_that_allowed_it(proposals in proposals()) {
        let mut state = State::new();
        for (proposal, index) in proposals.iter().zip(1..) {
            let held = proposal.expect.and_then(|e| e.grant.map(|g| state.grant(&e.key, &g).is_some()));
            let mut without = proposal.clone();
            without.expect = without.expect.map(|e| kms_state::Expectation { grant: None, ..e });
            let expected = state.clone().apply(index, &without);
            let outcome = state.apply(index, proposal);
            match (held, proposal.expect) {
                (Some(false), Some(expect)) => prop_assert_eq!(
                    outcome,
                    kms_state::Outcome::Refused(kms_state::Refusal::Stale(expect.key))
                ),
                _ => prop_assert_eq!(outcome, expected),
            }
        }
    }
}
