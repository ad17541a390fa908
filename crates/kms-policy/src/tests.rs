use kms_types::{Principal, Timestamp};
use proptest::prelude::*;

use crate::{
    Caller, Context, Guarded, MalformedPolicy, NoGrants, Policy, PolicyKind, PolicySource, Request, Target,
    Value, Verdict, evaluate,
};

mod explaining;
mod grammar;
mod principals;

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/mrk-0f1e2d3c4b5a69788796a5b4c3d2e1f0";

fn root(account: &str) -> Caller {
    Caller::bare(Principal::Root { account: account.parse().unwrap() })
}

fn key(document: &str) -> Policy {
    Policy::parse(PolicyKind::Key, document).unwrap()
}

fn decide(document: &str, account: &str, action: &str, context: &Context) -> Verdict {
    decide_by(&key(document), &root(account), action, context)
}

fn decide_by(policy: &Policy, caller: &Caller, action: &str, context: &Context) -> Verdict {
    let owner = "111122223333".parse().unwrap();
    let guarded =
        Guarded { arn: KEY, owner, policy_name: "default", policy: Some(policy), grants: &NoGrants };
    evaluate(&Request { caller, action, target: Target::Guarded(guarded), context }).verdict
}

fn allows(document: &str, action: &str, context: &Context) -> bool {
    matches!(decide(document, "111122223333", action, context), Verdict::Allow(_))
}

fn statement(effect: &str, rest: &str) -> String {
    format!(
        r#"{{"Effect":"{effect}","Principal":{{"AWS":"111122223333"}},"Action":"kms:*","Resource":"*"{rest}}}"#
    )
}

fn document(statements: &[String]) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
}

