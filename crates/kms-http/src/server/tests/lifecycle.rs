//! Shutdown and what a client sees without a server.

use serde_json::json;
use std::{sync::atomic::Ordering::SeqCst, time::Duration};
use tokio::{net::TcpStream, time::timeout};

use super::fake::*;

#[tokio::test]
async fn shutdown_lets_a_call_under_way_finish() {
    let mut server = start_with(quick()).await;
    server.fake.hold.store(true, SeqCst);
    let client = server.client();
    let call = tokio::spawn(async move { client.call("EnableKey", json!({"KeyId": "k"})).await });
    while server.calls().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.stop.notify_one();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(TcpStream::connect(server.address).await.is_err());
    server.fake.go.notify_one();
    assert_eq!(call.await.unwrap().unwrap(), json!({}));
    timeout(Duration::from_secs(5), &mut server.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn shutdown_does_not_wait_for_a_call_that_never_ends() {
    let mut server =
        start_with(crate::ServerOptions { drain_timeout: Duration::from_millis(100), ..quick() }).await;
    server.fake.hold.store(true, SeqCst);
    let client = server.client();
    let call = tokio::spawn(async move { client.call("EnableKey", json!({"KeyId": "k"})).await });
    while server.calls().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.stop.notify_one();
    timeout(Duration::from_secs(5), &mut server.task).await.unwrap().unwrap();
    assert_eq!(call.await.unwrap().unwrap_err().status, 0);
}

#[tokio::test]
async fn a_client_says_what_kept_it_from_an_answer() {
    let server = start().await;
    server.fake.hold.store(true, SeqCst);
    let slow = server.client().with_timeout(Duration::from_millis(100));
    let error = slow.call("EnableKey", json!({"KeyId": "k"})).await.unwrap_err();
    assert_eq!((error.status, error.code.as_str()), (0, "Timeout"));
    let client = server.client();
    server.stop.notify_one();
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(client.call("ListKeys", json!({})).await.unwrap_err().code, "ConnectionError");
}
