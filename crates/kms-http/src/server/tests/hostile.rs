//! Clients that break the rules of HTTP, or bend them.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use kms_types::limits::MAX_REQUEST_BYTES;
use proptest::prelude::*;
use std::{net::Ipv4Addr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use super::{fake::*, wire};
use crate::server::handler::{Context, handle};

#[tokio::test]
async fn a_body_above_the_limit_is_refused_unread() {
    let server = start().await;
    let request = wire::signed(server.address, "ListKeys", b"{}");
    let announced = wire::head(&request, "content-length: 10485760\r\n\r\n");
    let answer = wire::exchange(server.address, &announced).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("RequestEntityTooLargeException"), "{answer}");
    assert_eq!(server.refusals().len(), 1);
}

#[tokio::test]
async fn a_body_of_ten_megabytes_fails_the_client_and_not_the_server() {
    let server = start().await;
    let description = "d".repeat(10 << 20);
    let body = serde_json::json!({"KeyId": "k", "Description": description});
    let error = server.client().call("UpdateKeyDescription", body).await.unwrap_err();
    // The answer races the bytes still being written; either way the call failed.
    assert!([0, 413].contains(&error.status), "{error}");
    assert!(server.calls().is_empty());
    server.client().call("ListKeys", serde_json::json!({})).await.unwrap();
}

#[tokio::test]
async fn the_largest_allowed_body_is_read() {
    let server = start().await;
    let filler = "d".repeat(MAX_REQUEST_BYTES - 100);
    server.client().call("ListKeys", serde_json::json!({"Ignored": filler})).await.unwrap();
}

#[tokio::test]
async fn half_a_request_ends_after_its_time() {
    let server = start_with(quick()).await;
    let request = wire::signed(server.address, "ListKeys", b"{}");
    let started = Instant::now();
    let half_body = wire::head(&request, "content-length: 2\r\n\r\n{");
    let answer = wire::exchange(server.address, &half_body).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    let half_head = wire::head(&request, "content-len");
    assert!(!wire::exchange(server.address, &half_head).await.contains("200 OK"));
    for silent in [b"".as_slice(), b"P", b"PRI * HTTP/2.0\r\n\r\nSM"] {
        assert!(!wire::exchange(server.address, silent).await.contains("200 OK"));
    }
    assert!(started.elapsed() < Duration::from_secs(8));
    assert!(server.calls().is_empty());
}

