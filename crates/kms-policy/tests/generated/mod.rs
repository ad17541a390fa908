//! Generated worlds: a caller, its policies, a key, and requests; asked of both evaluators.

use kms_policy::{
    Bindings, Caller, Context, GrantRef, Grants, Guarded, NamedPolicy, Permissions, Policy, PolicyKind,
    PolicySource, Request, Target, Value, Verdict, evaluate,
};
use kms_types::{Principal, RoleSession, ServicePrincipal, Timestamp, UserPrincipal};
use serde_json::{Map, Value as Json, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::naive::{Answer, Bug, KeySide, Question, Side, Who, answer, values::Given};

/// SplitMix64: the same numbers for the same seed, everywhere.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).expect("small")
    }

    fn one<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// True `percent` times in a hundred.
    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

const OWN: &str = "111122223333";
const OTHER: &str = "999988887777";
const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/mrk-0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const ALIAS: &str = "arn:aws:kms:eu-west-1:111122223333:alias/ann";

const ACTIONS: &[&str] = &["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey"];
const ACTION_PATTERNS: &[&str] =
    &["kms:Encrypt", "KMS:decrypt", "kms:*", "*", "kms:*crypt", "kms:?ncrypt", "kms:Describe*", "s3:*"];
const RESOURCE_PATTERNS: &[&str] = &[
    "*",
    "*",
    "*",
    KEY,
    "arn:aws:kms:*:111122223333:key/*",
    "arn:aws:kms:us-*",
    "arn:aws:kms",
    "arn:aws:kms:eu-west-1:111122223333:alias/${aws:username}",
    "arn:aws:kms:*:*:key/mrk-????2d*f?",
    "arn:*:key/*",
];
const PRINCIPALS: &[(&str, &str)] = &[
    ("AWS", "*"),
    ("AWS", OWN),
    ("AWS", "arn:aws:iam::111122223333:root"),
    ("AWS", OTHER),
    ("AWS", "arn:aws:iam::111122223333:user/ann"),
    ("AWS", "arn:aws:iam::999988887777:user/ann"),
    ("AWS", "arn:aws:iam::111122223333:role/apps/Ledger"),
    ("AWS", "arn:aws:iam::999988887777:role/apps/Ledger"),
    ("AWS", "arn:aws:sts::111122223333:assumed-role/Ledger/job"),
    ("AWS", "arn:aws:sts::111122223333:assumed-role/Ledger/other"),
    ("AWS", "arn:aws:sts::111122223333:federated-user/bob"),
    ("Service", "backup.example"),
    ("Service", "other.example"),
];
const KEYS: &[&str] = &[
    "kms:KeySpec",
    "kms:MultiRegion",
    "kms:RotationPeriodInDays",
    "aws:CurrentTime",
    "aws:SourceIp",
    "kms:EncryptionContext:Tenant",
    "KMS:EncryptionContextKeys",
    "aws:PrincipalArn",
    "aws:username",
    "kms:ResourceAliases",
    "aws:ResourceTag/Stage",
    "kms:BypassPolicyLockoutSafetyCheck",
    "kms:ViaService",
    "kms:NoSuchKey",
];
const TEXTS: &[&str] = &[
    "blue",
    "Blue",
    "red",
    "",
    "AQID",
    "AQ==",
    "365",
    "true",
    "ann",
    "ann/blue",
    "2026-02-03",
    "a*b",
    "ÄRGER",
    "arn:aws:iam::111122223333:user/ann",
    "arn:aws:iam::111122223333:role/apps/Ledger",
    "service.eu-west-1.amazonaws.com",
];
const TEXT_OPERANDS: &[&str] = &[
    "blue",
    "BLUE",
    "red",
    "",
    "365",
    "true",
    "${aws:username}",
    "${aws:username}/blue",
    "${kms:ViaService, 'blue'}",
    "${kms:EncryptionContextKeys}",
    "${aws:ResourceTag/Stage}",
    "a${*}b",
    "ärger",
    "bl*",
    "*e*",
    "?ed",
    "*",
    "*l?e",
    "arn:aws:iam::111122223333:user/ann",
    "2026-02-03T00:00:00Z",
];
const ARN_OPERANDS: &[&str] = &[
    "arn:aws:iam::111122223333:user/ann",
    "arn:aws:iam::*:user/*",
    "arn:*:iam::111122223333:role/*",
    "arn:aws:iam:*:user/ann",
    "arn:aws:iam::111122223333:user/${aws:username}",
    "${aws:PrincipalArn}",
    "*",
    "arn:*",
];
const OPERATORS: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "Null",
];

