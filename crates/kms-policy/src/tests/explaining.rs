//! The path of a decision, and what kept each statement from applying.

use kms_types::Principal;

use super::{
    Caller, Context, KEY, PolicyKind, PolicySource, key,
    principals::{account, named, session, user, with},
};
use crate::{Consent, Decision, Guarded, Miss, NoGrants, Request, Target, evaluate, trace};

const DOCUMENT: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Sid":"Deny late","Effect":"Deny","Principal":"*","Action":"kms:Decrypt","Resource":"*",
     "Condition":{"StringEquals":{"kms:EncryptionContext:Tenant":"blue"}}},
    {"Sid":"Others","Effect":"Allow","Principal":{"AWS":"999988887777"},"Action":"kms:*","Resource":"*"},
    {"Sid":"Own","Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kms:*","Resource":"*"},
    {"Sid":"Elsewhere","Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"arn:aws:kms:us-east-1:*:key/*"},
    {"Sid":"Sign","Effect":"Allow","Principal":"*","Action":"kms:Sign","Resource":"*"}]}"#;

fn look<T>(caller: &Caller, context: &Context, look: impl FnOnce(Request<'_>) -> T) -> T {
    let policy = key(DOCUMENT);
    let target = Target::Guarded(Guarded {
        arn: KEY,
        owner: account("111122223333"),
        policy_name: "default",
        policy: Some(&policy),
        grants: &NoGrants,
    });
    look(Request { caller, action: "kms:Decrypt", target, context })
}

fn context(tenant: &str) -> Context {
    let mut context = Context::default();
    context.add("kms:EncryptionContext:Tenant", tenant);
    context
}

#[test]
fn a_decision_names_its_statements() {
    let ann = with(user("111122223333", "ann", "AIDAANN"), "Allow", "kms:Decrypt");
    look(&ann, &context("red"), |request| {
        let Decision { findings, .. } = evaluate(&request);
        let delegated = findings.delegated.unwrap();
        assert_eq!((delegated.policy, delegated.index, delegated.sid), ("default", 2, Some("Own")));
        assert!(matches!(findings.identity, Consent::By(s) if s.policy == "own" && s.sid == Some("own")));
    });
    look(&ann, &context("blue"), |request| {
        let deny = evaluate(&request).findings.deny.unwrap();
        assert_eq!((deny.source, deny.index, deny.sid), (PolicySource::Resource, 0, Some("Deny late")));
    });
    let edge = Some(named(PolicyKind::Boundary, "edge", "Deny", "kms:Decrypt"));
    let edged = Caller { boundary: edge, ..ann };
    look(&edged, &context("blue"), |request| {
        assert_eq!(evaluate(&request).findings.deny.unwrap().source, PolicySource::Boundary);
    });
}

#[test]
fn a_trace_says_what_did_not_fit() {
    let job = Caller::bare(session("111122223333", "Ledger", "job"));
    let traces = look(&job, &context("red"), |request| trace(&request));
    let misses: Vec<Option<Miss>> = traces[0].statements.iter().map(|s| s.miss.clone()).collect();
    let condition = Miss::Condition {
        operator: "StringEquals".into(),
        key: "kms:EncryptionContext:Tenant".into(),
        values: vec!["red".into()],
    };
    let expected = [Some(condition), Some(Miss::Principal), None, Some(Miss::Resource), Some(Miss::Action)];
    assert_eq!(misses, expected);
    let eve = Caller::bare(Principal::Root { account: account("999988887777") });
    let traces = look(&eve, &context("red"), |request| trace(&request));
    assert_eq!(traces[0].statements[1].miss, None);
}
