//! Requests as raw bytes.

use bytes::Bytes;
use http::Request;
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::fake::{NOW, REGION};
use crate::sigv4::{PathForm, SigningContext, sign_request};

const PATIENCE: Duration = Duration::from_secs(10);

/// A correctly signed request of `operation`.
pub(super) fn signed(address: SocketAddr, operation: &str, body: &[u8]) -> Request<Bytes> {
    let mut request = Request::post("/")
        .header("host", address.to_string())
        .header("content-type", "application/x-amz-json-1.1")
        .header("user-agent", "raw/1")
        .header("x-amz-target", format!("TrentService.{operation}"))
        .body(Bytes::copy_from_slice(body))
        .unwrap();
    let context = SigningContext {
        region: REGION.into(),
        service: "kms".into(),
        time: NOW,
        path_form: PathForm::Normalized,
    };
    sign_request(&mut request, "test", "secret", &context).unwrap();
    request
}

/// A correctly signed call of IAM or STS.
pub(super) fn query(address: SocketAddr, service: &str, body: &str) -> Request<Bytes> {
    let mut request = Request::post("/")
        .header("host", address.to_string())
        .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
        .body(Bytes::copy_from_slice(body.as_bytes()))
        .unwrap();
    let (region, time) = (REGION.into(), NOW);
    let context = SigningContext { region, service: service.into(), time, path_form: PathForm::Normalized };
    sign_request(&mut request, "test", "secret", &context).unwrap();
    request
}

/// The head of `request` with `extra` header lines, without the blank line.
pub(super) fn head(request: &Request<Bytes>, extra: &str) -> Vec<u8> {
    let mut out = format!("{} {} HTTP/1.1\r\n", request.method(), request.uri()).into_bytes();
    for (name, value) in request.headers() {
        out.extend_from_slice(format!("{name}: ").as_bytes());
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(extra.as_bytes());
    out
}

/// The whole request, with its content length.
pub(super) fn whole(request: &Request<Bytes>) -> Vec<u8> {
    let mut out = head(request, &format!("content-length: {}\r\n\r\n", request.body().len()));
    out.extend_from_slice(request.body());
    out
}

/// Everything the server sends until it closes.
pub(super) async fn read_to_close(stream: &mut TcpStream) -> String {
    let mut out = Vec::new();
    // A reset after the answer is a close too.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut out)).await.expect("the server closes");
    String::from_utf8_lossy(&out).into_owned()
}

/// Sends bytes and gives everything that comes back until the server closes.
pub(super) async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    read_to_close(&mut stream).await
}