fn operands(operator: &str) -> &'static [&'static str] {
    match operator {
        o if o.starts_with("String") => TEXT_OPERANDS,
        o if o.starts_with("Numeric") => &["365", "90", "-1", "365.5", "1770076800"],
        o if o.starts_with("Date") => &["2026-02-03", "2026-02-03T00:00:00Z", "1770076801", "365"],
        o if o.starts_with("Arn") => ARN_OPERANDS,
        "Bool" | "Null" => &["true", "false", "True"],
        "BinaryEquals" => &["AQID", "AQ==", ""],
        _ => &["203.0.113.0/24", "203.0.113.9", "0.0.0.0/0", "2001:db8::/32", "203.0.113.8/31"],
    }
}

fn some(dice: &mut Dice, from: &[&str]) -> Json {
    match dice.below(3) {
        0 => json!(dice.one(from)),
        _ => (0..=dice.below(2)).map(|_| dice.one(from)).collect(),
    }
}

fn condition(dice: &mut Dice) -> (String, Json) {
    let base = dice.one(OPERATORS);
    let mut operator = base.to_string();
    if base != "Null" {
        if dice.chance(20) {
            operator.push_str("IfExists");
        }
        match dice.below(6) {
            0 => operator.insert_str(0, "ForAllValues:"),
            1 => operator.insert_str(0, "ForAnyValue:"),
            _ => {}
        }
    }
    let key = dice.one(KEYS);
    let values = some(dice, operands(base));
    (operator, json!({ key: values }))
}

fn principal(dice: &mut Dice) -> Json {
    if dice.chance(10) {
        return json!("*");
    }
    let mut kinds: Map<String, Json> = Map::new();
    for _ in 0..=dice.below(3) {
        let (kind, value) = dice.one(PRINCIPALS);
        let list = kinds.entry(kind).or_insert_with(|| json!([]));
        list.as_array_mut().expect("a list").push(json!(value));
    }
    Json::Object(kinds)
}

fn statement(dice: &mut Dice, kind: PolicyKind) -> Json {
    let mut s = Map::new();
    s.insert("Effect".into(), json!(if dice.chance(75) { "Allow" } else { "Deny" }));
    let mut put = |name: &str, negated: bool, value| {
        s.insert(if negated { format!("Not{name}") } else { name.into() }, value);
    };
    if kind == PolicyKind::Key {
        put("Principal", dice.chance(15), principal(dice));
    }
    if kind != PolicyKind::Key || dice.chance(97) {
        put("Action", dice.chance(10), some(dice, ACTION_PATTERNS));
    }
    if kind != PolicyKind::Key || dice.chance(97) {
        put("Resource", dice.chance(10), some(dice, RESOURCE_PATTERNS));
    }
    if dice.chance(50) {
        let conditions: Map<String, Json> = (0..=dice.below(2)).map(|_| condition(dice)).collect();
        put("Condition", false, Json::Object(conditions));
    }
    Json::Object(s)
}

/// A document that parses; those that the grammar refuses are thrown away.
fn document(dice: &mut Dice, kind: PolicyKind) -> (Json, Policy) {
    loop {
        let statements: Vec<Json> = (0..=dice.below(3)).map(|_| statement(dice, kind)).collect();
        let mut document = json!({ "Statement": statements });
        match dice.below(8) {
            0 => {}
            1 => document["Version"] = json!("2008-10-17"),
            _ => document["Version"] = json!("2012-10-17"),
        }
        if let Ok(policy) = Policy::parse(kind, &document.to_string()) {
            return (document, policy);
        }
    }
}

/// One caller with its policies and one key.
pub struct World {
    question: Question,
    caller: Caller,
    key: Policy,
}

