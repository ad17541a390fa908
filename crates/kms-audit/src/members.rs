//! From API members to what CloudTrail shows of them: lower camel case, dates for people, nothing secret (G3).

use kms_types::Timestamp;
use serde_json::{Map, Value};

/// Members that never enter a record, in lower camel case. [KMS:logging-using-cloudtrail]
const WITHHELD: [&str; 18] = [
    "attestationDocument",
    "ciphertext",
    "ciphertextBlob",
    "ciphertextForRecipient",
    "encryptedKeyMaterial",
    "grantToken",
    "grantTokens",
    "importToken",
    "keyStorePassword",
    "mac",
    "message",
    "plaintext",
    "privateKeyCiphertextBlob",
    "privateKeyPlaintext",
    "rawSecretAccessKey",
    "sharedSecret",
    "signature",
    "xksProxyAuthenticationCredential",
];

/// Members whose names below are the caller's own and stay as they are.
const CALLERS_OWN: [&str; 5] = [
    "destinationEncryptionContext",
    "encryptionContext",
    "encryptionContextEquals",
    "encryptionContextSubset",
    "sourceEncryptionContext",
];

/// Members that carry a time, in seconds on the wire.
const TIMES: [&str; 5] = ["creationDate", "deletionDate", "lastUpdatedDate", "rotationDate", "validTo"];

/// The members of a request or response as a record shows them. Applying it twice changes nothing.
pub(crate) fn shown(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(members.into_iter().filter_map(shown_member).collect()),
        Value::Array(items) => Value::Array(items.into_iter().map(shown).collect()),
        scalar => scalar,
    }
}

fn shown_member((name, value): (String, Value)) -> Option<(String, Value)> {
    let name = lower_first(&name);
    if WITHHELD.contains(&name.as_str()) {
        return None;
    }
    let value = match value {
        Value::Object(own) if CALLERS_OWN.contains(&name.as_str()) => Value::Object(own),
        Value::Number(seconds) if TIMES.contains(&name.as_str()) => date(&seconds),
        other => shown(other),
    };
    Some((name, value))
}

/// AWS lowers the first letter only, hence its `aWSAccountId`.
fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + letters.as_str())
}

fn date(seconds: &serde_json::Number) -> Value {
    // Times of the API are seconds with a fraction of at most milliseconds, far inside what a f64 holds.
    let ms = seconds.as_f64().map_or(0.0, |s| (s * 1000.0).round());
    Value::String(human_date(Timestamp::from_millis(ms as u64)))
}

/// `Nov 18, 2020, 1:29:18 AM`, as `keyMetadata` in records shows times.
pub fn human_date(time: Timestamp) -> String {
    time.format("%b %-d, %Y, %-I:%M:%S %p")
}

/// An object with one member.
pub(crate) fn single(name: &str, value: String) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), Value::String(value))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_lowered_and_secrets_withheld_at_every_depth() {
        let made = shown(json!({
            "KeyId": "k", "Plaintext": "c2VjcmV0", "CiphertextBlob": "AQ==", "GrantTokens": ["t"], "DryRun": true,
            "Tags": [{"TagKey": "Team", "TagValue": "Blue"}],
            "Recipient": {"AttestationDocument": "AA==", "KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256"},
        }));
        let answer = json!({
            "keyId": "k", "dryRun": true, "tags": [{"tagKey": "Team", "tagValue": "Blue"}],
            "recipient": {"keyEncryptionAlgorithm": "RSAES_OAEP_SHA_256"},
        });
        assert_eq!(made, answer);
        assert_eq!(shown(made), answer);
    }

    #[test]
    fn encryption_context_keeps_the_callers_names() {
        let made =
            shown(json!({"EncryptionContext": {"Tenant": "Blue", "Plaintext": "a name like any other"}}));
        let answer = json!({"encryptionContext": {"Tenant": "Blue", "Plaintext": "a name like any other"}});
        assert_eq!(made, answer);
    }

    #[test]
    fn key_metadata_has_awss_spelling_and_dates() {
        let made = shown(json!({"KeyMetadata": {"AWSAccountId": "1", "CreationDate": 1_605_662_958.25}}));
        let answer =
            json!({"keyMetadata": {"aWSAccountId": "1", "creationDate": "Nov 18, 2020, 1:29:18 AM"}});
        assert_eq!(made, answer);
    }
}
