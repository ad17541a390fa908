//! Sections 9.2 to 9.4: who is named how, and what may still limit whom.

use kms_types::{AccountId, Principal, RoleSession, ServicePrincipal, UserPrincipal};
use std::{collections::BTreeMap, sync::Arc};

use super::{Caller, Context, KEY, Policy, PolicyKind, PolicySource, Verdict, decide_by, key, sample};
use crate::{
    Bindings, GrantRef, Grants, Ground, Guarded, MalformedPolicy, NamedPolicy, NoGrants, Permissions,
    PrincipalDirectory, Request, Target, evaluate,
};

const OWN: &str = "111122223333";
const OTHER: &str = "999988887777";

pub(super) fn account(id: &str) -> AccountId {
    id.parse().unwrap()
}

pub(super) fn user(id: &str, name: &str, unique: &str) -> Principal {
    Principal::User(UserPrincipal {
        account: account(id),
        path: "/".into(),
        name: name.into(),
        id: unique.into(),
    })
}

pub(super) fn session(id: &str, role: &str, name: &str) -> Principal {
    Principal::AssumedRole(RoleSession {
        account: account(id),
        path: "/apps/".into(),
        role: role.into(),
        role_id: format!("AROA{}", role.to_uppercase()),
        session: name.into(),
    })
}

pub(super) fn named(kind: PolicyKind, name: &str, effect: &str, action: &str) -> NamedPolicy {
    let document = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Sid":"{name}","Effect":"{effect}","Action":"{action}","Resource":"*"}}}}"#
    );
    NamedPolicy { name: name.into(), policy: Arc::new(Policy::parse(kind, &document).unwrap()) }
}

pub(super) fn with(principal: Principal, effect: &str, action: &str) -> Caller {
    let policies = vec![named(PolicyKind::Identity, "own", effect, action)];
    Caller { permissions: Permissions::Policies(policies), ..Caller::bare(principal) }
}

fn allowing(principal: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"kms:*","Resource":"*"}}]}}"#
    )
}

