//! Calls by well-behaved clients, right and wrong.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kms_ops::iam::Action;
use kms_types::{Operation, Timestamp};
use serde_json::json;
use std::sync::atomic::Ordering::SeqCst;
use tokio::net::TcpStream;

use super::{fake::*, wire};
use crate::{ClientError, RefusedCall};

fn code(result: Result<serde_json::Value, ClientError>) -> (u16, String) {
    let error = result.unwrap_err();
    (error.status, error.code)
}

#[tokio::test]
async fn a_verified_call_reaches_the_service_with_its_origin() {
    let server = start().await;
    let answer = server.client().call("GenerateRandom", json!({"NumberOfBytes": 3})).await.unwrap();
    assert_eq!(answer, json!({"Plaintext": "BwcH"}));
    let call = server.calls().remove(0);
    assert_eq!(call.principal.arn(), "arn:aws:iam::000000000000:root");
    assert_eq!(call.audit_parameters, json!({"numberOfBytes": 3}));
    assert!(call.origin.source_ip.is_loopback());
    assert_eq!(call.origin.host, Some(server.address.to_string()));
    assert!(server.refusals().is_empty());
}

#[tokio::test]
async fn operations_without_output_answer_an_empty_body() {
    let server = start().await;
    let request = wire::signed(server.address, "EnableKey", br#"{"KeyId":"k"}"#);
    let head = wire::head(&request, "connection: close\r\ncontent-length: 13\r\n\r\n");
    let answer = wire::exchange(server.address, &[head, request.body().to_vec()].concat()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("content-type: application/x-amz-json-1.1\r\n"), "{answer}");
    assert!(answer.contains("x-amzn-requestid: 00000000-0000-4000-8000-000000000000\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn bad_signatures_are_refused_recorded_and_never_reach_the_service() {
    let server = start().await;
    let random = || json!({"NumberOfBytes": 3});
    let refused = |name: &str| (400, name.to_owned());
    let wrong_secret = server.client_with(REGION, "wrong", NOW).call("GenerateRandom", random()).await;
    assert_eq!(code(wrong_secret), refused("InvalidSignatureException"));
    let wrong_region = server.client_with("eu-west-1", "secret", NOW).call("GenerateRandom", random()).await;
    assert_eq!(wrong_region.unwrap_err().message, "Credential should be scoped to a valid region. ");
    let old = Timestamp::from_millis(NOW.as_millis() - 301_000);
    let old_date = server.client_with(REGION, "secret", old).call("GenerateRandom", random()).await;
    assert_eq!(
        old_date.unwrap_err().message,
        "Signature expired: 20260203T080908Z is now earlier than 20260203T080909Z (20260203T081409Z - 5 min.)"
    );
    assert!(server.calls().is_empty());
    let recorded = server.refusals();
    assert_eq!(recorded.len(), 3);
    for refusal in recorded {
        assert_eq!(refusal.call, RefusedCall::Operation(Operation::GenerateRandom));
        assert_eq!(refusal.caller, None);
        assert_eq!(refusal.access_key_id.as_deref(), Some("test"));
    }
}

#[tokio::test]
async fn a_changed_body_is_refused() {
    let server = start().await;
    let request = wire::signed(server.address, "GenerateRandom", br#"{"NumberOfBytes":3}"#);
    let head = wire::head(&request, "connection: close\r\ncontent-length: 19\r\n\r\n");
    let answer = wire::exchange(server.address, &[head, br#"{"NumberOfBytes":9}"#.to_vec()].concat()).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("InvalidSignatureException"), "{answer}");
    assert!(server.calls().is_empty());
}

#[tokio::test]
async fn bodies_are_checked_before_the_service_sees_them() {
    let server = start().await;
    let client = server.client();
    let missing =
        client.call("Encrypt", json!({"KeyId": "k", "EncryptionContext": {"a": "b"}})).await.unwrap_err();
    assert_eq!(missing.code, "ValidationException");
    assert_eq!(
        missing.message,
        "1 validation error detected: Value null at 'plaintext' failed to satisfy constraint: Member must not be null"
    );
    let wrong_type = client.call("Encrypt", json!({"KeyId": 7})).await;
    assert_eq!(code(wrong_type), (400, "SerializationException".into()));
    assert_eq!(code(client.call("Frobnicate", json!({})).await), (400, "UnknownOperationException".into()));
    assert!(server.calls().is_empty());
    let recorded = server.refusals();
    assert_eq!(recorded[0].audit_parameters["encryptionContext"], json!({"a": "b"}));
    assert!(recorded.iter().all(|refusal| refusal.caller.is_some()));
    let call = RefusedCall::Operation;
    assert_eq!(
        recorded.iter().map(|r| r.call).collect::<Vec<_>>(),
        [call(Operation::Encrypt), call(Operation::Encrypt), RefusedCall::Unknown]
    );
}

#[tokio::test]
async fn malformed_json_is_a_serialization_exception() {
    let server = start().await;
    for body in
        [b"{\"KeyId\"".as_slice(), b"", b"[]", b"{\"KeyId\":\"\xff\"}", b"{\"KeyId\":\"a\",\"KeyId\":\"b\"}"]
    {
        let request = wire::signed(server.address, "EnableKey", body);
        let head =
            wire::head(&request, &format!("connection: close\r\ncontent-length: {}\r\n\r\n", body.len()));
        let answer = wire::exchange(server.address, &[head, body.to_vec()].concat()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(answer.contains("SerializationException"), "{answer}");
    }
    assert!(server.calls().is_empty());
}

#[tokio::test]
async fn a_refusal_that_cannot_be_recorded_is_a_503() {
    let server = start().await;
    server.fake.audit_broken.store(true, SeqCst);
    let answer = server.client_with(REGION, "wrong", NOW).call("ListKeys", json!({})).await;
    assert_eq!(code(answer), (503, "ServiceUnavailableException".into()));
}

/// Failure case 28: the call may have had its effect, and its answer does not leave without a record.
#[tokio::test]
async fn a_call_that_cannot_be_recorded_is_a_503() {
    let server = start().await;
    server.fake.audit_broken.store(true, SeqCst);
    let answer = server.client().call("ListKeys", json!({})).await;
    assert_eq!(code(answer), (503, "ServiceUnavailableException".into()));
    assert_eq!(server.calls().len(), 1);
}

/// Section 1.8: after the signature, before anything that the body says.
#[tokio::test]
async fn a_throttled_call_is_refused_before_its_constraints_and_recorded() {
    let server = start().await;
    *server.fake.throttled.lock().unwrap() = Some(Operation::Encrypt);
    let refused = server.client().call("Encrypt", json!({"NumberOfBytes": -1})).await;
    assert_eq!(
        refused.as_ref().unwrap_err().message,
        "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."
    );
    assert_eq!(code(refused), (400, "ThrottlingException".into()));
    let unsigned = server.client_with(REGION, "wrong", NOW).call("Encrypt", json!({})).await;
    assert_eq!(code(unsigned), (400, "InvalidSignatureException".into()));
    assert!(server.client().call("ListKeys", json!({})).await.is_ok(), "another operation");
    let recorded = server.refusals();
    assert_eq!(
        (recorded[0].call, recorded[0].error.code),
        (RefusedCall::Operation(Operation::Encrypt), "ThrottlingException")
    );
    assert!(recorded[0].caller.is_some());
}

#[tokio::test]
async fn internal_reasons_stay_inside() {
    let server = start().await;
    let error = server.client().call("DisableKey", json!({"KeyId": "k"})).await.unwrap_err();
    assert_eq!((error.status, error.code.as_str()), (500, "KMSInternalException"));
    assert!(!error.message.contains("fake"), "{}", error.message);
}

#[tokio::test]
async fn http2_without_tls_serves_many_calls_at_once() {
    let server = start().await;
    let io = TokioIo::new(TcpStream::connect(server.address).await.unwrap());
    let (sender, connection) =
        hyper::client::conn::http2::handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), io).await.unwrap();
    let driver = tokio::spawn(connection);
    let calls = (0..40).map(|_| {
        let mut sender = sender.clone();
        let mut request =
            wire::signed(server.address, "GenerateRandom", br#"{"NumberOfBytes":3}"#).map(Full::new);
        *request.uri_mut() = format!("http://{}/", server.address).parse().unwrap();
        request.headers_mut().remove("host");
        async move {
            let response = sender.send_request(request).await.unwrap();
            assert_eq!(response.version(), http::Version::HTTP_2);
            assert!(response.headers().contains_key("x-amzn-requestid"));
            let status = response.status();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(status, 200, "{body:?}");
        }
    });
    futures::future::join_all(calls).await;
    assert_eq!(server.calls().len(), 40);
    driver.abort();
}

#[tokio::test]
async fn health_and_readiness_are_plain_pages() {
    let server = start().await;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
    let page = wire::exchange(server.address, get("/health").as_bytes()).await;
    assert!(page.starts_with("HTTP/1.1 200") && page.ends_with(r#"{"status":"ok"}"#), "{page}");
    assert!(wire::exchange(server.address, get("/ready").as_bytes()).await.starts_with("HTTP/1.1 200"));
    server.fake.ready.store(false, SeqCst);
    assert!(wire::exchange(server.address, get("/ready").as_bytes()).await.starts_with("HTTP/1.1 503"));
    let metrics = wire::exchange(server.address, get("/metrics").as_bytes()).await;
    assert!(metrics.starts_with("HTTP/1.1 200") && metrics.contains("version=0.0.4"), "{metrics}");
    assert!(metrics.contains("fake_up 1\n"), "{metrics}");
    let other = wire::exchange(server.address, get("/other").as_bytes()).await;
    assert!(other.starts_with("HTTP/1.1 404") && other.contains("x-amzn-requestid"), "{other}");
}

async fn query(server: &Running, service: &str, body: &str) -> String {
    let request = wire::query(server.address, service, body);
    let head = wire::head(&request, &format!("connection: close\r\ncontent-length: {}\r\n\r\n", body.len()));
    wire::exchange(server.address, &[head, body.as_bytes().to_vec()].concat()).await
}

#[tokio::test]
async fn iam_and_sts_answer_in_xml() {
    let server = start().await;
    let answer = query(&server, "sts", "Action=GetCallerIdentity&Version=2011-06-15").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("content-type: text/xml") && answer.contains("x-amzn-requestid"), "{answer}");
    assert!(answer.contains("<GetCallerIdentityResult><Account>000000000000</Account>"), "{answer}");
    let answer = query(&server, "iam", "Action=DeleteUser&Version=2010-05-08&UserName=a").await;
    assert!(answer.contains("<DeleteUserResponse") && answer.contains("<ResponseMetadata>"), "{answer}");
    assert!(answer.contains("x-meridian-identity-home: eu-west-1"), "{answer}");
    let answer = query(&server, "iam", "Action=GetUser&Version=2010-05-08&UserName=a").await;
    assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("<Code>NoSuchEntity</Code>"), "{answer}");
}

/// IAM and STS say it in their own words, and the record names the action.
#[tokio::test]
async fn a_throttled_action_is_refused_and_recorded() {
    let server = start().await;
    *server.fake.throttled_action.lock().unwrap() = Some(Action::GetUser);
    let answer = query(&server, "iam", "Action=GetUser&Version=2010-05-08&UserName=a").await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("<Code>Throttling</Code>"), "{answer}");
    assert!(answer.contains("<Message>Rate exceeded</Message>"), "{answer}");
    let other = query(&server, "iam", "Action=DeleteUser&Version=2010-05-08&UserName=a").await;
    assert!(other.starts_with("HTTP/1.1 200"), "{other}");
    let recorded = server.refusals();
    assert_eq!(
        (recorded[0].call, recorded[0].error.code),
        (RefusedCall::Action(Action::GetUser), "Throttling")
    );
    assert!(recorded[0].caller.is_some());
}

#[tokio::test]
async fn an_action_is_looked_up_in_the_api_that_was_signed_for() {
    let server = start().await;
    for (service, body) in [
        ("iam", "Action=GetCallerIdentity&Version=2011-06-15"),
        ("sts", "Action=CreateUser&Version=2010-05-08"),
        ("iam", "Action=CreateUser&Version=2011-06-15"),
        ("iam", "Action=createUser&Version=2010-05-08"),
        ("iam", "Action=CreateUser"),
        ("iam", "Version=2010-05-08"),
        ("iam", ""),
    ] {
        let answer = query(&server, service, body).await;
        assert!(
            answer.starts_with("HTTP/1.1 400") && answer.contains("<Code>InvalidAction"),
            "{body}: {answer}"
        );
    }
    let twice = query(&server, "iam", "Action=GetUser&Version=2010-05-08&Action=DeleteUser").await;
    assert!(twice.contains("<Code>MalformedQueryString"), "{twice}");
    assert!(server.refusals().iter().all(|refusal| refusal.caller.is_some()));
    // A request that is signed for one API is none of another, whatever its body says.
    let key_call = query(&server, "kms", "Action=GetUser&Version=2010-05-08").await;
    assert!(key_call.contains("UnknownOperationException"), "{key_call}");
}

#[tokio::test]
async fn refusals_speak_the_words_of_the_api() {
    let server = start().await;
    let body = "Action=GetUser&Version=2010-05-08";
    let mut request = wire::query(server.address, "iam", body);
    *request.body_mut() = Bytes::from_static(b"Action=DeleteUser&Version=2010-05-08");
    let answer = {
        let head = wire::head(
            &request,
            &format!("connection: close\r\ncontent-length: {}\r\n\r\n", request.body().len()),
        );
        wire::exchange(server.address, &[head, request.body().to_vec()].concat()).await
    };
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("<Code>SignatureDoesNotMatch"), "{answer}");
    let unsigned = format!(
        "POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = wire::exchange(server.address, unsigned.as_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.1 403") && answer.contains("<Code>MissingAuthenticationToken"),
        "{answer}"
    );
}

#[tokio::test]
async fn without_a_view_nothing_is_verified() {
    let server = start().await;
    server.fake.no_leader.store(true, SeqCst);
    let failed = server.client().call("ListKeys", json!({})).await;
    assert_eq!(code(failed), (500, "KMSInternalException".into()));
    assert!(server.calls().is_empty());
    // What needs no view is still refused for what it is.
    let unsigned = "POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
    let answer = wire::exchange(server.address, unsigned.as_bytes()).await;
    assert!(answer.contains("MissingAuthenticationTokenException"), "{answer}");
}
