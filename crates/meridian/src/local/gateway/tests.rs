use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode, body::Incoming, service::service_fn};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
};
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::net::TcpListener;

use super::*;
use crate::local::layout::{Came, NodePlan, VERSION};

const SCOPE: &str =
    "AWS4-HMAC-SHA256 Credential=test/20260203/eu-west-1/kms/aws4_request, SignedHeaders=host, Signature=00";

fn region(name: &str, ports: &[u16]) -> RegionPlan {
    let nodes = (1..).zip(ports).map(|(id, port)| NodePlan { id, api: *port, cluster: 1 }).collect();
    RegionPlan {
        name: name.parse().unwrap(),
        role: Role::Data,
        incarnation: "00000000-0000-4000-8000-000000000000".parse().unwrap(),
        verifying_key: String::new(),
        came: Came::Founding,
        gateway: None,
        nodes,
    }
}

fn cluster(regions: Vec<RegionPlan>) -> Cluster {
    let deployment = "00000000-0000-4000-8000-000000000001".parse().unwrap();
    Cluster { version: VERSION, deployment, gateway: 0, regions }
}

/// A node that answers with what it saw: its name, the host header, the path and the body.
async fn backend(name: &'static str, calls: Arc<AtomicUsize>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let calls = calls.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                calls.fetch_add(1, Ordering::SeqCst);
                async move {
                    let host = request.headers()["host"].to_str().unwrap().to_owned();
                    let path = request.uri().to_string();
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    let seen = format!("{name} {host} {path} {}", String::from_utf8_lossy(&body));
                    Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(seen)))
                }
            });
            let connection =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    port
}

/// A node that reads a request and hangs up.
async fn hangs_up() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            use tokio::io::AsyncReadExt;
            let _ = stream.read(&mut [0; 4096]).await;
        }
    });
    port
}

async fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

async fn gateway(cluster: &Cluster, only: Option<&str>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let health = Arc::new(HealthTable::new(cluster));
    let door = Door { listener, region: only.map(|name| name.parse().unwrap()) };
    tokio::spawn(Gateway::new(cluster, &health).serve(door));
    port
}

async fn post(port: u16, scope: Option<&str>, body: &str) -> (StatusCode, String) {
    let mut request =
        Request::post(format!("http://127.0.0.1:{port}/?a=%2F")).header("host", "kms.example:1");
    if let Some(scope) = scope {
        request = request.header("authorization", scope);
    }
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request.body(Full::<Bytes>::from(body.to_owned())).unwrap()).await.unwrap();
    let status = response.status();
    (status, String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

#[tokio::test]
async fn request_reaches_the_region_of_its_scope_unchanged() {
    let calls = Arc::new(AtomicUsize::new(0));
    let (here, there) = (backend("eu", calls.clone()).await, backend("us", calls).await);
    let port =
        gateway(&cluster(vec![region("us-east-1", &[there]), region("eu-west-1", &[here])]), None).await;
    let (status, seen) = post(port, Some(SCOPE), "payload").await;
    assert_eq!((status, seen.as_str()), (StatusCode::OK, "eu kms.example:1 /?a=%2F payload"));
}

#[tokio::test]
async fn next_node_is_tried_when_one_cannot_be_reached() {
    let calls = Arc::new(AtomicUsize::new(0));
    let ports = [closed_port().await, backend("two", calls.clone()).await, closed_port().await];
    let port = gateway(&cluster(vec![region("eu-west-1", &ports)]), None).await;
    for _ in 0..9 {
        let (status, seen) = post(port, Some(SCOPE), "x").await;
        assert!(status == StatusCode::OK && seen.starts_with("two"), "{seen}");
    }
    assert_eq!(calls.load(Ordering::SeqCst), 9);
}

#[tokio::test]
async fn request_that_may_have_arrived_is_not_sent_twice() {
    let calls = Arc::new(AtomicUsize::new(0));
    let ports = [hangs_up().await, backend("two", calls.clone()).await];
    let port = gateway(&cluster(vec![region("eu-west-1", &ports)]), None).await;
    let mut refused = 0;
    for _ in 0..4 {
        let (status, seen) = post(port, Some(SCOPE), "x").await;
        if status == StatusCode::SERVICE_UNAVAILABLE {
            assert!(seen.contains("ServiceUnavailableException") && seen.contains("not known"), "{seen}");
            refused += 1;
        }
    }
    assert_eq!((refused, calls.load(Ordering::SeqCst)), (2, 2));
}

#[tokio::test]
async fn regions_and_nodes_come_and_go() {
    let calls = Arc::new(AtomicUsize::new(0));
    let (us, old, new) = (
        backend("us", calls.clone()).await,
        backend("old", calls.clone()).await,
        backend("new", calls.clone()).await,
    );
    let cluster = cluster(vec![region("us-east-1", &[us])]);
    let gateway = Gateway::new(&cluster, &Arc::new(HealthTable::new(&cluster)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(gateway.clone().serve(Door { listener, region: None }));
    assert_eq!(post(port, Some(SCOPE), "").await.0, StatusCode::BAD_REQUEST);
    for (node, name) in [(old, "old"), (new, "new")] {
        gateway.set(&region("eu-west-1", &[node]));
        let (status, seen) = post(port, Some(SCOPE), "").await;
        assert!(status == StatusCode::OK && seen.starts_with(name), "{seen}");
    }
    gateway.forget(&"eu-west-1".parse().unwrap());
    assert_eq!(post(port, Some(SCOPE), "").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn requests_without_a_region_of_the_cluster_get_an_aws_error() {
    let port = gateway(&cluster(vec![region("us-east-1", &[1])]), None).await;
    let (status, body) = post(port, None, "").await;
    assert!(status == StatusCode::BAD_REQUEST && body.contains("MissingAuthenticationToken"), "{body}");
    let (status, body) = post(port, Some(SCOPE), "").await;
    assert!(status == StatusCode::BAD_REQUEST && body.contains("`us-east-1`"), "{body}");
}

#[tokio::test]
async fn region_endpoint_needs_no_scope_and_says_when_nobody_is_there() {
    let port = gateway(&cluster(vec![region("eu-west-1", &[closed_port().await])]), Some("eu-west-1")).await;
    let (status, body) = post(port, None, "").await;
    assert!(status == StatusCode::SERVICE_UNAVAILABLE && body.contains("no node of `eu-west-1`"), "{body}");
}

#[tokio::test]
async fn refusal_body_is_aws_json() {
    let refusal = refusal::Refusal::NoNode("eu-west-1".parse().unwrap());
    let body = refusal::read(refuse(&refusal).into_body()).await;
    let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(json["__type"], "ServiceUnavailableException");
}