fn aws(arn: &str) -> String {
    allowing(&format!(r#"{{"AWS":"{arn}"}}"#))
}

fn verdict(document: &str, caller: &Caller) -> Verdict {
    decide_by(&key(document), caller, "kms:Encrypt", &sample())
}

const MISSING_IDENTITY: Verdict = Verdict::ImplicitDeny(PolicySource::Identity);
const MISSING_RESOURCE: Verdict = Verdict::ImplicitDeny(PolicySource::Resource);
const DIRECT: Verdict = Verdict::Allow(Ground::ResourcePolicy);
const BOTH: Verdict = Verdict::Allow(Ground::ResourceAndIdentityPolicy);

#[test]
fn delegation_switches_identity_policies_on() {
    let ann = user(OWN, "ann", "AIDAANN");
    for policy in [aws(OWN), aws("arn:aws:iam::111122223333:root")] {
        assert_eq!(verdict(&policy, &Caller::bare(ann.clone())), MISSING_IDENTITY);
        assert_eq!(verdict(&policy, &with(ann.clone(), "Allow", "kms:Encrypt")), BOTH);
        assert_eq!(verdict(&policy, &with(ann.clone(), "Allow", "kms:Decrypt")), MISSING_IDENTITY);
    }
    let elsewhere = aws(OTHER);
    assert_eq!(verdict(&elsewhere, &with(ann.clone(), "Allow", "kms:*")), MISSING_RESOURCE);
    let denied = Verdict::ExplicitDeny(PolicySource::Identity);
    assert_eq!(verdict(&elsewhere, &with(ann, "Deny", "kms:*")), denied);
}

/// Section 9.3, row by row: a boundary and a session policy that allow nothing here.
#[test]
fn implicit_denies_limit_by_the_form_of_the_principal() {
    let silent = |kind| named(kind, "silent", "Allow", "kms:Decrypt");
    let limited = |principal: Principal| Caller {
        boundary: Some(silent(PolicyKind::Boundary)),
        session_policies: Some(vec![silent(PolicyKind::Session)]),
        ..with(principal, "Allow", "kms:Encrypt")
    };
    let ann = limited(user(OWN, "ann", "AIDAANN"));
    let job = limited(session(OWN, "Ledger", "job"));
    let bob = limited(Principal::FederatedUser { account: account(OWN), name: "bob".into() });
    let boundary = Verdict::ImplicitDeny(PolicySource::Boundary);
    let table = [
        (&ann, aws("arn:aws:iam::111122223333:user/ann"), DIRECT),
        (&ann, aws("arn:aws:iam::111122223333:root"), boundary),
        (&ann, allowing(r#""*""#), DIRECT),
        (&job, aws("arn:aws:iam::111122223333:role/apps/Ledger"), boundary),
        (&job, aws("arn:aws:sts::111122223333:assumed-role/Ledger/job"), DIRECT),
        (&job, aws("arn:aws:sts::111122223333:assumed-role/Ledger/other"), MISSING_RESOURCE),
        (&job, aws(OWN), boundary),
        (&bob, aws("arn:aws:sts::111122223333:federated-user/bob"), DIRECT),
        (&bob, aws("arn:aws:sts::111122223333:federated-user/ann"), MISSING_RESOURCE),
    ];
    for (caller, policy, expected) in table {
        assert_eq!(verdict(&policy, caller), expected, "{} {policy}", caller.principal.arn());
    }
    let unlimited = with(session(OWN, "Ledger", "job"), "Allow", "kms:Decrypt");
    assert_eq!(verdict(&aws("arn:aws:iam::111122223333:role/apps/Ledger"), &unlimited), DIRECT);
}

#[test]
fn the_first_missing_limit_is_named() {
    let silent = |kind| named(kind, "silent", "Allow", "kms:Decrypt");
    let sessioned = Caller {
        session_policies: Some(vec![silent(PolicyKind::Session)]),
        ..with(session(OWN, "Ledger", "job"), "Allow", "kms:*")
    };
    assert_eq!(verdict(&aws(OWN), &sessioned), Verdict::ImplicitDeny(PolicySource::Session));
    let none_passed = Caller { session_policies: Some(Vec::new()), ..sessioned };
    assert_eq!(verdict(&aws(OWN), &none_passed), Verdict::ImplicitDeny(PolicySource::Session));
}

#[test]
fn another_account_needs_both_sides() {
    let stranger = user(OTHER, "eve", "AIDAEVE");
    let both_sides = with(stranger.clone(), "Allow", "kms:Encrypt");
    for policy in [aws(OTHER), aws("arn:aws:iam::999988887777:user/eve"), allowing(r#""*""#)] {
        assert_eq!(verdict(&policy, &Caller::bare(stranger.clone())), MISSING_IDENTITY, "{policy}");
        assert_eq!(verdict(&policy, &both_sides), BOTH, "{policy}");
    }
    assert_eq!(verdict(&aws(OWN), &both_sides), MISSING_RESOURCE);
    assert_eq!(verdict(&aws(OTHER), &super::root(OTHER)), BOTH);
}

struct OneGrant(&'static str);

impl Grants for OneGrant {
    fn allowing(&self, action: &str) -> Option<GrantRef> {
        (action == self.0).then_some(GrantRef { grant_id: kms_types::GrantId::FIRST })
    }
}

#[test]
fn grants_allow_alone_and_never_against_a_deny() {
    let decide = |document: &str, caller: &Caller, action| {
        let (context, policy) = (sample(), key(document));
        let target = Target::Guarded(Guarded {
            arn: KEY,
            owner: account(OWN),
            policy_name: "default",
            policy: Some(&policy),
            grants: &OneGrant("kms:Decrypt"),
        });
        evaluate(&Request { caller, action, target, context: &context }).verdict
    };
    let granted = Verdict::Allow(Ground::Grant);
    let eve = Caller::bare(user(OTHER, "eve", "AIDAEVE"));
    assert_eq!(decide(&aws(OWN), &eve, "kms:Decrypt"), granted);
    assert_eq!(decide(&aws(OWN), &eve, "kms:Encrypt"), MISSING_RESOURCE);
    let deny = allowing(r#""*""#).replace("Allow", "Deny");
    assert_eq!(decide(&deny, &eve, "kms:Decrypt"), Verdict::ExplicitDeny(PolicySource::Resource));
    let own_deny = with(user(OTHER, "eve", "AIDAEVE"), "Deny", "kms:Decrypt");
    assert_eq!(decide(&aws(OWN), &own_deny, "kms:Decrypt"), Verdict::ExplicitDeny(PolicySource::Identity));
}

#[test]
fn actions_without_a_key_are_a_matter_of_identity_policies() {
    let (context, any) = (Context::default(), Target::Plain { resource: "*" });
    let decide = |caller: &Caller| {
        evaluate(&Request { caller, action: "kms:CreateKey", target: any, context: &context }).verdict
    };
    let ann = user(OWN, "ann", "AIDAANN");
    let allowed = Verdict::Allow(Ground::IdentityPolicy);
    assert_eq!(decide(&super::root(OWN)), allowed);
    assert_eq!(decide(&Caller::bare(ann.clone())), MISSING_IDENTITY);
    assert_eq!(decide(&with(ann.clone(), "Allow", "kms:Create*")), allowed);
    let boundary = Some(named(PolicyKind::Boundary, "edge", "Allow", "kms:List*"));
    let edged = Caller { boundary, ..with(ann, "Allow", "kms:*") };
    assert_eq!(decide(&edged), Verdict::ImplicitDeny(PolicySource::Boundary));
}

#[test]
fn services_are_principals_of_their_own() {
    let backup = Principal::Service(ServicePrincipal {
        name: "backup.example".into(),
        account: account(OWN),
        on_behalf_of: None,
    });
    let backup = Caller::bare(backup);
    assert_eq!(verdict(&allowing(r#"{"Service":"backup.example"}"#), &backup), DIRECT);
    assert_eq!(verdict(&allowing(r#"{"Service":"other.example"}"#), &backup), MISSING_RESOURCE);
    assert_eq!(verdict(&aws(OWN), &backup), MISSING_RESOURCE);
}

#[test]
fn not_principal_spares_only_who_is_named_in_full() {
    let deny = |names: &str| {
        format!(
            r#"{{"Statement":[{{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}},
            {{"Effect":"Deny","NotPrincipal":{{"AWS":[{names}]}},"Action":"*","Resource":"*"}}]}}"#
        )
    };
    let job = Caller::bare(session(OWN, "Ledger", "job"));
    let denied = Verdict::ExplicitDeny(PolicySource::Resource);
    let (root, role, session) = (
        r#""111122223333""#,
        r#""arn:aws:iam::111122223333:role/apps/Ledger""#,
        r#""arn:aws:sts::111122223333:assumed-role/Ledger/job""#,
    );
    assert_eq!(verdict(&deny(root), &job), denied);
    assert_eq!(verdict(&deny(&[root, role].join(",")), &job), denied);
    assert_eq!(verdict(&deny(&[role, session].join(",")), &job), denied);
    assert_eq!(verdict(&deny(&[root, role, session].join(",")), &job), DIRECT);
    let allow = |names: &str| {
        format!(
            r#"{{"Statement":{{"Effect":"Allow","NotPrincipal":{{"AWS":[{names}]}},"Action":"*","Resource":"*"}}}}"#
        )
    };
    assert_eq!(verdict(&allow(r#""999988887777""#), &job), DIRECT);
    assert_eq!(verdict(&allow(root), &job), MISSING_RESOURCE, "an Allow gives nothing where it is in doubt");
}

struct Known;

impl PrincipalDirectory for Known {
    fn user_id(&self, _: AccountId, path: &str, name: &str) -> Option<String> {
        (path == "/" && name == "ann").then(|| "AIDAANN".into())
    }

    fn role_id(&self, _: AccountId, path: Option<&str>, name: &str) -> Option<String> {
        (path.is_none_or(|p| p == "/apps/") && name == "Ledger").then(|| "AROALEDGER".into())
    }
}

/// Section 9.4: a stored policy means the principal that existed, not the next one of its name.
#[test]
fn a_stored_policy_matches_by_unique_id() {
    let document = aws("arn:aws:iam::111122223333:user/ann");
    let bindings = key(&document).bindings(&Known).unwrap();
    assert_eq!(bindings.id("arn:aws:iam::111122223333:user/ann"), Some("AIDAANN"));
    let stored = key(&document).bound(&bindings);
    let decide = |policy: &Policy, id: &str| {
        decide_by(policy, &Caller::bare(user(OWN, "ann", id)), "kms:Encrypt", &sample())
    };
    assert_eq!(decide(&stored, "AIDAANN"), DIRECT);
    assert_eq!(decide(&stored, "AIDAANNAGAIN"), MISSING_RESOURCE);
    let unbound = key(&document).bound(&Bindings::new(BTreeMap::new()));
    assert_eq!(decide(&unbound, "AIDAANN"), MISSING_RESOURCE, "a stored name without an id is nobody");
    for arn in
        ["arn:aws:iam::111122223333:role/apps/Ledger", "arn:aws:sts::111122223333:assumed-role/Ledger/job"]
    {
        let policy = key(&aws(arn));
        let stored = policy.clone().bound(&policy.bindings(&Known).unwrap());
        let caller = Caller::bare(session(OWN, "Ledger", "job"));
        assert_eq!(decide_by(&stored, &caller, "kms:Encrypt", &sample()), DIRECT, "{arn}");
    }
}

#[test]
fn principals_that_do_not_exist_make_a_document_malformed() {
    for principal in [
        r#"{"AWS":"arn:aws:iam::111122223333:user/eve"}"#,
        r#"{"AWS":["111122223333","arn:aws:iam::111122223333:role/Ledger"]}"#,
        r#"{"Federated":"cognito-identity.amazonaws.com"}"#,
        r#"{"CanonicalUser":"79a59d"}"#,
    ] {
        let error = key(&allowing(principal)).bindings(&Known).unwrap_err();
        assert!(matches!(error, MalformedPolicy::InvalidPrincipal { .. }), "{principal}");
    }
    for principal in
        [r#""*""#, r#"{"Service":"x.example"}"#, r#"{"AWS":"arn:aws:sts::111122223333:federated-user/b"}"#]
    {
        assert!(key(&allowing(principal)).bindings(&Known).unwrap().is_empty(), "{principal}");
    }
}

/// A role's trust policy is decided as a key policy is.
#[test]
fn trust_policies_decide_who_may_assume_a_role() {
    let trust = |principal: &str| {
        let document = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole",
            "Condition":{{"StringEquals":{{"sts:ExternalId":"x7"}}}}}}}}"#
        );
        Policy::parse(PolicyKind::Trust, &document).unwrap()
    };
    let decide = |policy: &Policy, caller: &Caller, external: &str| {
        let mut context = Context::default();
        context.add("sts:ExternalId", external);
        let target = Target::Guarded(Guarded {
            arn: "arn:aws:iam::111122223333:role/apps/Ledger",
            owner: account(OWN),
            policy_name: "trust policy",
            policy: Some(policy),
            grants: &NoGrants,
        });
        evaluate(&Request { caller, action: "sts:AssumeRole", target, context: &context }).verdict
    };
    let ann = user(OWN, "ann", "AIDAANN");
    let by_name = trust(r#"{"AWS":"arn:aws:iam::111122223333:user/ann"}"#);
    assert_eq!(decide(&by_name, &Caller::bare(ann.clone()), "x7"), DIRECT);
    assert_eq!(decide(&by_name, &Caller::bare(ann.clone()), "x8"), MISSING_RESOURCE);
    let by_account = trust(r#"{"AWS":"111122223333"}"#);
    assert_eq!(decide(&by_account, &Caller::bare(ann.clone()), "x7"), MISSING_IDENTITY);
    assert_eq!(decide(&by_account, &with(ann, "Allow", "sts:AssumeRole"), "x7"), BOTH);
}
