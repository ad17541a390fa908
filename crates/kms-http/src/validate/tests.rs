use super::*;
use kms_types::KeySpec;
use serde_json::json;

fn violations(body: serde_json::Value, read: fn(&mut Members<'_>)) -> String {
    let mut members = Members::new(body.as_object().unwrap());
    read(&mut members);
    match members.finish() {
        Err(InputError::Constraints(list)) => Violation::summary(&list),
        other => panic!("{other:?}"),
    }
}

#[test]
fn all_violations_are_collected_in_one_text() {
    let text = violations(json!({"NumberOfBytes": 0, "KeySpec": "X"}), |m| {
        m.required_text("KeyId", &Text::KEY_ID).unwrap();
        m.integer("NumberOfBytes", 1, 1024).unwrap();
    });
    assert_eq!(
        text,
        "2 validation errors detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null; \
         Value '0' at 'numberOfBytes' failed to satisfy constraint: Member must have value greater than or equal to 1"
    );
}

#[test]
fn sensitive_values_are_left_out() {
    let text = violations(json!({"Plaintext": ""}), |m| {
        m.required_blob("Plaintext", Length::new(1, 4096)).unwrap();
    });
    assert_eq!(
        text,
        "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: \
         Member must have length greater than or equal to 1"
    );
    let text = violations(json!({"GrantTokens": vec!["secret"; 11]}), |m| {
        m.texts("GrantTokens", Length::new(0, 10), &Text::GRANT_TOKEN).unwrap();
    });
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn list_elements_count_from_one() {
    let text = violations(json!({"Tags": [{"TagKey": "a"}, {"TagKey": "k".repeat(129)}]}), |m| {
        m.objects("Tags", Length::ANY, |tag| tag.required_text("TagKey", &Text::TAG_KEY)).unwrap();
    });
    assert!(text.contains("at 'tags.2.member.tagKey' failed to satisfy constraint: Member must have length less than or equal to 128"), "{text}");
}

#[test]
fn enumerations_and_patterns_name_what_they_allow() {
    let text = violations(json!({"KeySpec": "X", "PolicyName": "a b"}), |m| {
        m.choice("KeySpec", &[KeySpec::Rsa2048, KeySpec::Sm2]).unwrap();
        m.text("PolicyName", &Text::POLICY_NAME).unwrap();
    });
    assert!(text.contains("Value 'X' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [RSA_2048, SM2]"));
    assert!(text.contains(r"Value 'a b' at 'policyName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w]+"));
}

#[test]
fn wrong_types_end_the_reading() {
    let body = json!({"KeyId": 1, "DryRun": "true", "Limit": 1.5, "Plaintext": "%%", "Tags": {}, "Big": 5_000_000_000_i64});
    let mut m = Members::new(body.as_object().unwrap());
    let error = m.text("KeyId", &Text::KEY_ID).unwrap_err();
    assert_eq!(error.to_string(), "NUMBER_VALUE can not be converted to a String at 'keyId'");
    assert!(m.flag("DryRun").is_err());
    assert!(m.integer("Limit", 1, 10).is_err());
    assert!(m.integer("Big", 1, 10).is_err());
    assert!(m.blob("Plaintext", Length::ANY).is_err());
    assert!(m.texts("Tags", Length::ANY, &Text::TAG_KEY).is_err());
}

#[test]
fn parameters_hold_what_may_be_shown() {
    let body =
        json!({"KeyId": "k", "Plaintext": "YQ==", "GrantTokens": ["t"], "Description": null, "Other": 1});
    let mut m = Members::new(body.as_object().unwrap());
    m.text("KeyId", &Text::KEY_ID).unwrap();
    m.blob("Plaintext", Length::ANY).unwrap();
    m.texts("GrantTokens", Length::new(0, 10), &Text::GRANT_TOKEN).unwrap();
    m.text("Description", &Text::DESCRIPTION).unwrap();
    m.default("Description", "");
    assert_eq!(m.into_parameters(), json!({"keyId": "k", "description": ""}));
}

#[test]
fn only_one_plain_object_is_a_body() {
    assert!(parse_object(b"{}").unwrap().is_empty());
    assert_eq!(parse_object(b"[]"), Err(SerializationError::NotAnObject));
    assert_eq!(parse_object(b"{\"a\":1,\"a\":2}"), Err(SerializationError::DuplicateMember));
    assert_eq!(parse_object(b"{\"b\":{\"a\":1,\"\\u0061\":2}}"), Err(SerializationError::DuplicateMember));
    assert_eq!(parse_object(b"\xff"), Err(SerializationError::NotUtf8));
    for bad in ["", "{", "{}{}", "{\"a\":}", "{} x", "{\"a\":1e999}", "{\"a\":\"\\ud800\"}"] {
        assert!(matches!(parse_object(bad.as_bytes()), Err(SerializationError::Malformed { .. })), "{bad}");
    }
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(parse_object(deep.as_bytes()), Err(SerializationError::TooDeep { most: 16 }));
}

proptest::proptest! {
    /// H1: no body panics.
    #[test]
    fn arbitrary_bodies_never_panic(body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        let _ = parse_object(&body);
    }
}

#[test]
fn forms_of_custom_key_stores_follow_the_model() {
    let fits = |shape: &Text, text: &str| shape.broken_by(text).is_empty();
    for (shape, good, bad) in [
        (&Text::CLOUD_HSM_CLUSTER_ID, "cluster-2a34b5cdefg", "cluster-1a34b5cdefg"),
        (&Text::XKS_URI_ENDPOINT, "https://xks.example.com", "http://xks.example.com"),
        (&Text::XKS_URI_PATH, "/a/b/kms/xks/v1", "//kms/xks/v"),
        (&Text::XKS_URI_PATH, "/kms/xks/v12", "/kms/xks/v123"),
        (
            &Text::XKS_VPC_SERVICE_NAME,
            "com.amazonaws.vpce.us-east-1.vpce-svc-0a1b2c",
            "com.amazonaws.vpce.useast1.vpce-svc-0a1b2c",
        ),
        (&Text::ACCOUNT_ID, "123456789012", "12345678901a"),
        (&Text::XKS_ACCESS_KEY_ID, "ABCDEFGHIJKLMNOPQR27", "ABCDEFGHIJKLMNOPQR01"),
    ] {
        assert!(fits(shape, good), "{good}");
        assert!(!fits(shape, bad), "{bad}");
    }
    assert_eq!(Text::KEY_STORE_PASSWORD.show, Show::Nothing);
}
