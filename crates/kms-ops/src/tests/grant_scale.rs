//! A key with all the grants it may have. Times are printed and never asserted: run with `--nocapture` to see them.

use kms_state::{
    Command, ContextConstraint, CreateGrant, GrantConstraints, GrantTerms, Origin, Outcome, Proposal,
    Refusal, State,
};
use kms_types::{EncryptionContext, GrantId, GrantOperation, IdentityArn, KeyId, ProposalId, limits};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{
    fixture::{FOREIGN, Fixture, OWN, account_id},
    requests::*,
};
use crate::{Error, Quota, Request, Response};

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed())
}

/// The worst case that AWS services make: one grantee, and constraints that share a pair and differ in another.
fn terms(n: usize) -> GrantTerms {
    let pairs = BTreeMap::from([("table".into(), format!("{n}")), ("tenant".into(), "blue".into())]);
    GrantTerms {
        name: None,
        issuing_account: account_id(OWN),
        grantee: IdentityArn::root(account_id(FOREIGN)).into(),
        retiring: Some(IdentityArn::root(account_id(OWN)).into()),
        operations: [GrantOperation::Decrypt, GrantOperation::Encrypt].into(),
        constraints: GrantConstraints {
            encryption_context: Some(ContextConstraint::Subset(EncryptionContext::new(pairs))),
            source_arn: None,
        },
    }
}

/// Straight into the state: the fixture rebuilds it after every entry.
fn apply(state: &mut State, n: u64, command: Command) -> Outcome {
    let id = ProposalId::from_random(u128::from(n).to_be_bytes());
    let proposal = Proposal { id, origin: Origin::Service { node: 1 }, expect: None, command };
    let outcome = state.apply(n, &proposal);
    state.take_changes();
    outcome
}

fn fill(state: &mut State, key: KeyId, numbers: impl Iterator<Item = usize>) {
    for n in numbers {
        let mut id = [0xa5; 32];
        id[..8].copy_from_slice(&(n as u64).to_le_bytes());
        let create = CreateGrant {
            key,
            grant: GrantId::from_bytes(id),
            terms: terms(n),
            most_grants: limits::MAX_GRANTS_PER_KEY,
        };
        let outcome = apply(state, 1_000_000 + n as u64, Command::CreateGrant(Box::new(create)));
        assert!(matches!(outcome, Outcome::GrantCreated { .. }), "{n}: {outcome:?}");
    }
}

fn destroy(state: &mut State, key: KeyId) {
    let now = state.region_time().plus_days(8);
    for (n, command) in [
        Command::ScheduleDeletion { key, window_days: 7 },
        Command::Tick { now },
        Command::DestroyKey { key },
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(apply(state, 3_000_000 + n as u64, command), Outcome::Applied);
    }
}

/// Records of grants that are stored.
fn stored(state: &State) -> usize {
    state.records().filter(|(key, _)| key.first() == Some(&b'G')).count()
}

/// What a destroyed key left behind goes a part per entry, on a node that was restored in between too.
fn sweep_away(state: &mut State, most: usize) {
    let left = stored(state);
    assert!((1..most).contains(&left), "{left}");
    let mut restored = State::restore(state.records()).unwrap();
    assert_eq!(restored.hash(), state.hash());
    for n in 0..200 {
        let now = state.region_time().plus_millis(1);
        for copy in [&mut *state, &mut restored] {
            apply(copy, 4_000_000 + n, Command::Tick { now });
        }
    }
    assert_eq!(stored(state), 0);
    assert_eq!(restored.hash(), state.hash());
}

const ROUNDS: u32 = 1_000;

fn average(f: &mut Fixture, account: &str, request: impl Into<Request>, allowed: bool) -> Duration {
    let request = request.into();
    let ((), took) = timed(|| {
        for _ in 0..ROUNDS {
            assert_eq!(f.prepare_as(account, request.clone()).is_ok(), allowed);
        }
    });
    took / ROUNDS
}

