use super::{
    fixture::{FOREIGN, Fixture},
    requests::{create_alias, describe, disable, encrypt},
};
use crate::Error;

/// Section 1.7, line by line.
#[test]
fn every_form_that_does_not_resolve() {
    let mut f = Fixture::new();
    let key = f.single();
    f.call(create_alias("alias/a", &key.key_id)).unwrap();
    let arn = key.arn.to_string();
    let unknown = "00000000-0000-4000-8000-000000000000";
    let forms = [
        "fake-key-id".to_string(),
        key.key_id.to_string().replace('-', ""),
        key.key_id.to_string().to_uppercase(),
        "mrk-zz".into(),
        unknown.into(),
        arn.replace(&key.key_id.to_string(), unknown),
        arn.replace("us-east-1", "eu-west-1"),
        arn.replace("key/", ""),
        arn.replace(":kms:", ":s3:"),
        "arn:".into(),
        "alias/none".into(),
        "alias/bad name".into(),
        arn.replace(&format!("key/{}", key.key_id), "alias/none"),
        arn.replace("us-east-1", "eu-west-1").replace(&format!("key/{}", key.key_id), "alias/a"),
        arn.replace("111122223333", FOREIGN),
    ];
    let mut table = String::new();
    for form in &forms {
        let form = form.replace(&key.key_id.to_string(), "<id>");
        let text = form.replace("<id>", &key.key_id.to_string());
        for (name, error) in [
            ("Encrypt", f.call(encrypt(&text, b"x")).unwrap_err()),
            ("DescribeKey", f.call(describe(&text)).unwrap_err()),
            ("DisableKey", f.call(disable(&text)).unwrap_err()),
        ] {
            table += &format!("{form:<75} {name:<12} {error}\n");
        }
    }
    let hide = |t: String| {
        t.replace(&key.key_id.to_string(), "<id>").replace(&key.key_id.to_string().replace('-', ""), "<hex>")
    };
    let upper = key.key_id.to_string().to_uppercase();
    insta::assert_snapshot!(hide(table).replace(&upper, "<ID>"));
}

#[test]
fn an_alias_is_refused_where_only_keys_are_taken() {
    let mut f = Fixture::new();
    let key = f.single();
    f.call(create_alias("alias/a", &key.key_id)).unwrap();
    let alias_arn = key.arn.to_string().replace(&format!("key/{}", key.key_id), "alias/a");
    for form in ["alias/a".to_string(), alias_arn] {
        assert_eq!(f.call(disable(&form)).unwrap_err(), Error::AliasNotSupported { input: form.clone() });
        f.call(describe(&form)).unwrap();
    }
}
