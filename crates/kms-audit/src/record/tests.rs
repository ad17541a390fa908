use super::*;
use crate::{Event, ServiceEvent, SessionIssuer};
use kms_types::{
    AccountId, KeyArn, MaterialId, OnBehalfOf, Operation, Principal, RequestId, RoleSession,
    ServicePrincipal, UserPrincipal,
};
use serde_json::json;

fn account() -> AccountId {
    "111122223333".parse().unwrap()
}

fn key() -> KeyArn {
    "arn:aws:kms:us-east-1:111122223333:key/mrk-0f1e2d3c4b5a69788796a5b4c3d2e1f0".parse().unwrap()
}

fn builder(event: Event, identity: UserIdentity) -> RecordBuilder {
    let time = Timestamp::parse_iso("20260203T081409Z").unwrap();
    Record::builder(event, identity, time, &"us-east-1".parse().unwrap(), [9; 16])
}

fn root() -> UserIdentity {
    UserIdentity::verified(&Principal::Root { account: account() }, "AKIAEXAMPLE")
}

#[test]
fn decrypt_by_root() {
    let record = builder(Event::Call(Operation::Decrypt), root())
        .client("198.51.100.24", "aws-sdk-rust/1.x")
        .request_id(RequestId::from_random([7; 16]))
        .request_parameters(json!({
            "EncryptionAlgorithm": "SYMMETRIC_DEFAULT", "KeyId": key().to_string(), "CiphertextBlob": "AQE=",
            "EncryptionContext": {"tenant": "blue"},
        }))
        .key_material_id(&MaterialId::from_bytes([0x0b; 32]))
        .key(&key())
        .tls(TlsDetails {
            tls_version: "TLSv1.3".into(),
            cipher_suite: "TLS_AES_128_GCM_SHA256".into(),
            key_exchange: None,
            client_provided_host_header: "kms.us-east-1.example.net".into(),
        })
        .build();
    insta::assert_snapshot!(serde_json::to_string_pretty(&record).unwrap());
}

/// One identity for every form of caller, with the session context of those that have one.
fn identities() -> Vec<UserIdentity> {
    let user = Principal::User(UserPrincipal {
        account: account(),
        path: "/".into(),
        name: "ops".into(),
        id: "AIDAEXAMPLE".into(),
    });
    let role = RoleSession {
        account: account(),
        path: "/apps/".into(),
        role: "Ledger".into(),
        role_id: "AROAEXAMPLEID".into(),
        session: "job-7".into(),
    };
    let federated = Principal::FederatedUser { account: account(), name: "bob".into() };
    let acting = OnBehalfOf { account: Some(account()), source_arn: None, via_service: None };
    let service = |on_behalf_of| {
        let (name, account) = ("backup.amazonaws.com".into(), "000000000000".parse().unwrap());
        Principal::Service(ServicePrincipal { name, account, on_behalf_of })
    };
    let created = Timestamp::parse_iso("20260203T080000Z").unwrap();
    vec![
        root(),
        UserIdentity::verified(&user, "AKIAEXAMPLE"),
        UserIdentity::verified(&user, "ASIAEXAMPLE").session(created, None),
        UserIdentity::verified(&Principal::AssumedRole(role.clone()), "ASIAEXAMPLE")
            .session(created, Some(&SessionIssuer::Role(&role))),
        UserIdentity::verified(&federated, "ASIAEXAMPLE")
            .session(created, Some(&SessionIssuer::Caller(&user))),
        UserIdentity::verified(&service(None), "SVCEXAMPLE"),
        UserIdentity::verified(&service(Some(acting)), "SVCEXAMPLE"),
        UserIdentity::internal(account()),
        UserIdentity::unknown(Some("AKIANOBODY")),
    ]
}

#[test]
fn every_form_of_caller() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&identities()).unwrap());
}

#[test]
fn refused_call_of_an_unknown_caller() {
    let record = builder(Event::Call(Operation::CreateKey), UserIdentity::unknown(Some("AKIANOBODY")))
        .client("198.51.100.24", "curl/8")
        .request_id(RequestId::from_random([7; 16]))
        .error("UnrecognizedClientException", "The security token included in the request is invalid.")
        .recipient(account())
        .build();
    insta::assert_snapshot!(serde_json::to_string_pretty(&record).unwrap());
}

#[test]
fn rotation_by_the_service() {
    let record = builder(Event::Service(ServiceEvent::RotateKey), UserIdentity::internal(account()))
        .service_event_details(json!({"rotationType": "ON_DEMAND", "keyOrigin": "AWS_KMS", "keyId": "K"}))
        .key(&key())
        .build();
    insta::assert_snapshot!(serde_json::to_string_pretty(&record).unwrap());
}

#[test]
fn event_types_follow_cloudtrail() {
    for (event, event_type, source) in [
        (Event::Call(Operation::Encrypt), "AwsApiCall", "kms.amazonaws.com"),
        (Event::Service(ServiceEvent::SynchronizeMultiRegionKey), "AwsApiCall", "kms.amazonaws.com"),
        (Event::Service(ServiceEvent::DeleteKey), "AwsServiceEvent", "kms.amazonaws.com"),
        (Event::Operator("region promote"), "MeridianOperatorCommand", "meridian"),
    ] {
        let record = builder(event, UserIdentity::internal(account())).build();
        assert_eq!((record.event_type, record.event_source), (event_type, source));
    }
}

#[test]
fn text_from_outside_stays_on_one_line_and_is_bounded() {
    let hostile = "\n{\"eventName\":\"Forged\"}\n".repeat(1000);
    let record = builder(Event::Call(Operation::Encrypt), UserIdentity::unknown(Some(&hostile)))
        .client("198.51.100.24", &hostile)
        .error("ValidationException", &hostile)
        .build();
    let line = serde_json::to_string(&record).unwrap();
    assert!(!line.contains('\n'));
    assert!(line.len() < 10_000, "{}", line.len());
}