fn with_condition(condition: &str) -> String {
    document(&[statement("Allow", &format!(r#","Condition":{condition}"#))])
}

fn sample() -> Context {
    let mut context = Context::default();
    context.add("kms:KeySpec", "SYMMETRIC_DEFAULT");
    context.add("kms:MultiRegion", true);
    context.add("kms:RotationPeriodInDays", 365u32);
    context.add("kms:EncryptionContext:Tenant", "blue");
    context.add("kms:EncryptionContextKeys", "Tenant");
    context.add("kms:EncryptionContextKeys", "App");
    context.add("kms:EncryptionContext:Blob", "AQID");
    context.add("kms:EncryptionContext:Empty", "");
    context.add("aws:ResourceTag/Stage", "prod");
    context.add("kms:ResourceAliases", "alias/a");
    context.add_assumed("kms:BypassPolicyLockoutSafetyCheck", false);
    context.add("aws:PrincipalArn", "arn:aws:iam::111122223333:root");
    context.add("aws:CurrentTime", Timestamp::parse_iso("2026-02-03T08:14:09Z").unwrap());
    context.add("aws:SourceIp", "203.0.113.9".parse::<std::net::IpAddr>().unwrap());
    context
}

#[test]
fn the_account_statement_gives_root_the_action_and_nobody_else() {
    let document = document(&[statement("Allow", "")]);
    let silent = Verdict::ImplicitDeny(PolicySource::Resource);
    assert!(matches!(decide(&document, "111122223333", "kms:Encrypt", &sample()), Verdict::Allow(_)));
    assert_eq!(decide(&document, "999988887777", "kms:Encrypt", &sample()), silent);
    assert_eq!(decide(&document, "111122223333", "s3:GetObject", &sample()), silent);
}

#[test]
fn a_deny_anywhere_wins() {
    let document = document(&[statement("Allow", ""), statement("Deny", r#","Sid":"never here""#)]);
    let denied = Verdict::ExplicitDeny(PolicySource::Resource);
    assert_eq!(decide(&document, "111122223333", "kms:Encrypt", &sample()), denied);
}

/// Section 9.9, operator by operator: a condition that holds for the sample request and one that does not.
#[test]
fn operators_hold_and_do_not_hold() {
    let table = [
        (r#"{"StringEquals":{"KMS:keyspec":"SYMMETRIC_DEFAULT"}}"#, true),
        (r#"{"StringEquals":{"kms:KeySpec":"symmetric_default"}}"#, false),
        (r#"{"StringEquals":{"kms:KeySpec":"SYMM*"}}"#, false),
        (r#"{"StringEquals":{"kms:KeySpec":["X","SYMMETRIC_DEFAULT"]}}"#, true),
        (r#"{"StringNotEquals":{"kms:KeySpec":["X","SYMMETRIC_DEFAULT"]}}"#, false),
        (r#"{"StringNotEquals":{"kms:ViaService":"X"}}"#, true),
        (r#"{"StringEquals":{"kms:ViaService":"X"}}"#, false),
        (r#"{"StringEqualsIfExists":{"kms:ViaService":"X"}}"#, true),
        (r#"{"StringEqualsIfExists":{"kms:KeySpec":"X"}}"#, false),
        (r#"{"StringEqualsIgnoreCase":{"kms:KeySpec":"symmetric_default"}}"#, true),
        (r#"{"StringNotEqualsIgnoreCase":{"kms:KeySpec":"symmetric_default"}}"#, false),
        (r#"{"StringLike":{"kms:KeySpec":"SYMM*T"}}"#, true),
        (r#"{"StringNotLike":{"kms:KeySpec":"SYMM*T"}}"#, false),
        (r#"{"StringEquals":{"kms:EncryptionContext:tenant":"blue"}}"#, true),
        (r#"{"StringEquals":{"kms:EncryptionContext:tenant":"Blue"}}"#, false),
        (r#"{"NumericEquals":{"kms:RotationPeriodInDays":365}}"#, true),
        (r#"{"NumericNotEquals":{"kms:RotationPeriodInDays":"365"}}"#, false),
        (r#"{"NumericLessThan":{"kms:RotationPeriodInDays":"365"}}"#, false),
        (r#"{"NumericLessThanEquals":{"kms:RotationPeriodInDays":"365"}}"#, true),
        (r#"{"NumericGreaterThan":{"kms:RotationPeriodInDays":"90"}}"#, true),
        (r#"{"NumericGreaterThanEquals":{"kms:RotationPeriodInDays":"366"}}"#, false),
        (r#"{"NumericLessThan":{"kms:KeySpec":"9"}}"#, false),
        (r#"{"DateGreaterThan":{"aws:CurrentTime":"2026-01-01"}}"#, true),
        (r#"{"DateLessThan":{"aws:CurrentTime":"2026-02-03T08:14:09Z"}}"#, false),
        (r#"{"DateLessThanEquals":{"aws:CurrentTime":"2026-02-03T08:14:09Z"}}"#, true),
        (r#"{"DateEquals":{"aws:CurrentTime":1770106449}}"#, true),
        (r#"{"DateNotEquals":{"aws:CurrentTime":1770106449}}"#, false),
        (r#"{"DateGreaterThanEquals":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}}"#, false),
        (r#"{"Bool":{"kms:MultiRegion":"true"}}"#, true),
        (r#"{"Bool":{"kms:MultiRegion":false}}"#, false),
        (r#"{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#, true),
        (r#"{"IpAddress":{"aws:SourceIp":["198.51.100.0/24","203.0.113.8"]}}"#, false),
        (r#"{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#, true),
        (r#"{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#, false),
        (r#"{"IpAddress":{"aws:SourceIp":"2001:db8::/32"}}"#, false),
        (r#"{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::*:root"}}"#, true),
        (r#"{"ArnLike":{"aws:PrincipalArn":"arn:*"}}"#, false),
        (r#"{"ArnNotEquals":{"aws:PrincipalArn":"arn:aws:iam::*:root"}}"#, false),
        (r#"{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::999988887777:root"}}"#, true),
        (r#"{"BinaryEquals":{"kms:EncryptionContext:Blob":"AQID"}}"#, true),
        (r#"{"BinaryEquals":{"kms:EncryptionContext:Blob":"AQIE"}}"#, false),
        (r#"{"BinaryEqualsIfExists":{"kms:ViaService":"AQIE"}}"#, true),
        (r#"{"Null":{"kms:EncryptionContext:Empty":"true"}}"#, true),
        (r#"{"Bool":{"kms:BypassPolicyLockoutSafetyCheck":"false"}}"#, true),
        (r#"{"Null":{"kms:BypassPolicyLockoutSafetyCheck":"true"}}"#, true),
        (r#"{"StringNotEquals":{"kms:Mispelt":"x"}}"#, false),
        (r#"{"StringEqualsIfExists":{"kms:Mispelt":"x"}}"#, false),
        (r#"{"Null":{"kms:Mispelt":"true"}}"#, false),
        (r#"{"StringNotEquals":{"aws:ResourceTag/Stage":"prod"}}"#, true),
        (r#"{"StringEquals":{"aws:ResourceTag/Stage":"prod"}}"#, false),
        (r#"{"ForAnyValue:StringEquals":{"kms:ResourceAliases":"alias/a"}}"#, false),
        (r#"{"Null":{"kms:ViaService":"true"}}"#, true),
        (r#"{"Null":{"kms:KeySpec":"true"}}"#, false),
        (r#"{"Null":{"kms:KeySpec":false}}"#, true),
        (r#"{"ForAllValues:StringEquals":{"kms:EncryptionContextKeys":["Tenant","App","More"]}}"#, true),
        (r#"{"ForAllValues:StringEquals":{"kms:EncryptionContextKeys":["Tenant"]}}"#, false),
        (r#"{"ForAllValues:StringEquals":{"kms:ViaService":["Tenant"]}}"#, true),
        (r#"{"ForAnyValue:StringEquals":{"kms:EncryptionContextKeys":["Tenant"]}}"#, true),
        (r#"{"ForAnyValue:StringEquals":{"kms:ViaService":["Tenant"]}}"#, false),
        (r#"{"ForAnyValue:StringNotEquals":{"kms:EncryptionContextKeys":["Tenant"]}}"#, true),
        (r#"{"ForAllValues:StringNotEquals":{"kms:EncryptionContextKeys":["Tenant"]}}"#, false),
        (r#"{"StringEquals":{"kms:EncryptionContextKeys":"Tenant"}}"#, false),
        (r#"{"StringEquals":{"kms:KeySpec":"SYMMETRIC_DEFAULT"},"Bool":{"kms:MultiRegion":"false"}}"#, false),
        (r#"{"StringEquals":{"aws:PrincipalArn":"arn:aws:iam::${aws:PrincipalTag/none}:root"}}"#, false),
        (r#"{"StringEquals":{"kms:EncryptionContext:Tenant":"${aws:PrincipalTag/none, 'blue'}"}}"#, true),
    ];
    for (condition, holds) in table {
        assert_eq!(allows(&with_condition(condition), "kms:Encrypt", &sample()), holds, "{condition}");
    }
}

/// B3: what cannot be compared never allows, and never escapes a Deny.
#[test]
fn doubt_counts_against_the_caller() {
    let doubtful = [
        r#"{"NumericNotEquals":{"kms:KeySpec":"9"}}"#,
        r#"{"NumericEquals":{"kms:KeySpec":"9"}}"#,
        r#"{"StringEquals":{"kms:EncryptionContextKeys":"Other"}}"#,
        r#"{"IpAddress":{"kms:KeySpec":"0.0.0.0/0"}}"#,
    ];
    for condition in doubtful {
        let allow = statement("Allow", &format!(r#","Condition":{condition}"#));
        let deny = statement("Deny", &format!(r#","Condition":{condition}"#));
        assert!(!allows(&document(&[allow]), "kms:Encrypt", &sample()), "{condition}");
        assert!(!allows(&document(&[statement("Allow", ""), deny]), "kms:Encrypt", &sample()), "{condition}");
    }
}

#[test]
fn actions_and_resources_match_by_pattern() {
    let of = |rest: &str| format!(r#"{{"Statement":{{"Effect":"Allow","Principal":"*",{rest}}}}}"#);
    let cases = [
        (r#""Action":"KMS:encrypt","Resource":"*""#, true),
        (r#""Action":["kms:Decrypt","kms:Enc*"],"Resource":"*""#, true),
        (r#""Action":"kms:Encryp","Resource":"*""#, false),
        (r#""NotAction":"kms:Decrypt","Resource":"*""#, true),
        (r#""NotAction":"kms:*","Resource":"*""#, false),
        (r#""Action":"*","Resource":"arn:aws:kms:*:111122223333:key/mrk-*""#, true),
        (r#""Action":"*","Resource":"arn:aws:kms:us-*""#, false),
        (r#""Action":"*","NotResource":"arn:aws:kms:us-*""#, true),
        (r#""Action":"*""#, false),
        (r#""Resource":"*""#, false),
    ];
    for (rest, expected) in cases {
        assert_eq!(allows(&of(rest), "kms:Encrypt", &sample()), expected, "{rest}");
    }
}

#[test]
fn principals_match_in_every_form() {
    let of = |element: &str| {
        format!(r#"{{"Statement":{{"Effect":"Allow",{element},"Action":"kms:*","Resource":"*"}}}}"#)
    };
    let cases = [
        (r#""Principal":"*""#, true),
        (r#""Principal":{"AWS":"*"}"#, true),
        (r#""Principal":{"AWS":["arn:aws:iam::111122223333:root"]}"#, true),
        (r#""Principal":{"AWS":"arn:aws:iam::111122223333:role/Ledger"}"#, false),
        (r#""Principal":{"AWS":"arn:aws:sts::111122223333:assumed-role/Ledger/job"}"#, false),
        (r#""Principal":{"AWS":"arn:aws:sts::111122223333:federated-user/bob"}"#, false),
        (r#""Principal":{"Service":"logs.amazonaws.com"}"#, false),
        (r#""Principal":{"Federated":"cognito-identity.amazonaws.com","AWS":"111122223333"}"#, true),
        (r#""NotPrincipal":{"AWS":"111122223333"}"#, false),
        (r#""NotPrincipal":{"AWS":"999988887777"}"#, true),
    ];
    for (element, expected) in cases {
        assert_eq!(allows(&of(element), "kms:Encrypt", &sample()), expected, "{element}");
    }
}

#[test]
fn variables_are_literal_in_the_older_language() {
    let document = |version: &str| {
        format!(
            r#"{{{version}"Statement":{{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*",
            "Condition":{{"StringEquals":{{"kms:EncryptionContext:Tenant":"${{aws:x, 'blue'}}"}}}}}}}}"#
        )
    };
    assert!(allows(&document(r#""Version":"2012-10-17","#), "kms:Encrypt", &sample()));
    assert!(!allows(&document(""), "kms:Encrypt", &sample()));
    assert!(!allows(&document(r#""Version":"2008-10-17","#), "kms:Encrypt", &sample()));
}

#[test]
fn malformed_documents_are_refused_with_the_reason() {
    let s = |rest: &str| {
        format!(r#"{{"Statement":{{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"{rest}}}}}"#)
    };
    let documents = [
        "".to_string(),
        "[]".into(),
        "{".into(),
        "{}".into(),
        r#"{"Statement":[]}"#.into(),
        r#"{"Statement":{}}"#.into(),
        r#"{"Version":"2020-01-01","Statement":{}}"#.into(),
        r#"{"Statment":{}}"#.into(),
        r#"{"Statement":{"Effect":"allow","Principal":"*"}}"#.into(),
        r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#.into(),
        r#"{"Statement":{"Effect":"Allow","Effect":"Deny","Principal":"*"}}"#.into(),
        s(r#","NotAction":"kms:Encrypt""#),
        s(r#","Sid":5"#),
        s(r#","Extra":5"#),
        s(r#","Condition":{"StringAlike":{"kms:KeySpec":"x"}}"#),
        s(r#","Condition":{"ForSomeValues:StringEquals":{"kms:KeySpec":"x"}}"#),
        s(r#","Condition":{"NullIfExists":{"kms:KeySpec":"true"}}"#),
        s(r#","Condition":{"NumericEquals":{"kms:KeySpec":"x"}}"#),
        s(r#","Condition":{"IpAddress":{"aws:SourceIp":"1.2.3.4/33"}}"#),
        s(r#","Condition":{"StringEquals":{"kms:KeySpec":[]}}"#),
        s(r#","Condition":{"StringEquals":{"kms:KeySpec":null}}"#),
        s(r#","Condition":{"ForAllValues:StringEquals":{"kms:EncryptionContext:a":"b"}}"#),
        r#"{"Statement":{"Effect":"Allow","Principal":"me"}}"#.into(),
        r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"AIDAEXAMPLEEXAMPLEEX"}}}"#.into(),
        r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:group/g"}}}"#.into(),
        r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/*"}}}"#.into(),
        r#"{"Statement":{"Effect":"Allow","Principal":{"Aws":"111122223333"}}}"#.into(),
        r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"encrypt","Resource":"*"}}"#.into(),
        r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"key"}}"#.into(),
    ];
    let table: Vec<String> = documents
        .iter()
        .map(|document| format!("{document}\n    {}", Policy::parse(PolicyKind::Key, document).unwrap_err()))
        .collect();
    insta::assert_snapshot!(table.join("\n"));
    let long = " ".repeat(kms_types::limits::MAX_POLICY_BYTES + 1);
    assert!(matches!(Policy::parse(PolicyKind::Key, &long), Err(MalformedPolicy::TooLong { .. })));
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let word = prop_oneof![
        Just("Statement"),
        Just("Effect"),
        Just("Allow"),
        Just("Deny"),
        Just("Principal"),
        Just("AWS"),
        Just("*"),
        Just("Action"),
        Just("Resource"),
        Just("Condition"),
        Just("StringLike"),
        Just("kms:KeySpec"),
        Just("${x"),
        Just("Version"),
        Just("2012-10-17"),
        Just("ForAllValues:Null"),
        Just("${a, '"),
    ];
    let leaf = prop_oneof![
        word.clone().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<bool>().prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
        ".{0,12}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::vec((word.clone(), inner), 0..6)
                .prop_map(|m| serde_json::Value::Object(m.into_iter().map(|(k, v)| (k.into(), v)).collect())),
        ]
    })
}

fn condition() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        Just("kms:KeySpec"),
        Just("kms:ViaService"),
        Just("kms:EncryptionContextKeys"),
        Just("kms:MultiRegion")
    ];
    let test = prop_oneof![
        Just(("StringEquals", "true")),
        Just(("StringNotLike", "true")),
        Just(("NumericEquals", "5")),
        Just(("Bool", "true")),
        Just(("Null", "true")),
        Just(("ForAnyValue:StringLike", "T*")),
        Just(("ForAllValues:StringEquals", "Tenant")),
        Just(("DateLessThanIfExists", "2026-01-01")),
    ];
    (test, key).prop_map(|((operator, value), key)| {
        format!(r#","Condition":{{"{operator}":{{"{key}":"{value}"}}}}"#)
    })
}

proptest! {
    #[test]
    fn arbitrary_json_never_panics(value in json(), text in ".{0,80}") {
        for document in [value.to_string(), text] {
            if let Ok(policy) = Policy::parse(PolicyKind::Key, &document) {
                decide_by(&policy, &root("111122223333"), "kms:Encrypt", &sample());
            }
        }
    }

    #[test]
    fn deny_always_wins(
        before in prop::collection::vec((any::<bool>(), condition()), 0..6),
        after in prop::collection::vec((any::<bool>(), condition()), 0..6),
    ) {
        let some = |list: &[(bool, String)]| -> Vec<String> {
            list.iter().map(|(allow, c)| statement(if *allow { "Allow" } else { "Deny" }, c)).collect()
        };
        let statements = [some(&before), vec![statement("Deny", "")], some(&after)].concat();
        let decision = decide(&document(&statements), "111122223333", "kms:Encrypt", &sample());
        prop_assert!(matches!(decision, Verdict::ExplicitDeny(_)));
    }

    #[test]
    fn no_allow_statement_no_allow(denies in prop::collection::vec(condition(), 1..6)) {
        let statements: Vec<String> = denies.iter().map(|c| statement("Deny", c)).collect();
        prop_assert!(!allows(&document(&statements), "kms:Encrypt", &sample()));
    }
}

#[test]
fn context_values_print_as_the_api_writes_them() {
    assert_eq!(Value::from(true).to_string(), "true");
    assert_eq!(Value::from(365u32).to_string(), "365");
}