const WHO: &[Who] = &[
    Who::Root { account: OWN },
    Who::Root { account: OTHER },
    Who::User { account: OWN, name: "ann", id: "AIDAANN" },
    Who::User { account: OWN, name: "ann", id: "AIDAANNAGAIN" },
    Who::User { account: OTHER, name: "ann", id: "AIDAOTHERANN" },
    Who::Session { account: OWN, path: "/apps/", role: "Ledger", id: "AROALEDGER", session: "job" },
    Who::Session { account: OTHER, path: "/apps/", role: "Ledger", id: "AROAOTHERLEDGER", session: "job" },
    Who::Federated { account: OWN, name: "bob" },
    Who::Service { name: "backup.example" },
];

/// The unique ids that the documents were stored with. The user of the other account is gone.
const IDS: &[(&str, &str)] = &[
    ("arn:aws:iam::111122223333:user/ann", "AIDAANN"),
    ("arn:aws:iam::111122223333:role/apps/Ledger", "AROALEDGER"),
    ("arn:aws:iam::999988887777:role/apps/Ledger", "AROAOTHERLEDGER"),
    ("arn:aws:sts::111122223333:assumed-role/Ledger/job", "AROALEDGER"),
    ("arn:aws:sts::111122223333:assumed-role/Ledger/other", "AROALEDGER"),
];

fn principal_of(who: &Who) -> Principal {
    let account = |id: &str| id.parse().expect("an account");
    match *who {
        Who::Root { account: id } => Principal::Root { account: account(id) },
        Who::User { account: of, name, id } => Principal::User(UserPrincipal {
            account: account(of),
            path: "/".into(),
            name: name.into(),
            id: id.into(),
        }),
        Who::Session { account: of, path, role, id, session } => Principal::AssumedRole(RoleSession {
            account: account(of),
            path: path.into(),
            role: role.into(),
            role_id: id.into(),
            session: session.into(),
        }),
        Who::Federated { account: of, name } => {
            Principal::FederatedUser { account: account(of), name: name.into() }
        }
        Who::Service { name } => Principal::Service(ServicePrincipal {
            name: name.into(),
            account: account(OWN),
            on_behalf_of: None,
        }),
    }
}

impl World {
    pub fn generate(dice: &mut Dice) -> Self {
        let who = WHO[dice.below(WHO.len())].clone();
        let caller = Caller::bare(principal_of(&who));
        let ids: BTreeMap<String, String> =
            IDS.iter().map(|(arn, id)| ((*arn).into(), (*id).into())).collect();
        let (policy, key) = document(dice, PolicyKind::Key);
        let key = key.bound(&Bindings::new(ids.clone()));
        let mut question = Question {
            who,
            action: ACTIONS[0],
            resource: KEY,
            key: Some(KeySide { owner: OWN, policy, ids, granted: false }),
            identity: None,
            boundary: None,
            session: None,
            given: BTreeMap::new(),
            assumed: BTreeSet::new(),
        };
        let mut world = |kind| {
            let (json, policy) = document(dice, kind);
            (json, NamedPolicy { name: "p".into(), policy: Arc::new(policy) })
        };
        let mut caller = caller;
        if caller.permissions != Permissions::Root {
            let (json, named): (Vec<Json>, Vec<NamedPolicy>) =
                (0..2).map(|_| world(PolicyKind::Identity)).unzip();
            (question.identity, caller.permissions) = (Some(json), Permissions::Policies(named));
            let (boundary, session) = (world(PolicyKind::Boundary), world(PolicyKind::Session));
            if dice.chance(30) {
                (question.boundary, caller.boundary) = (Some(boundary.0), Some(boundary.1));
            }
            if dice.chance(30) {
                (question.session, caller.session_policies) = (Some(vec![session.0]), Some(vec![session.1]));
            }
        }
        Self { question, caller, key }
    }

