//! The policy matrix of `tests/policy_matrix/matrix.json`, case by case, through the evaluator. The same file runs
//! through the API of a node in `tests/e2e/test_policy_matrix.py`.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a malformed test input fails its test"
)]

use kms_policy::{
    Caller, Context, GrantRef, Grants, Guarded, NamedPolicy, Permissions, Policy, PolicyKind,
    PrincipalDirectory, Request, SessionFacts, Target, Verdict, evaluate,
};
use kms_types::{AccountId, Principal, RoleSession, ServicePrincipal, Timestamp, UserPrincipal};
use serde_json::{Value as Json, json};
use std::{net::IpAddr, sync::Arc};

const OWN: &str = "111122223333";
const OTHER: &str = "999988887777";
const REGION: &str = "eu-west-1";
const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";

fn matrix() -> Json {
    let text = include_str!("../../../tests/policy_matrix/matrix.json");
    let text = text.replace("{account}", OWN).replace("{other}", OTHER);
    serde_json::from_str(&text.replace("{region}", REGION).replace("{key}", KEY)).expect("JSON")
}

fn cases(of: &str) -> Vec<Json> {
    matrix()[of].as_array().expect("a list").clone()
}

fn text<'a>(case: &'a Json, member: &str) -> &'a str {
    case[member].as_str().unwrap_or_else(|| panic!("{member} of {case}"))
}

fn account(id: &str) -> AccountId {
    id.parse().expect("an account")
}

fn user(of: &str) -> Principal {
    let (name, id) = ("matrix-user".to_string(), format!("AIDA{of}"));
    Principal::User(UserPrincipal { account: account(of), path: "/".into(), name, id })
}

fn role(of: &str) -> Principal {
    Principal::AssumedRole(RoleSession {
        account: account(of),
        path: "/".into(),
        role: "matrix-role".into(),
        role_id: format!("AROA{of}"),
        session: "matrix-session".into(),
    })
}

/// `matrix-user` and `matrix-role` exist in both accounts.
struct Known;

impl PrincipalDirectory for Known {
    fn user_id(&self, of: AccountId, path: &str, name: &str) -> Option<String> {
        (path == "/" && name == "matrix-user").then(|| format!("AIDA{of}"))
    }

    fn role_id(&self, of: AccountId, path: Option<&str>, name: &str) -> Option<String> {
        (path.is_none_or(|p| p == "/") && name == "matrix-role").then(|| format!("AROA{of}"))
    }
}

fn principal(name: &str) -> Principal {
    match name {
        "root" => Principal::Root { account: account(OWN) },
        "user" => user(OWN),
        "role" => role(OWN),
        "foreign-root" => Principal::Root { account: account(OTHER) },
        "foreign-user" => user(OTHER),
        "foreign-role" => role(OTHER),
        "service" => Principal::Service(ServicePrincipal {
            name: "backup.example".into(),
            account: account(OWN),
            on_behalf_of: None,
        }),
        other => panic!("caller {other}"),
    }
}

fn document(statements: &Json) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// None where the case has no statements: an empty document cannot be written.
fn named(kind: PolicyKind, statements: &Json) -> Option<NamedPolicy> {
    let some = statements.as_array().is_some_and(|list| !list.is_empty());
    let policy = some.then(|| Policy::parse(kind, &document(statements)).expect("a policy"))?;
    Some(NamedPolicy { name: format!("{kind:?}"), policy: Arc::new(policy) })
}

fn caller(case: &Json) -> Caller {
    let mut caller = Caller::bare(principal(text(case, "caller")));
    if let Some(policy) = named(PolicyKind::Identity, &case["identity"]) {
        caller.permissions = Permissions::Policies(vec![policy]);
    }
    caller.boundary = named(PolicyKind::Boundary, &case["boundary"]);
    caller.session_policies = named(PolicyKind::Session, &case["session"]).map(|policy| vec![policy]);
    if matches!(caller.principal, Principal::AssumedRole(_)) {
        let issued_at = Timestamp::from_millis(1_770_000_000_000);
        caller.session = Some(SessionFacts { issued_at, source_identity: None });
    }
    for (key, value) in case["caller_tags"].as_object().into_iter().flatten() {
        caller.tags.insert(key.clone(), value.as_str().expect("text").into());
    }
    caller
}

/// What a node tells of an Encrypt request on a single-Region key.
fn context(caller: &Caller, case: &Json) -> Context {
    let mut context = Context::default();
    caller.describe(&mut context);
    for (key, value) in [
        ("kms:KeySpec", "SYMMETRIC_DEFAULT"),
        ("kms:CustomerMasterKeySpec", "SYMMETRIC_DEFAULT"),
        ("kms:KeyUsage", "ENCRYPT_DECRYPT"),
        ("kms:CustomerMasterKeyUsage", "ENCRYPT_DECRYPT"),
        ("kms:KeyOrigin", "AWS_KMS"),
        ("kms:EncryptionAlgorithm", "SYMMETRIC_DEFAULT"),
        ("aws:ResourceAccount", OWN),
        ("aws:RequestedRegion", REGION),
        ("aws:UserAgent", "Boto3"),
    ] {
        context.add(key, value);
    }
    context.add("kms:MultiRegion", false);
    context.add("aws:SecureTransport", false);
    context.add("aws:SourceIp", IpAddr::from([127, 0, 0, 1]));
    let now = Timestamp::from_millis(1_770_000_000_000);
    context.add("aws:CurrentTime", now);
    context.add("aws:EpochTime", now);
    for (key, value) in case["encryption_context"].as_object().into_iter().flatten() {
        context.add(&format!("kms:EncryptionContext:{key}"), value.as_str().expect("text"));
        context.add("kms:EncryptionContextKeys", key.as_str());
    }
    for (key, value) in case["key_tags"].as_object().into_iter().flatten() {
        context.add(&format!("aws:ResourceTag/{key}"), value.as_str().expect("text"));
    }
    for alias in case["key_aliases"].as_array().into_iter().flatten() {
        context.add("kms:ResourceAliases", alias.as_str().expect("text"));
    }
    context
}

