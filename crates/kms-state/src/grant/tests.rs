//! Constraints by example, and as a property: a grant that may be passed on is never wider than the one it came from.

use kms_types::{EncryptionContext, GrantOperation, IdentityArn};
use proptest::prelude::*;
use std::collections::BTreeSet;

use super::*;
use ContextConstraint::{Equals, Subset};

fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
    EncryptionContext::new(pairs.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect())
}

fn terms(operations: &[GrantOperation], constraint: Option<ContextConstraint>) -> GrantTerms {
    let account = "111122223333".parse().unwrap();
    GrantTerms {
        name: None,
        issuing_account: account,
        grantee: IdentityArn::root(account).into(),
        retiring: None,
        operations: operations.iter().copied().collect(),
        constraints: GrantConstraints { encryption_context: constraint, source_arn: None },
    }
}

fn allows(terms: &GrantTerms, operation: GrantOperation, pairs: &[(&str, &str)]) -> bool {
    let context = ComparedContext::of(&context(pairs));
    terms.allow(&GrantUse { operation, context: &context, source_arn: None })
}

#[test]
fn equals_wants_the_same_pairs_and_subset_wants_them_all() {
    let pairs = [("Tenant", "blue"), ("shelf", "7")];
    for (constraint, larger) in [(Equals(context(&pairs)), false), (Subset(context(&pairs)), true)] {
        let grant = terms(&[GrantOperation::Decrypt], Some(constraint));
        let ask = |pairs: &[(&str, &str)]| allows(&grant, GrantOperation::Decrypt, pairs);
        assert!(ask(&[("tenant", "blue"), ("SHELF", "7")]), "names are compared without case");
        assert!(!ask(&[("tenant", "Blue"), ("shelf", "7")]), "values are compared with case");
        assert!(!ask(&[("tenant", "blue")]));
        assert!(!ask(&[]));
        assert_eq!(ask(&[("tenant", "blue"), ("shelf", "7"), ("row", "1")]), larger);
        assert_eq!(ask(&[("tenant", "blue"), ("Tenant", "red"), ("shelf", "7")]), larger);
    }
}

#[test]
fn an_empty_constraint_is_not_an_absent_one() {
    let equals = terms(&[GrantOperation::Encrypt], Some(Equals(context(&[]))));
    assert!(allows(&equals, GrantOperation::Encrypt, &[]));
    assert!(!allows(&equals, GrantOperation::Encrypt, &[("a", "b")]));
    let subset = terms(&[GrantOperation::Encrypt], Some(Subset(context(&[]))));
    assert!(allows(&subset, GrantOperation::Encrypt, &[("a", "b")]));
}

#[test]
fn operations_without_a_context_ignore_constraints_about_it() {
    let constraint = Some(Equals(context(&[("a", "b")])));
    let grant = terms(GrantOperation::ALL, constraint);
    for &operation in GrantOperation::ALL {
        assert_eq!(allows(&grant, operation, &[]), !takes_context(operation), "{operation}");
        assert!(allows(&grant, operation, &[("a", "b")]), "{operation}");
    }
}

#[test]
fn a_source_constraint_holds_for_every_operation_but_retire_grant() {
    let arn = "arn:aws:ledger:us-east-1:111122223333:table/a";
    let mut grant = terms(GrantOperation::ALL, None);
    grant.constraints.source_arn = Some(arn.into());
    let none = ComparedContext::default();
    for &operation in GrantOperation::ALL {
        let ask = |source_arn| grant.allow(&GrantUse { operation, context: &none, source_arn });
        assert_eq!(ask(None), operation == GrantOperation::RetireGrant, "{operation}");
        assert!(ask(Some(arn)));
        assert_eq!(ask(Some("arn:aws:ledger:us-east-1:111122223333:table/*")), ask(None));
    }
}

