//! Time per decision: `cargo run --release -p kms-policy --example bench`. Prints one line per case.

#![expect(clippy::expect_used, reason = "its inputs are its own")]

use kms_policy::{
    Caller, Context, Guarded, NamedPolicy, NoGrants, Permissions, Policy, PolicyKind, Request, Target,
    evaluate,
};
use kms_types::{Principal, Timestamp, UserPrincipal};
use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
const DEFAULT: &str = r#"{"Version":"2012-10-17","Id":"key-default-1","Statement":[{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}]}"#;
const MOST_BYTES: usize = 32 * 1024;

fn main() {
    let small = &context("blue");
    let root = Caller::bare(Principal::Root { account: account() });
    report("default policy, root", &parse(DEFAULT), &root, small);
    report("default policy, user with ten identity policies", &parse(DEFAULT), &user(), small);
    let long = parse(&filled(|n| {
        format!(
            r#"{{"Sid":"S{n}","Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::111122223333:user/u{n}"}},"Action":["kms:Enc*","kms:Decrypt"],"Resource":"arn:aws:kms:*:*:key/*","Condition":{{"StringLike":{{"kms:EncryptionContext:Tenant":"t{n}*"}}}}}}"#
        )
    }));
    report("32 KiB of statements for others, root", &long, &root, small);
    let hostile = parse(&filled(|_| {
        r#"{"Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*","Condition":{"StringLike":{"kms:EncryptionContext:Tenant":"*a?a?a?a?a?a?a?a*a?a?a?ab"}}}"#.into()
    }));
    report("32 KiB of hostile patterns, 8 KiB of context", &hostile, &root, &context(&"a".repeat(8192)));
    let one = format!(
        r#"{{"Statement":{{"Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*","Condition":{{"StringLike":{{"kms:EncryptionContext:Tenant":"*{}b"}}}}}}}}"#,
        "a?".repeat(4000)
    );
    report(
        "one hostile pattern of 8 KiB, 8 KiB of context",
        &parse(&one),
        &root,
        &context(&"a".repeat(8192)),
    );
    let started = Instant::now();
    let parsed = parse(&filled(|n| {
        format!(r#"{{"Sid":"S{n}","Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}}"#)
    }));
    black_box(parsed);
    println!("{:<50} {:>12.1?}", "parsing 32 KiB", started.elapsed());
}

fn account() -> kms_types::AccountId {
    "111122223333".parse().expect("an account")
}

fn parse(document: &str) -> Policy {
    Policy::parse(PolicyKind::Key, document).expect("a key policy")
}

/// As many statements as fit.
fn filled(statement: impl Fn(usize) -> String) -> String {
    let mut document = String::from(r#"{"Version":"2012-10-17","Statement":["#);
    for n in 0.. {
        let next = statement(n);
        if document.len() + next.len() + 3 > MOST_BYTES {
            break;
        }
        document.push_str(if n == 0 { "" } else { "," });
        document.push_str(&next);
    }
    document + "]}"
}

fn user() -> Caller {
    let principal = Principal::User(UserPrincipal {
        account: account(),
        path: "/".into(),
        name: "ann".into(),
        id: "AIDAANN".into(),
    });
    let policy = |n: usize| {
        let action = if n == 9 { "kms:*" } else { "kms:List*" };
        let document = format!(
            r#"{{"Statement":{{"Effect":"Allow","Action":"{action}","Resource":"arn:aws:kms:*:*:key/*"}}}}"#
        );
        let policy = Policy::parse(PolicyKind::Identity, &document).expect("an identity policy");
        NamedPolicy { name: format!("p{n}"), policy: Arc::new(policy) }
    };
    Caller { permissions: Permissions::Policies((0..10).map(policy).collect()), ..Caller::bare(principal) }
}

fn context(tenant: &str) -> Context {
    let mut context = Context::default();
    context.add("kms:CallerAccount", "111122223333");
    context.add("kms:KeySpec", "SYMMETRIC_DEFAULT");
    context.add("kms:EncryptionContext:Tenant", tenant);
    context.add("kms:EncryptionContextKeys", "Tenant");
    context.add("aws:CurrentTime", Timestamp::from_millis(1_770_000_000_000));
    context
}

fn report(name: &str, policy: &Policy, caller: &Caller, context: &Context) {
    let target = Target::Guarded(Guarded {
        arn: KEY,
        owner: account(),
        policy_name: "default",
        policy: Some(policy),
        grants: &NoGrants,
    });
    let request = Request { caller, action: "kms:Decrypt", target, context };
    let (started, mut decisions) = (Instant::now(), 0u32);
    while started.elapsed() < Duration::from_millis(500) {
        black_box(evaluate(black_box(&request)));
        decisions += 1;
    }
    println!("{name:<50} {:>12.1?} per decision", started.elapsed() / decisions);
}