/// By the grant with number 7, by the key policy, and refused.
fn decisions(f: &mut Fixture, blob: &[u8]) -> [Duration; 3] {
    let pairs = context(&[("table", "7"), ("tenant", "blue"), ("row", "9")]);
    let fitting = crate::decrypt::Request { encryption_context: pairs, ..decrypt(blob) };
    [
        average(f, FOREIGN, fitting.clone(), true),
        average(f, OWN, fitting, true),
        average(f, FOREIGN, decrypt(blob), false),
    ]
}

#[test]
fn fifty_thousand_grants_on_one_key() {
    let most = limits::MAX_GRANTS_PER_KEY;
    let mut f = Fixture::new();
    let key = f.single();
    let pairs = context(&[("table", "7"), ("tenant", "blue"), ("row", "9")]);
    let sealing = crate::encrypt::Request { encryption_context: pairs, ..encrypt(&key.arn, b"x") };
    let Ok(Response::Encrypt(sealed)) = f.call(sealing) else { panic!() };
    let blob = sealed.ciphertext_blob;
    let without =
        [average(&mut f, OWN, describe(&key.arn), true), average(&mut f, FOREIGN, decrypt(&blob), false)];
    fill(&mut f.state, key.key_id, 7..8);
    let one = decisions(&mut f, &blob);
    let others = (0..most).filter(|n| *n != 7);
    let ((), filled) = timed(|| fill(&mut f.state, key.key_id, others));
    assert_eq!(f.state.grant_count(&key.key_id), most);
    let many = decisions(&mut f, &blob);
    let full =
        [average(&mut f, OWN, describe(&key.arn), true), average(&mut f, FOREIGN, decrypt(&blob), false)];

    let quota = Quota::Grants { used: most as u64, limit: most as u64 };
    let one_more = create_grant(&key.arn, FOREIGN, &[GrantOperation::Decrypt]);
    assert_eq!(f.prepare_as(OWN, one_more.into()).err(), Some(Error::LimitExceeded(quota)));
    let last = CreateGrant { key: key.key_id, grant: GrantId::FIRST, terms: terms(0), most_grants: most };
    let refused = apply(&mut f.state, 2_000_000, Command::CreateGrant(Box::new(last)));
    assert_eq!(refused, Outcome::Refused(Refusal::GrantLimit(key.key_id)));
    let (copy, cloned) = timed(|| f.state.clone());
    let page = average(&mut f, OWN, list_grants(&key.arn), true);
    let ((), destroyed) = timed(|| destroy(&mut f.state, key.key_id));
    assert_eq!(f.state.grant_count(&key.key_id), 0);
    assert_eq!(copy.grant_count(&key.key_id), most, "the older version still has them");
    assert!(f.state.grants_of(key.key_id, None).next().is_none());
    assert!(f.state.grants_retirable_by(IdentityArn::root(account_id(OWN)).as_str(), None).next().is_none());
    sweep_away(&mut f.state, most);

    println!("grants on the key       0           1      {most}   ratio");
    for (name, few, many) in [
        ("Decrypt by a grant ", one[0], many[0]),
        ("Decrypt by policy  ", one[1], many[1]),
        ("Decrypt refused    ", one[2], many[2]),
    ] {
        println!(
            "{name}         -  {few:>10.2?}  {many:>10.2?}    {:.2}",
            many.as_secs_f64() / few.as_secs_f64()
        );
    }
    for (name, none, many) in [("DescribeKey", without[0], full[0]), ("refused", without[1], full[1])] {
        println!(
            "{name:<19} {none:>9.2?}  -  {many:>10.2?}    {:.2}",
            many.as_secs_f64() / none.as_secs_f64()
        );
    }
    println!(
        "{most} entries {filled:.2?}, clone {cloned:.2?}, a page {page:.2?}, destruction {destroyed:.2?}"
    );
}