#[test]
fn a_constraint_may_only_become_stricter() {
    let one = || context(&[("a", "1")]);
    let two = || context(&[("A", "1"), ("b", "2")]);
    let passes = |parent, child| {
        terms(&[GrantOperation::Decrypt], parent).may_pass_on(&terms(&[GrantOperation::Decrypt], child))
    };
    assert!(passes(None, None));
    assert!(passes(None, Some(Subset(one()))));
    assert!(passes(Some(Subset(one())), Some(Subset(two()))));
    assert!(passes(Some(Subset(one())), Some(Equals(two()))));
    assert!(passes(Some(Equals(one())), Some(Equals(one()))));
    assert!(!passes(Some(Subset(one())), None));
    assert!(!passes(Some(Subset(two())), Some(Subset(one()))));
    assert!(!passes(Some(Equals(one())), Some(Subset(one()))));
    assert!(!passes(Some(Equals(one())), Some(Equals(two()))));
}

fn some_context() -> impl Strategy<Value = EncryptionContext> {
    prop::collection::btree_map("[abAB]", "[12]", 0..4).prop_map(EncryptionContext::new)
}

fn some_terms() -> impl Strategy<Value = GrantTerms> {
    let constraint = prop::option::of((any::<bool>(), some_context()))
        .prop_map(|c| c.map(|(equals, pairs)| if equals { Equals(pairs) } else { Subset(pairs) }));
    let operations = prop::collection::btree_set(prop::sample::select(GrantOperation::ALL), 0..6);
    let source = prop::option::weighted(0.3, prop::sample::select(vec!["s", "t"]));
    (operations, constraint, source).prop_map(|(operations, constraint, source)| {
        let mut terms = terms(&[], constraint);
        terms.operations = operations;
        terms.constraints.source_arn = source.map(str::to_owned);
        terms
    })
}

/// `wider` with operations taken away and constraints tightened, so that most samples may be passed on.
fn narrowed(wider: GrantTerms) -> impl Strategy<Value = (GrantTerms, GrantTerms)> {
    let all: Vec<_> = wider.operations.iter().copied().collect();
    let operations = prop::sample::subsequence(all.clone(), 0..=all.len());
    (operations, some_context(), any::<bool>()).prop_map(move |(operations, more, equals)| {
        let mut child = wider.clone();
        child.operations = operations.into_iter().collect::<BTreeSet<_>>();
        let base = wider.constraints.encryption_context.as_ref();
        let mut pairs = base.map(|c| c.pairs().pairs().clone()).unwrap_or_default();
        if !matches!(base, Some(Equals(_))) {
            pairs.extend(more.pairs().clone());
        }
        let pairs = EncryptionContext::new(pairs);
        child.constraints.encryption_context = match (base, equals) {
            (None, _) => child.constraints.encryption_context,
            (Some(Equals(_)), _) | (_, true) => Some(Equals(pairs)),
            (Some(Subset(_)), false) => Some(Subset(pairs)),
        };
        (wider.clone(), child)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// Whatever the child allows, its parent allows: the rule of section 8.3, over pairs of any two grants and over
    /// pairs made to be passed on.
    #[test]
    fn a_child_is_never_wider_than_its_parent(
        (parent, child) in prop_oneof![(some_terms(), some_terms()).boxed(), some_terms().prop_flat_map(narrowed).boxed()],
        operation in prop::sample::select(GrantOperation::ALL),
        request in some_context(),
        source in prop::option::of(prop::sample::select(vec!["s", "t"])),
    ) {
        let passed_on = parent.may_pass_on(&child);
        // The child's own pairs too, which random requests rarely hit.
        let own = child.constraints.encryption_context.as_ref().map(|c| c.pairs().clone());
        for context in [Some(request), own].into_iter().flatten() {
            let context = ComparedContext::of(&context);
            let asked = GrantUse { operation, context: &context, source_arn: source };
            prop_assert!(!passed_on || !child.allow(&asked) || parent.allow(&asked), "{parent:?}\n{child:?}\n{asked:?}");
        }
    }

    /// Passing on is transitive and every grant may pass on itself: a chain of grants never widens.
    #[test]
    fn passing_on_is_an_order(a in some_terms(), b in some_terms(), c in some_terms()) {
        prop_assert!(a.may_pass_on(&a));
        prop_assert!(!(a.may_pass_on(&b) && b.may_pass_on(&c)) || a.may_pass_on(&c));
    }
}
