//! The service behind the tests, and a server around it.

use kms_ops::{Error, Response, enable_key, generate_random, list_keys};
use kms_types::{Principal, RequestId, Timestamp};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
};
use std::{net::SocketAddr, time::Duration};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};
use zeroize::Zeroizing;

use crate::{
    Answer, ApiCall, AuditFailure, Authenticated, Authenticator, Credential, KmsClient, KmsService, Refused,
    Reply, ServerOptions, Throttled, client::ClientCredentials, serve_with,
};

pub(super) const NOW: Timestamp = Timestamp::from_millis(1_770_106_449_000);
pub(super) const REGION: &str = "us-east-1";

/// Remembers calls and refusals; answers GenerateRandom, ListKeys and EnableKey, fails the rest.
#[derive(Default)]
pub(super) struct Fake {
    ids: AtomicU64,
    pub(super) calls: Mutex<Vec<ApiCall>>,
    pub(super) refusals: Mutex<Vec<Refused>>,
    pub(super) audit_broken: AtomicBool,
    /// Calls of this operation are refused for their rate.
    pub(super) throttled: Mutex<Option<kms_types::Operation>>,
    pub(super) ready: AtomicBool,
    /// When set, EnableKey waits for `go`.
    pub(super) hold: AtomicBool,
    pub(super) go: Notify,
}

impl KmsService for Fake {
    fn now(&self) -> Reply<'_, Timestamp> {
        Box::pin(async { NOW })
    }

    fn request_id(&self) -> RequestId {
        let n = self.ids.fetch_add(1, SeqCst);
        RequestId::from_random(u128::from(n).to_be_bytes())
    }

    fn ready(&self) -> bool {
        self.ready.load(SeqCst)
    }

    fn throttle(
        &self,
        _: &Principal,
        operation: kms_types::Operation,
        _: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<(), Throttled> {
        let full = *self.throttled.lock().unwrap() == Some(operation);
        if full { Err(Throttled) } else { Ok(()) }
    }

    fn call(&self, call: Authenticated<ApiCall>) -> Reply<'_, Result<Answer, AuditFailure>> {
        Box::pin(async move {
            let call = call.into_inner();
            self.calls.lock().unwrap().push(call.clone());
            if self.audit_broken.load(SeqCst) {
                return Err(AuditFailure);
            }
            Ok(match call.request {
                kms_ops::Request::GenerateRandom(r) => {
                    let bytes = usize::try_from(r.number_of_bytes.unwrap_or(0)).unwrap();
                    Ok(generate_random::Response { plaintext: Zeroizing::new(vec![7; bytes]) }.into())
                }
                kms_ops::Request::ListKeys(_) => {
                    Ok(list_keys::Response { keys: Vec::new(), truncated: false, next_marker: None }.into())
                }
                kms_ops::Request::EnableKey(_) => {
                    if self.hold.load(SeqCst) {
                        self.go.notified().await;
                    }
                    Ok(Response::EnableKey(enable_key::Response))
                }
                _ => Err(Error::Internal("the fake does not do this")),
            })
        })
    }

    fn refused(&self, refused: Refused) -> Reply<'_, Result<(), AuditFailure>> {
        Box::pin(async move {
            self.refusals.lock().unwrap().push(refused);
            if self.audit_broken.load(SeqCst) { Err(AuditFailure) } else { Ok(()) }
        })
    }
}

pub(super) fn authenticator() -> Authenticator {
    let known = Credential {
        access_key_id: "test".into(),
        secret: Zeroizing::new("secret".into()),
        principal: Principal::Root { account: "000000000000".parse().unwrap() },
    };
    Authenticator::new(REGION.parse().unwrap(), Arc::new(vec![known]))
}

/// A running server; its task ends with the value.
pub(super) struct Running {
    pub(super) fake: Arc<Fake>,
    pub(super) address: SocketAddr,
    pub(super) stop: Arc<Notify>,
    pub(super) task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Short limits, so that tests of time-outs are short.
pub(super) fn quick() -> ServerOptions {
    ServerOptions {
        header_timeout: Duration::from_millis(300),
        body_timeout: Duration::from_millis(300),
        idle_timeout: Duration::from_millis(800),
        drain_timeout: Duration::from_secs(3),
        ..ServerOptions::default()
    }
}

pub(super) async fn start() -> Running {
    start_with(ServerOptions::default()).await
}

pub(super) async fn start_with(options: ServerOptions) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (fake, stop) = (Arc::new(Fake::default()), Arc::new(Notify::new()));
    fake.ready.store(true, SeqCst);
    let (service, stopped) = (fake.clone(), stop.clone());
    let task =
        tokio::spawn(async move {
            serve_with(listener, service, Arc::new(authenticator()), options, async move {
                stopped.notified().await
            })
            .await;
        });
    Running { fake, address, stop, task }
}

impl Running {
    pub(super) fn client(&self) -> KmsClient {
        self.client_with(REGION, "secret", NOW)
    }

    pub(super) fn client_with(&self, region: &str, secret: &str, time: Timestamp) -> KmsClient {
        let endpoint = format!("http://{}", self.address);
        let credentials = ClientCredentials::new("test", secret);
        KmsClient::new(endpoint, region.parse().unwrap(), credentials, Arc::new(move || time))
    }

    pub(super) fn calls(&self) -> Vec<ApiCall> {
        self.fake.calls.lock().unwrap().clone()
    }

    pub(super) fn refusals(&self) -> Vec<Refused> {
        self.fake.refusals.lock().unwrap().clone()
    }
}
