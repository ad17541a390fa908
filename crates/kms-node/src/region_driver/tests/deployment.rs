//! Regions `a`, `b` and witness `w`: real keys, a log that applies at once, links that deliver at once.

use bytes::Bytes;
use kms_crypto::{DomainKey, KeyMaterial, SigningKey, commitment, material_id};
use kms_ops::KeyRing;
use kms_raft::Applied;
use kms_region::Config;
use kms_state::{
    Command, ControlRecord, CreateKey, Directory, MaterialInfo, MaterialStatus, NewMaterial, Origin, Outcome,
    Proposal, RegionRole, ReplicaSeed, State, Voter,
};
use kms_transport::{LinkError, async_trait};
use kms_types::{
    DeploymentId, Entropy, Incarnation, KeyId, KeyIdKind, KeyOrigin, KeySpec, KeyUsage, NodeId, ProposalId,
    Region, RotationType, Timestamp,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::super::{
    Driver, RegionHandle, Started, letter::View, outbox::RegionLink, own_region::OwnRegion, replay::Office,
};
use crate::{clock::SystemClock, entropy::OsEntropy};

const NODE: NodeId = 1;

pub(super) fn region(name: &str) -> Region {
    format!("test-{name}-1").parse().unwrap()
}

pub(super) fn key_id(byte: u8) -> KeyId {
    KeyId::from_parts(KeyIdKind::MultiRegion, [byte; 16])
}

pub(super) fn random<const N: usize>() -> [u8; N] {
    let entropy: &mut dyn Entropy = &mut OsEntropy;
    entropy.array()
}

pub(super) struct Ring(pub(super) Option<Arc<DomainKey>>);

impl KeyRing for Ring {
    fn domain_key(&self, version: u32) -> Option<Arc<DomainKey>> {
        self.0.clone().filter(|key| key.version() == version)
    }

    fn current_domain_key(&self) -> Option<Arc<DomainKey>> {
        self.0.clone()
    }
}

impl Ring {
    pub(super) fn new() -> Self {
        Self(Some(Arc::new(DomainKey::generate(1, &mut OsEntropy))))
    }

    /// A fresh material of `key`, wrapped.
    pub(super) fn draw(&self, key: &KeyId) -> NewMaterial {
        let material = KeyMaterial::generate(KeySpec::SymmetricDefault, &mut OsEntropy).unwrap();
        let (id, commitment) = (material_id(key, &material), commitment(key, &material));
        let wrapped = self.0.as_ref().unwrap().wrap(key, &id, &material, &mut OsEntropy);
        NewMaterial { id, commitment, public_key: None, wrapped }
    }
}

/// A group of one node whose log applies at once.
pub(super) struct Log {
    applied: watch::Sender<Arc<Applied>>,
    leads: watch::Sender<bool>,
}

impl Log {
    pub(super) fn new() -> Self {
        let (applied, _) = watch::channel(Arc::new(applied(0, State::new())));
        Self { applied, leads: watch::channel(false).0 }
    }

    pub(super) fn from(state: State, index: u64) -> Self {
        let log = Self::new();
        log.applied.send_replace(Arc::new(applied(index, state)));
        log
    }

    pub(super) fn run(&self, command: Command) -> Outcome {
        let origin = Origin::Service { node: NODE };
        self.apply(&Proposal { id: ProposalId::from_random(random()), origin, expect: None, command })
    }

    fn apply(&self, proposal: &Proposal) -> Outcome {
        let mut outcome = None;
        self.applied.send_modify(|now| {
            let mut state = now.state.clone();
            outcome = Some(state.apply(now.index + 1, proposal));
            state.take_changes();
            *now = Arc::new(applied(now.index + 1, state));
        });
        outcome.unwrap()
    }

    pub(super) fn state(&self) -> State {
        self.applied.borrow().state.clone()
    }

    pub(super) fn view(&self) -> View {
        let applied = self.applied.borrow();
        View { state: applied.state.clone(), index: applied.index }
    }

    pub(super) fn lead(&self, leads: bool) {
        self.leads.send_replace(leads);
    }
}

fn applied(index: u64, state: State) -> Applied {
    Applied { index, log_id: None, membership: Default::default(), state }
}

#[async_trait]
impl OwnRegion for Log {
    async fn until_leader(&self) -> Office {
        self.leads.subscribe().wait_for(|leads| *leads).await.unwrap();
        Office { term: 1, node: NODE, index: self.applied.borrow().index }
    }

    async fn until_not_leader(&self) {
        self.leads.subscribe().wait_for(|leads| !*leads).await.unwrap();
    }

    async fn propose(&self, proposal: Proposal) -> Option<Outcome> {
        Some(self.apply(&proposal))
    }

    fn watch_applied(&self) -> watch::Receiver<Arc<Applied>> {
        self.applied.subscribe()
    }
}

/// Every letter that was sent, and where each Region's letters go.
#[derive(Default)]
pub(super) struct Post {
    inboxes: Mutex<BTreeMap<Region, mpsc::Sender<Bytes>>>,
    pub(super) sent: Mutex<Vec<(Region, Vec<u8>)>>,
}

#[async_trait]
impl RegionLink for Post {
    async fn send(&self, to: &Region, bytes: Vec<u8>) -> Result<(), LinkError> {
        self.sent.lock().unwrap().push((to.clone(), bytes.clone()));
        let inbox = self.inboxes.lock().unwrap().get(to).cloned();
        let inbox = inbox.ok_or_else(|| LinkError::UnknownRegion(to.clone()))?;
        inbox.try_send(bytes.into()).map_err(|_| LinkError::Busy(to.clone()))
    }
}

pub(super) struct Site {
    pub(super) log: Arc<Log>,
    pub(super) ring: Arc<Ring>,
    pub(super) signing: Arc<SigningKey>,
    pub(super) handle: Option<RegionHandle>,
    pub(super) inbox: Option<mpsc::Sender<Bytes>>,
}

pub(super) struct Deployment {
    pub(super) sites: BTreeMap<Region, Site>,
    pub(super) post: Arc<Post>,
    stop: CancellationToken,
}

impl Drop for Deployment {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Deployment {
    /// Bootstrapped Regions, their drivers not running yet.
    pub(super) fn new(names: &[&str]) -> Self {
        let site = |name: &&str| {
            let witness = *name == "w";
            let ring = if witness { Ring(None) } else { Ring::new() };
            let signing = Arc::new(SigningKey::generate(&mut OsEntropy));
            let site =
                Site { log: Arc::new(Log::new()), ring: Arc::new(ring), signing, handle: None, inbox: None };
            (region(name), site)
        };
        let sites: BTreeMap<Region, Site> = names.iter().map(site).collect();
        let voter = |(region, site): (&Region, &Site)| {
            let role = if site.ring.0.is_some() { RegionRole::Data } else { RegionRole::Witness };
            let incarnation = Incarnation::from_random(random());
            (region.clone(), Voter { incarnation, verifying_key: site.signing.verifying(), role })
        };
        let directory = Directory::first(sites.iter().map(voter).collect());
        let deployment = DeploymentId::from_random(random());
        for (region, site) in &sites {
            site.log.run(Command::Bootstrap {
                identity_key: None,
                deployment,
                region: region.clone(),
                incarnation: directory.voters[region].incarnation,
                directory: directory.clone(),
                domain_keys: Vec::new(),
                clock: kms_state::RegionClock::Real,
            });
            site.log.run(Command::Tick { now: Timestamp::from_millis(1_000_000) });
        }
        Self { sites, post: Arc::default(), stop: CancellationToken::new() }
    }

    /// Every Region has a leader, and its driver runs.
    pub(super) fn start(mut self) -> Self {
        for (name, site) in &mut self.sites {
            let (inbox, received) = mpsc::channel(1024);
            self.post.inboxes.lock().unwrap().insert(name.clone(), inbox.clone());
            let driver = Driver {
                region: name.clone(),
                node: NODE,
                signing: site.signing.clone(),
                keyring: site.ring.clone(),
                link: self.post.clone(),
                own: site.log.clone(),
                inbox: received,
                clock: Arc::new(SystemClock),
                disturbances: crate::disturbance::Disturbance::none(),
                config: Config { resend_ms: 20, pull_ms: 50, install_ms: 50, ..Config::default() },
            };
            let Started { handle, task } = driver.start(self.stop.clone());
            tokio::spawn(task);
            (site.handle, site.inbox) = (Some(handle), Some(inbox));
            site.log.lead(true);
        }
        self
    }

    pub(super) fn site(&self, name: &str) -> &Site {
        &self.sites[&region(name)]
    }

    pub(super) fn state(&self, name: &str) -> State {
        self.site(name).log.state()
    }

    pub(super) fn committed(&self, name: &str, key: KeyId) -> Option<ControlRecord> {
        let state = self.state(name);
        state.register(&key).and_then(|r| r.committed.as_deref().cloned())
    }

    pub(super) fn create_key(&self, name: &str, key: KeyId) {
        let material = self.site(name).ring.draw(&key);
        let outcome = self.site(name).log.run(Command::CreateKey(Box::new(CreateKey {
            account: "000000000000".parse().unwrap(),
            key,
            spec: KeySpec::SymmetricDefault,
            usage: KeyUsage::EncryptDecrypt,
            origin: KeyOrigin::AwsKms,
            policy: "{}".into(),
            description: String::new(),
            tags: BTreeMap::new(),
            material: Some(material),
            managed_as: None,
            most_keys: 1_000,
        })));
        assert_eq!(outcome, Outcome::Applied);
    }

    pub(super) fn propose(&self, name: &str, record: ControlRecord, material: Option<NewMaterial>) {
        let base = self.committed(name, record.key).unwrap().version;
        let command = Command::ProposeRecord { record: Box::new(record), base, material };
        let outcome = self.site(name).log.run(command);
        assert!(matches!(outcome, Outcome::RecordProposed { .. }), "{outcome:?}");
    }

    pub(super) fn replicate(&self, primary: &str, to: &str, key: KeyId) {
        let seed = ReplicaSeed {
            policy: "{}".into(),
            description: to.into(),
            tags: BTreeMap::new(),
            requested: requested(),
        };
        let record = self.committed(primary, key).unwrap().replicate(region(to), seed).unwrap();
        self.propose(primary, record, None);
    }

    pub(super) fn rotate(&self, primary: &str, key: KeyId) -> NewMaterial {
        let material = self.site(primary).ring.draw(&key);
        let info = MaterialInfo {
            id: material.id,
            commitment: material.commitment,
            public_key: None,
            status: MaterialStatus::Staged,
            created_at: self.state(primary).region_time(),
            rotated_at: None,
            rotation_type: Some(RotationType::OnDemand),
        };
        let now = self.state(primary).region_time();
        let record = self.committed(primary, key).unwrap().stage(info, now).unwrap();
        self.propose(primary, record, Some(material.clone()));
        material
    }

    /// Waits until `holds`, at most ten seconds.
    pub(super) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        for _ in 0..2_000 {
            if holds(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("not in time: {what}");
    }
}

/// A call of the account's root.
pub(super) fn requested() -> kms_state::Requested {
    kms_state::Requested {
        principal: kms_types::Principal::Root { account: "000000000000".parse().unwrap() },
        request: kms_types::RequestId::from_random([9; 16]),
    }
}
