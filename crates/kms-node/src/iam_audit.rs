//! What the audit record of an IAM or STS call says: its parameters and, for changes, its result, in CloudTrail's spelling
//! and without secrets (invariant G3).

use kms_ops::iam::{Action, Answer, Params, Tree};
use serde_json::{Map, Value};

/// Members that never enter a record.
const SECRET: [&str; 3] = ["SecretAccessKey", "SessionToken", "TokenCode"];
/// Longest value of a parameter that is recorded.
const MOST_CHARS: usize = 4096;

/// `requestParameters`: flat names in lower camel case.
pub(crate) fn parameters(params: &Params) -> Value {
    let kept =
        params.iter().filter(|(name, _)| !["Action", "Version"].contains(name) && !SECRET.contains(name));
    let member = |(name, value): (&str, &str)| {
        (lower_camel(name), Value::String(value.chars().take(MOST_CHARS).collect()))
    };
    let members: Map<String, Value> = kept.map(member).collect();
    if members.is_empty() { Value::Null } else { Value::Object(members) }
}

/// `responseElements` of what changed something or made a session.
pub(crate) fn response(action: Action, answer: &Answer) -> Option<Value> {
    answer.as_ref().filter(|_| !action.is_read()).map(json)
}

fn json(tree: &Tree) -> Value {
    match tree {
        Tree::Text(text) => Value::String(text.clone()),
        Tree::Struct(members) => {
            let kept = members.iter().filter(|(name, _)| !SECRET.contains(name));
            Value::Object(kept.map(|(name, member)| (lower_camel(name), json(member))).collect())
        }
        Tree::List(elements) | Tree::Map(elements) => Value::Array(elements.iter().map(json).collect()),
    }
}

fn lower_camel(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_stay_out_of_records() {
        let key = Tree::Struct(vec![("AccessKeyId", "AKIA".into()), ("SecretAccessKey", "s3cret".into())]);
        let shown = response(Action::CreateAccessKey, &Some(Tree::Struct(vec![("AccessKey", key)]))).unwrap();
        assert_eq!(shown.to_string(), r#"{"accessKey":{"accessKeyId":"AKIA"}}"#);
        assert_eq!(response(Action::ListUsers, &Some(Tree::Struct(Vec::new()))), None);
    }
}