    /// Another request in the same world.
    pub fn vary(&mut self, dice: &mut Dice) {
        let q = &mut self.question;
        q.action = dice.one(ACTIONS);
        q.given.clear();
        q.assumed.clear();
        if let Some(key) = &mut q.key {
            key.granted = dice.chance(15);
        }
        for key in KEYS.iter().filter(|key| **key != "kms:NoSuchKey") {
            if dice.chance(60) {
                q.given.insert(key.to_lowercase(), given(dice, key));
            }
        }
        if dice.chance(50) {
            let key = "kms:bypasspolicylockoutsafetycheck";
            q.given.insert(key.into(), vec![Given::Bool(false)]);
            q.assumed.insert(key.into());
        }
    }

    /// The same question to both; the second answer is what the plain evaluator says, with a bug if one is asked for.
    pub fn ask(&self, dice: &mut Dice, bug: Option<Bug>) -> (Answer, Answer) {
        let plain = dice.chance(15);
        let mut question = self.question.clone();
        if plain {
            question.key = None;
            question.resource = if dice.chance(50) { "*" } else { ALIAS };
        }
        (self.real(&question), answer(&question, bug))
    }

    fn real(&self, q: &Question) -> Answer {
        let context = context(q);
        let granted = OneGrant(q.key.as_ref().is_some_and(|key| key.granted));
        let target = match &q.key {
            None => Target::Plain { resource: q.resource },
            Some(key) => Target::Guarded(Guarded {
                arn: q.resource,
                owner: key.owner.parse().expect("an account"),
                policy_name: "default",
                policy: Some(&self.key),
                grants: &granted,
            }),
        };
        let request = Request { caller: &self.caller, action: q.action, target, context: &context };
        match evaluate(&request).verdict {
            Verdict::Allow(_) => Answer::Allow,
            Verdict::ExplicitDeny(source) => Answer::Explicit(side(source)),
            Verdict::ImplicitDeny(source) => Answer::Implicit(side(source)),
        }
    }

    /// Everything that a reader needs to judge a difference.
    pub fn describe(&self) -> String {
        format!("{:#?}", self.question)
    }
}

fn side(source: PolicySource) -> Side {
    match source {
        PolicySource::Identity => Side::Identity,
        PolicySource::Resource => Side::Key,
        PolicySource::Boundary => Side::Boundary,
        PolicySource::Session => Side::Session,
    }
}

struct OneGrant(bool);

impl Grants for OneGrant {
    fn allowing(&self, _: &str) -> Option<GrantRef> {
        self.0.then_some(GrantRef { grant_id: kms_types::GrantId::FIRST })
    }
}

fn given(dice: &mut Dice, key: &str) -> Vec<Given> {
    if dice.chance(10) {
        return vec![Given::Text(dice.one(TEXTS))];
    }
    match key {
        "kms:MultiRegion" | "kms:BypassPolicyLockoutSafetyCheck" => vec![Given::Bool(dice.chance(50))],
        "kms:RotationPeriodInDays" => vec![Given::Number(dice.one(&[90, 365, 366, -1]))],
        "aws:CurrentTime" => vec![Given::Time(dice.one(&[1_770_076_800, 1_770_076_801, 365]))],
        "aws:SourceIp" => vec![Given::Ip(dice.one(&["203.0.113.9", "198.51.100.1", "2001:db8::1"]))],
        "aws:username" => vec![Given::Text("ann")],
        "KMS:EncryptionContextKeys" | "kms:ResourceAliases" => {
            (0..=dice.below(2)).map(|_| Given::Text(dice.one(TEXTS))).collect()
        }
        _ => vec![Given::Text(dice.one(TEXTS))],
    }
}

fn context(q: &Question) -> Context {
    let mut context = Context::default();
    for (key, values) in &q.given {
        for given in values {
            let value = value(given);
            match q.assumed.contains(key) {
                true => context.add_assumed(key, value),
                false => context.add(key, value),
            }
        }
    }
    context
}

fn value(given: &Given) -> Value {
    match given {
        Given::Text(text) => Value::Text((*text).into()),
        Given::Number(number) => Value::Number(*number),
        Given::Bool(b) => Value::Bool(*b),
        Given::Time(seconds) => Value::Time(Timestamp::from_millis(seconds * 1000)),
        Given::Ip(ip) => Value::Ip(ip.parse().expect("an address")),
    }
}
