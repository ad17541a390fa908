//! What differs between the kinds of policies when they are put.

use super::{Policy, PolicyKind};

#[test]
fn each_kind_has_its_own_rules() {
    use PolicyKind::{Boundary, Identity, Key, Session, Trust};
    let statement = |rest: &str| format!(r#"{{"Statement":{{"Effect":"Allow",{rest}}}}}"#);
    let identity = statement(r#""Action":"kms:*","Resource":"*""#);
    let trust = statement(r#""Principal":"*","Action":"sts:AssumeRole""#);
    for kind in [Identity, Boundary, Session] {
        assert!(Policy::parse(kind, &identity).is_ok());
    }
    assert!(Policy::parse(Trust, &trust).is_ok());
    assert!(Policy::parse(Key, &trust).is_ok());
    let refused = [
        (Key, identity.clone()),
        (Trust, identity),
        (Identity, statement(r#""Principal":"*","Action":"kms:*","Resource":"*""#)),
        (Session, statement(r#""NotPrincipal":{"AWS":"*"},"Action":"kms:*","Resource":"*""#)),
        (Identity, statement(r#""Action":"kms:*""#)),
        (Boundary, statement(r#""Resource":"*""#)),
        (Trust, statement(r#""Principal":"*","Action":"sts:AssumeRole","Resource":"*""#)),
        (Trust, statement(r#""Principal":"*","Action":"kms:Encrypt""#)),
        (Trust, statement(r#""Principal":"*","Action":"*""#)),
        (Identity, statement(r#""Sid":"two words","Action":"kms:*","Resource":"*""#)),
        (
            Identity,
            r#"{"Statement":[{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"},
            {"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"}]}"#
                .into(),
        ),
        (
            Identity,
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:kms:${aws:x}:1:key/a"}}"#
                .into(),
        ),
    ];
    let table: Vec<String> = refused
        .iter()
        .map(|(kind, document)| {
            format!("{kind:?} {document}\n    {}", Policy::parse(*kind, document).unwrap_err())
        })
        .collect();
    insta::assert_snapshot!(table.join("\n"));
}