#[tokio::test]
async fn a_client_that_leaves_half_way_is_forgotten() {
    let server = start().await;
    let request = wire::signed(server.address, "ListKeys", b"{}");
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&wire::head(&request, "content-length: 2\r\n\r\n{")).await.unwrap();
    drop(stream);
    server.client().call("ListKeys", serde_json::json!({})).await.unwrap();
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = start().await;
    let first = wire::whole(&wire::signed(server.address, "GenerateRandom", br#"{"NumberOfBytes":1}"#));
    let second = wire::signed(server.address, "GenerateRandom", br#"{"NumberOfBytes":2}"#);
    let second =
        [wire::head(&second, "connection: close\r\ncontent-length: 19\r\n\r\n"), second.body().to_vec()]
            .concat();
    let answer = wire::exchange(server.address, &[first, second].concat()).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
    assert!(answer.find(r#""Bw==""#).unwrap() < answer.find(r#""Bwc=""#).unwrap(), "{answer}");
}

/// Each framing trick is answered 400 and the connection closed, so that what follows is never read as a request.
#[tokio::test]
async fn disagreements_about_framing_close_the_connection() {
    let server = start().await;
    let request = wire::signed(server.address, "ListKeys", b"{}");
    let smuggled = wire::whole(&wire::signed(server.address, "GenerateRandom", br#"{"NumberOfBytes":1}"#));
    for framing in [
        "content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        "content-length: 2, 2\r\n\r\n{}",
        "content-length: +2\r\n\r\n{}",
        "content-length: -1\r\n\r\n{}",
        "content-length: 2 3\r\n\r\n{}",
        "content-length : 2\r\n\r\n{}",
        "content-length: 0x2\r\n\r\n{}",
        "content-length: 18446744073709551616\r\n\r\n{}",
        "content-length: 2;\r\n\r\n{}",
        "content-length: two\r\n\r\n{}",
        "transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding: identity\r\ncontent-length: 2\r\n\r\n{}",
        "transfer-encoding: \r\ncontent-length: 2\r\n\r\n{}",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
        "x: a\r\n folded: b\r\ncontent-length: 2\r\n\r\n{}",
    ] {
        let bytes = [wire::head(&request, framing), smuggled.clone()].concat();
        let answer = wire::exchange(server.address, &bytes).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{framing:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{framing:?}: {answer}");
    }
    assert!(server.calls().is_empty());
}

#[tokio::test]
async fn heads_are_bounded() {
    let server = start().await;
    let request = wire::signed(server.address, "ListKeys", b"{}");
    let many: String = (0..200).map(|n| format!("x-{n}: a\r\n")).collect();
    let long = format!("x: {}\r\n", "a".repeat(100_000));
    for extra in [many, long] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        // The server may close before it has taken everything.
        let _ =
            stream.write_all(&wire::head(&request, &format!("{extra}content-length: 2\r\n\r\n{{}}"))).await;
        let answer = wire::read_to_close(&mut stream).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    assert!(server.calls().is_empty());
}

#[tokio::test]
async fn two_hosts_are_one_too_many() {
    let server = start().await;
    let request = wire::signed(server.address, "ListKeys", b"{}");
    let twice = wire::head(&request, "host: elsewhere\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}");
    let answer = wire::exchange(server.address, &twice).await;
    assert!(
        answer.starts_with("HTTP/1.1 400") && answer.contains("IncompleteSignatureException"),
        "{answer}"
    );
}

#[tokio::test]
async fn more_connections_than_allowed_wait() {
    let options = crate::ServerOptions { max_connections: 1, ..quick() };
    let server = start_with(options).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    let request = b"GET /health HTTP/1.1\r\nhost: h\r\n\r\n";
    first.write_all(request).await.unwrap();
    let mut byte = [0];
    first.read_exact(&mut byte).await.unwrap();
    let mut second = TcpStream::connect(server.address).await.unwrap();
    second.write_all(request).await.unwrap();
    let waits = tokio::time::timeout(Duration::from_millis(150), second.read_exact(&mut byte)).await;
    assert!(waits.is_err());
    drop(first);
    tokio::time::timeout(Duration::from_secs(5), second.read_exact(&mut byte)).await.unwrap().unwrap();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

proptest! {
    /// H1: no method, target, header or body makes the handler panic, or lets a call through.
    #[test]
    fn arbitrary_requests_are_answered(
        path in "/[a-z%?&=]{0,20}",
        headers in proptest::collection::vec(("[a-z-]{1,20}", proptest::collection::vec(any::<u8>(), 0..60)), 0..8),
        target in proptest::option::of("TrentService\\.[A-Za-z]{0,12}"),
        body in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut request = Request::builder().method("POST").uri(path);
        for (name, value) in headers {
            if let Ok(value) = http::HeaderValue::from_bytes(&value) {
                request = request.header(name, value);
            }
        }
        if let Some(target) = target {
            request = request.header("x-amz-target", target);
        }
        let Ok(request) = request.body(Full::new(Bytes::from(body))) else { return Ok(()) };
        let fake = Fake::shared();
        let context = Context { service: fake.clone(), auth: Arc::new(authenticator()), body_timeout: Duration::from_secs(5) };
        let answer = runtime().block_on(handle(&context, Ipv4Addr::LOCALHOST.into(), request)).unwrap();
        prop_assert!(answer.status().is_client_error(), "{}", answer.status());
        prop_assert!(fake.calls.lock().unwrap().is_empty());
    }

    /// H1: a body that is signed, and then arbitrary, is refused or typed; never a panic or an unclassified 500.
    #[test]
    fn arbitrary_signed_bodies_are_answered(
        operation in proptest::sample::select(kms_types::Operation::ALL),
        body in "\\PC{0,200}|\\{(\"(KeyId|Plaintext|Tags|Limit|DryRun|Recipient|EncryptionContext)\":(\"YQ==\"|1|true|null|\\[\\{\\}\\]|\\{\\}|\\[1\\]),?){0,4}\\}",
    ) {
        let request = wire::signed("127.0.0.1:1".parse().unwrap(), operation.name(), body.as_bytes()).map(Full::new);
        let fake = Fake::shared();
        let context = Context { service: fake.clone(), auth: Arc::new(authenticator()), body_timeout: Duration::from_secs(5) };
        let answer = runtime().block_on(handle(&context, Ipv4Addr::LOCALHOST.into(), request)).unwrap();
        let reached = !fake.calls.lock().unwrap().is_empty();
        prop_assert!(reached || answer.status() == 400, "{}", answer.status());
    }
}
