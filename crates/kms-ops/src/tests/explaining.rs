//! What an operator is told about a decision.

use kms_policy::Miss;

use super::{
    fixture::{Fixture, OWN},
    requests::put_policy,
};
use crate::explain::{Documents, ExplainError, Explanation, Question, explain};

fn ask(f: &Fixture, action: &str, key: Option<&str>, context: &[(&str, &str)]) -> Explanation {
    let context = context.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    let (principal, key) = (OWN.into(), key.map(Into::into));
    let question = Question { principal, action: action.into(), key, context, suppose: Documents::default() };
    explain(&f.state, &question).unwrap()
}

#[test]
fn an_explanation_names_the_statement_and_what_was_missing() {
    let mut f = Fixture::new();
    let key = f.single();
    let document = format!(
        r#"{{"Version":"2012-10-17","Statement":[
        {{"Sid":"Own","Effect":"Allow","Principal":{{"AWS":"{OWN}"}},"Action":"kms:*","Resource":"*"}},
        {{"Sid":"Not at night","Effect":"Deny","Principal":"*","Action":"kms:Decrypt","Resource":"*",
          "Condition":{{"StringEquals":{{"kms:EncryptionContext:Shift":"night"}}}}}}]}}"#
    );
    f.call(put_policy(&key.key_id, &document)).unwrap();
    let id = key.key_id.to_string();
    let day = ask(&f, "kms:Decrypt", Some(&id), &[("kms:EncryptionContext:Shift", "day")]);
    assert!(day.allowed);
    assert_eq!(day.reason, "statement 1 (`Own`) of key policy `default` names the caller");
    assert_eq!(day.resource, key.arn.to_string());
    let miss = day.policies[0].statements[1].miss.clone().unwrap();
    assert!(matches!(miss, Miss::Condition { values, .. } if values == ["day"]));
    let night = ask(&f, "kms:Decrypt", Some(&id), &[("kms:EncryptionContext:Shift", "night")]);
    assert!(!night.allowed);
    assert_eq!(night.reason, "statement 2 (`Not at night`) of key policy `default` denies");
    let list = ask(&f, "kms:ListKeys", None, &[]);
    assert_eq!((list.allowed, list.reason.as_str()), (true, "a root user needs no identity policy"));
}

/// The deployment's own key may be the first of the state, and is nobody's.
#[test]
fn a_service_is_one_of_the_key_that_is_asked_about() {
    let mut f = Fixture::new();
    let about = |key: Option<String>| Question {
        principal: "backup.example".into(),
        action: "kms:Encrypt".into(),
        key,
        ..Question::default()
    };
    let none = explain(&f.state, &about(None)).unwrap_err();
    assert_eq!(none, ExplainError::NoPrincipal("backup.example".into()), "there is no customer yet");
    let hidden = f.state.identity_key().unwrap().id.to_string();
    f.single();
    let error = explain(&f.state, &about(Some(hidden.clone()))).unwrap_err();
    assert_eq!(error, ExplainError::NoKey(hidden));
    let key = f.single();
    let document = format!(
        r#"{{"Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{OWN}"}},"Action":"kms:*","Resource":"*"}},
        {{"Effect":"Allow","Principal":{{"Service":"backup.example"}},"Action":"kms:Encrypt","Resource":"*",
          "Condition":{{"StringEquals":{{"kms:CallerAccount":"{OWN}"}}}}}}]}}"#
    );
    f.call(put_policy(&key.key_id, &document)).unwrap();
    assert!(explain(&f.state, &about(Some(key.key_id.to_string()))).unwrap().allowed);
    assert!(explain(&f.state, &about(Some(key.arn.to_string()))).unwrap().allowed);
}

#[test]
fn supposed_policies_take_the_place_of_those_in_force() {
    let mut f = Fixture::new();
    let key = f.single();
    let allow =
        |action: &str| format!(r#"{{"Statement":{{"Effect":"Allow","Action":"{action}","Resource":"*"}}}}"#);
    let question = Question {
        principal: format!("arn:aws:sts::{OWN}:federated-user/bob"),
        action: "kms:Encrypt".into(),
        key: Some(key.key_id.to_string()),
        context: Vec::new(),
        suppose: Documents { identity: vec![allow("kms:Enc*")], ..Documents::default() },
    };
    assert!(explain(&f.state, &question).unwrap().allowed);
    let edged = Documents { boundary: Some(allow("kms:Decrypt")), ..question.suppose.clone() };
    let answer = explain(&f.state, &Question { suppose: edged, ..question.clone() }).unwrap();
    assert_eq!(answer.reason, "the permissions boundary does not allow");
    let other =
        r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"999988887777"},"Action":"*","Resource":"*"}}"#;
    let closed = Documents { key: Some(other.into()), ..question.suppose.clone() };
    let answer = explain(&f.state, &Question { suppose: closed, ..question.clone() }).unwrap();
    assert_eq!(answer.reason, "no statement of the key policy names the caller or its account");
    let broken = Documents { session: vec!["{".into()], ..Documents::default() };
    let error = explain(&f.state, &Question { suppose: broken, ..question.clone() }).unwrap_err();
    assert!(matches!(error, ExplainError::Malformed(..)));
    let nobody = format!("arn:aws:iam::{OWN}:user/nobody");
    let error = explain(&f.state, &Question { principal: nobody.clone(), ..question }).unwrap_err();
    assert_eq!(error, ExplainError::NoPrincipal(nobody));
}
