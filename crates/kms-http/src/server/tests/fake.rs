//! The service behind the tests, and a server around it.

use kms_ops::{
    Error, Response, Secret, enable_key, generate_random,
    iam::{Action, IamError, Tree},
    list_keys,
};
use kms_types::{Principal, Region, RequestId, Timestamp};
use std::sync::{
    Arc, Mutex, OnceLock,
    atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
};
use std::{net::SocketAddr, time::Duration};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};
use zeroize::Zeroizing;

use crate::{
    Admission, Answer, ApiCall, AuditFailure, Authenticated, Authenticator, Credential, Credentials,
    IamAnswer, KmsClient, KmsService, QueryCall, Refused, Reply, ServerOptions, Throttled,
    client::ClientCredentials, serve_with,
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
    /// Calls of this action are refused for their rate.
    pub(super) throttled_action: Mutex<Option<kms_ops::iam::Action>>,
    pub(super) no_leader: AtomicBool,
    me: OnceLock<std::sync::Weak<Self>>,
    pub(super) ready: AtomicBool,
    /// When set, EnableKey waits for `go`.
    pub(super) hold: AtomicBool,
    pub(super) go: Notify,
}

impl KmsService for Fake {
    fn admit(&self) -> Reply<'_, Result<Box<dyn Admission>, Error>> {
        Box::pin(async {
            match self.no_leader.load(SeqCst) {
                true => Err(Error::Internal("no leader")),
                false => {
                    Ok(Box::new(Admitted { fake: self.me(), credentials: credentials() })
                        as Box<dyn Admission>)
                }
            }
        })
    }

    fn request_id(&self) -> RequestId {
        let n = self.ids.fetch_add(1, SeqCst);
        RequestId::from_random(u128::from(n).to_be_bytes())
    }

    fn ready(&self) -> bool {
        self.ready.load(SeqCst)
    }

    fn metrics(&self) -> String {
        "fake_up 1\n".into()
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

    fn throttle_query(&self, _: &Principal, action: kms_ops::iam::Action) -> Result<(), Throttled> {
        let full = *self.throttled_action.lock().unwrap() == Some(action);
        if full { Err(Throttled) } else { Ok(()) }
    }

    fn refused(&self, refused: Refused) -> Reply<'_, Result<(), AuditFailure>> {
        Box::pin(async move {
            self.refusals.lock().unwrap().push(refused);
            if self.audit_broken.load(SeqCst) { Err(AuditFailure) } else { Ok(()) }
        })
    }
}

/// Every call is admitted in the same state.
struct Admitted {
    fake: Arc<Fake>,
    credentials: Vec<Credential>,
}

impl Admission for Admitted {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn credentials(&self) -> &dyn Credentials {
        &self.credentials
    }

    fn identity_home(&self) -> Option<Region> {
        Some("eu-west-1".parse().unwrap())
    }

    fn query(
        self: Box<Self>,
        call: Authenticated<QueryCall>,
    ) -> Reply<'static, Result<IamAnswer, AuditFailure>> {
        Box::pin(async move {
            let call = call.into_inner();
            Ok(match call.action {
                Action::GetCallerIdentity => {
                    let account = Tree::Text("000000000000".into());
                    Ok(Some(Tree::Struct(vec![("Account", account)])))
                }
                Action::GetUser => {
                    Err(IamError::NoSuchEntity("The user with name a cannot be found.".into()))
                }
                _ => Ok(None),
            })
        })
    }

    fn call(self: Box<Self>, call: Authenticated<ApiCall>) -> Reply<'static, Result<Answer, AuditFailure>> {
        Box::pin(async move {
            let call = call.into_inner();
            let fake = &self.fake;
            fake.calls.lock().unwrap().push(call.clone());
            if fake.audit_broken.load(SeqCst) {
                return Err(AuditFailure);
            }
            Ok(match call.request {
                kms_ops::Request::GenerateRandom(r) => {
                    let bytes = usize::try_from(r.number_of_bytes.unwrap_or(0)).unwrap();
                    Ok(generate_random::Response {
                        plaintext: Secret::Plaintext(Zeroizing::new(vec![7; bytes])),
                    }
                    .into())
                }
                kms_ops::Request::ListKeys(_) => {
                    Ok(list_keys::Response { keys: Vec::new(), truncated: false, next_marker: None }.into())
                }
                kms_ops::Request::EnableKey(_) => {
                    if fake.hold.load(SeqCst) {
                        fake.go.notified().await;
                    }
                    Ok(Response::EnableKey(enable_key::Response))
                }
                _ => Err(Error::Internal("the fake does not do this")),
            })
        })
    }
}

fn credentials() -> Vec<Credential> {
    let root = Principal::Root { account: "000000000000".parse().unwrap() };
    vec![Credential::configured("test".into(), Zeroizing::new("secret".into()), root)]
}

pub(super) fn authenticator() -> Authenticator {
    Authenticator::new(REGION.parse().unwrap())
}

impl Fake {
    /// One that its admissions can point back to.
    pub(super) fn shared() -> Arc<Self> {
        let fake = Arc::new(Self::default());
        fake.me.set(Arc::downgrade(&fake)).unwrap();
        fake
    }

    fn me(&self) -> Arc<Self> {
        self.me.get().and_then(std::sync::Weak::upgrade).unwrap()
    }
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
    let (fake, stop) = (Fake::shared(), Arc::new(Notify::new()));
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