struct MaybeGranted<'a>(Option<&'a str>);

impl Grants for MaybeGranted<'_> {
    fn allowing(&self, action: &str) -> Option<GrantRef> {
        (self.0 == Some(action)).then_some(GrantRef { grant_id: kms_types::GrantId::FIRST })
    }
}

fn decide(case: &Json, caller: &Caller, key_policy: Option<&str>, action: &str) -> String {
    let context = context(caller, case);
    let policy = key_policy.map(|document| {
        let policy = Policy::parse(PolicyKind::Key, document).expect("a key policy");
        let bindings = policy.bindings(&Known).expect("principals that exist");
        policy.bound(&bindings)
    });
    let grants = MaybeGranted(case["grant"].as_str());
    let target = match &policy {
        None => Target::Plain { resource: "*" },
        Some(policy) => Target::Guarded(Guarded {
            arn: KEY,
            owner: account(OWN),
            policy_name: "default",
            policy: Some(policy),
            grants: &grants,
        }),
    };
    match evaluate(&Request { caller, action, target, context: &context }).verdict {
        Verdict::Allow(_) => "allow".into(),
        Verdict::ExplicitDeny(source) => format!("explicit {source:?}").to_lowercase(),
        Verdict::ImplicitDeny(source) => format!("implicit {source:?}").to_lowercase(),
    }
}

fn check(wrong: &mut Vec<String>, id: &str, got: &str, expected: &str) {
    if got != expected {
        wrong.push(format!("{id}: {got}, not {expected}"));
    }
}

#[test]
fn the_matrix_has_its_size_and_every_case_its_section() {
    let all: Vec<Json> =
        ["conditions", "refused_documents", "decisions"].into_iter().flat_map(cases).collect();
    assert!(all.len() >= 300, "{}", all.len());
    let mut ids: Vec<&str> = all.iter().map(|case| text(case, "id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all.len(), "an id is there twice");
    assert!(all.iter().all(|case| text(case, "section").split_once('.').is_some()));
}

#[test]
fn conditions_hold_as_the_reference_says() {
    let (root, mut wrong) = (Caller::bare(principal("root")), Vec::new());
    for case in cases("conditions") {
        let version = case["version"].as_str().unwrap_or("2012-10-17");
        let condition = json!({ text(&case, "operator"): { text(&case, "key"): case["values"] } });
        let own = json!({ "AWS": OWN });
        let statement = |effect: &str, condition: Option<&Json>| {
            let mut s = json!({ "Effect": effect, "Principal": own, "Action": "kms:*", "Resource": "*" });
            if let Some(condition) = condition {
                s["Condition"] = condition.clone();
            }
            s
        };
        let document =
            |statements: &[Json]| json!({ "Version": version, "Statement": statements }).to_string();
        let allow = document(&[statement("Allow", Some(&condition))]);
        let deny = document(&[statement("Allow", None), statement("Deny", Some(&condition))]);
        let (allows, denies) = match &case["holds"] {
            Json::Bool(holds) => (*holds, *holds),
            Json::String(doubt) if doubt == "doubt" => (false, true),
            Json::String(never) if never == "never-allows" => (false, true),
            other => panic!("holds {other}"),
        };
        let got = decide(&case, &root, Some(&allow), "kms:Encrypt");
        check(&mut wrong, text(&case, "id"), &got, if allows { "allow" } else { "implicit resource" });
        let got = decide(&case, &root, Some(&deny), "kms:Encrypt");
        check(&mut wrong, text(&case, "id"), &got, if denies { "explicit resource" } else { "allow" });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn decisions_are_those_of_the_reference() {
    let mut wrong = Vec::new();
    for case in cases("decisions") {
        let key_policy = (!case["key_policy"].is_null()).then(|| document(&case["key_policy"]));
        let got = decide(&case, &caller(&case), key_policy.as_deref(), text(&case, "action"));
        check(&mut wrong, text(&case, "id"), &got, text(&case, "expect"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn documents_that_must_be_refused_are() {
    for case in cases("refused_documents") {
        let document = match &case["document"] {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        };
        let parsed = Policy::parse(PolicyKind::Key, &document);
        let refused = parsed.and_then(|policy| policy.bindings(&Known)).is_err();
        assert!(refused, "{}: {document}", text(&case, "id"));
    }
}
