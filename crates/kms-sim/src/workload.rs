//! Clients: each has one call at a time, to any node of its Region, decided by the operations that the API decides by.

use crate::address::{Address, RegionNumber};
use crate::clients::Clients;
use crate::deployment::{Deployment, region_name};
use crate::draw::Draw;
use crate::history::{Asked, Call as Recorded, History, Told};
use crate::standing::{KnownHistories, Standing};
use kms_node::simulation::SimulatedNode;
use kms_ops::{self as ops, Call, Circumstances, Error, KeyMetadata, Request, Response, StateName};
use kms_state::CredentialRef;
use kms_types::{
    AccountId, EncryptionContext, Entropy, GrantId, GrantOperation, KeyId, KeyState, MaterialId, Principal,
    Region, RequestId, Timestamp,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// How many of a thousand calls are about a key that is gone.
const GONE_PERMILLE: u64 = 80;
/// Ciphertexts that are remembered to be opened again; later ones take the place of random earlier ones.
const MOST_BLOBS: usize = 240;

const OWNER: &str = "111122223333";
const GRANTEE: &str = "222233334444";

/// A ciphertext that was returned to a client.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    pub(crate) bytes: Vec<u8>,
    pub(crate) plaintext: [u8; 8],
    pub(crate) key: KeyId,
    pub(crate) region: RegionNumber,
}

impl fmt::Display for SharedChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rotated => f.write_str("rotation"),
            Self::Replicated(to) => write!(f, "replication to {to}"),
            Self::Moved(to) => write!(f, "move to {to}"),
        }
    }
}

/// A shared change that was acknowledged.
#[derive(Debug, Clone)]
pub(crate) enum SharedChange {
    Rotated,
    Replicated(Region),
    Moved(Region),
}

/// What the judge is told about an answer.
#[derive(Debug, Clone)]
pub(crate) enum Fact {
    Created {
        key: KeyId,
        region: RegionNumber,
    },
    /// Sealed under this material, by a Region.
    Sealed {
        key: KeyId,
        material: MaterialId,
        region: RegionNumber,
    },
    Shared {
        key: KeyId,
        region: RegionNumber,
        change: SharedChange,
    },
    Violated {
        rule: &'static str,
        text: String,
    },
}

enum Doing {
    Create {
        multi_region: bool,
    },
    Seal {
        key: KeyId,
        plaintext: [u8; 8],
    },
    /// In a Region that was set back.
    SealThere {
        key: KeyId,
        plaintext: [u8; 8],
    },
    Open {
        blob: Blob,
    },
    Plain {
        key: KeyId,
        asked: Asked,
    },
    Share {
        key: KeyId,
        change: SharedChange,
    },
}

struct Client {
    region: RegionNumber,
    next_ms: u64,
    busy: Option<Busy>,
}

struct Busy {
    call: u64,
    at: Address,
    life: u64,
    began: u64,
    doing: Doing,
}

type Answers = Arc<Mutex<BTreeMap<u64, Result<Response, Error>>>>;

/// How many calls ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// Calls that were made.
    pub made: u64,
    /// Answered with success.
    pub succeeded: u64,
    /// Refused for a reason of the API.
    pub refused: u64,
    /// Without a known outcome.
    pub unknown: u64,
}

impl CallCounts {
    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            made: self.made + other.made,
            succeeded: self.succeeded + other.succeeded,
            refused: self.refused + other.refused,
            unknown: self.unknown + other.unknown,
        }
    }
}

/// All clients.
pub(crate) struct Workload {
    draw: Draw,
    clients: Vec<Client>,
    answers: Answers,
    last_call: u64,
    pub(crate) keys: BTreeSet<KeyId>,
    /// Where each key is ready for calls, as seen in the Regions' states.
    ready: BTreeSet<(RegionNumber, KeyId)>,
    grants: BTreeMap<(RegionNumber, KeyId), GrantId>,
    /// What operators wait for.
    cancels: BTreeSet<(RegionNumber, KeyId)>,
    pub(crate) blobs: Vec<Blob>,
    sealed: u64,
    descriptions: u32,
    pub(crate) history: History,
    pub(crate) counts: CallCounts,
    data_regions: usize,
    manner: Clients,
    /// Which history of each Region the clients know.
    histories: KnownHistories,
}

impl Workload {
    pub(crate) fn new(data_regions: usize, manner: Clients, draw: Draw) -> Self {
        let regions = (0..manner.per_region()).flat_map(|_| 0..data_regions);
        let clients = regions.map(|region| Client { region, next_ms: 0, busy: None }).collect();
        Self {
            draw,
            clients,
            manner,
            answers: Answers::default(),
            last_call: 0,
            keys: BTreeSet::new(),
            ready: BTreeSet::new(),
            grants: BTreeMap::new(),
            cancels: BTreeSet::new(),
            blobs: Vec::new(),
            sealed: 0,
            descriptions: 0,
            history: History::default(),
            counts: CallCounts::default(),
            data_regions,
            histories: KnownHistories::default(),
        }
    }

    /// Takes the answers that came, and lets idle clients call. `step` numbers the steps of the simulation.
    pub(crate) fn advance(
        &mut self,
        deployment: &Deployment,
        step: u64,
        calling: bool,
    ) -> Vec<(String, Option<Fact>)> {
        for region in self.histories.begun(&deployment.standings, self.data_regions) {
            self.forget(region);
        }
        let mut facts = Vec::new();
        let mut clients = std::mem::take(&mut self.clients);
        for client in &mut clients {
            if let Some(busy) = client.busy.take() {
                client.busy = self.finish(busy, client.region, deployment, step, &mut facts);
                if client.busy.is_none() {
                    let (least_ms, most_ms) = self.manner.pause_ms();
                    client.next_ms = deployment.world.now_ms() + self.draw.between(least_ms, most_ms);
                }
            }
            let due = calling && client.next_ms <= deployment.world.now_ms();
            if client.busy.is_none() && (due || self.cancels.iter().any(|place| place.0 == client.region)) {
                client.busy = self.begin(client.region, deployment, step);
            }
        }
        self.clients = clients;
        facts
    }

    /// An operator asks for a deletion to be cancelled; the next client of the Region that is free does it.
    pub(crate) fn ask_to_cancel(&mut self, places: impl IntoIterator<Item = (RegionNumber, KeyId)>) {
        self.cancels.extend(places);
    }

    /// Another history begins under the Region's name: nothing that it was told before is known there.
    fn forget(&mut self, region: RegionNumber) {
        self.ready.retain(|place| place.0 != region);
        self.cancels.retain(|place| place.0 != region);
        self.grants.retain(|place, _| place.0 != region);
        self.history.end(region);
    }

    /// True when no call is open.
    pub(crate) fn is_idle(&self) -> bool {
        self.clients.iter().all(|client| client.busy.is_none())
    }

    /// Notes where keys can be used, from the newest state of a Region.
    pub(crate) fn note_ready(&mut self, region: RegionNumber, state: &kms_state::State) {
        let Some(name) = state.region() else { return };
        self.history.see(region, state);
        for key in self.keys.iter().filter_map(|id| state.key(id)) {
            if key.state(name) == KeyState::Enabled {
                self.ready.insert((region, key.id));
            }
        }
    }

    fn begin(&mut self, region: RegionNumber, deployment: &Deployment, step: u64) -> Option<Busy> {
        let hosts: Vec<_> = deployment.of_region(region).filter(|host| host.is_up()).collect();
        let host = self.draw.pick(&hosts)?;
        let (doing, request, account) = match deployment.standings.of(region) {
            Standing::Living => self.choose(region)?,
            // What such a Region seals until it is found out must not be lost; what else it says does not count.
            Standing::SetBack => self.seal_there(region)?,
            Standing::Lost => return None,
        };
        self.last_call += 1;
        let (call, answers) = (self.last_call, self.answers.clone());
        let order = order(request, account, host.address, &mut self.draw)?;
        let dated = Timestamp::from_millis(deployment.world.calendar_ms());
        let spawned = host.spawn(|node: SimulatedNode| async move {
            let answer = node.call(&order, dated).await;
            answers.lock().unwrap_or_else(PoisonError::into_inner).insert(call, answer);
        });
        self.counts.made += 1;
        spawned.then(|| Busy { call, at: host.address, life: host.life(), began: step, doing })
    }

    /// The call goes on, or what came of it is noted.
    fn finish(
        &mut self,
        busy: Busy,
        region: RegionNumber,
        deployment: &Deployment,
        step: u64,
        facts: &mut Vec<(String, Option<Fact>)>,
    ) -> Option<Busy> {
        let answer = self.answers.lock().unwrap_or_else(PoisonError::into_inner).remove(&busy.call);
        let host = deployment.hosts.get(&busy.at)?;
        // A process that failed answers nobody, and one that ended neither.
        let alive = host.is_up() && host.life() == busy.life && !host.has_failed();
        let answer = match answer {
            Some(answer) if alive => Some(answer),
            _ if !alive => None,
            _ => return Some(busy),
        };
        match &answer {
            Some(Ok(_)) => self.counts.succeeded += 1,
            Some(Err(Error::Internal(_) | Error::Unavailable(_))) | None => self.counts.unknown += 1,
            Some(Err(_)) => self.counts.refused += 1,
        }
        let what = describe(&busy, region, answer.as_ref());
        facts.push((what, self.conclude(busy, region, step, answer)));
        None
    }

    fn conclude(
        &mut self,
        busy: Busy,
        region: RegionNumber,
        step: u64,
        answer: Option<Result<Response, Error>>,
    ) -> Option<Fact> {
        match busy.doing {
            Doing::Create { .. } => match answer {
                Some(Ok(Response::CreateKey(created))) => {
                    let key = created.key_metadata.key_id;
                    self.keys.insert(key);
                    self.ready.insert((region, key));
                    Some(Fact::Created { key, region })
                }
                _ => None,
            },
            Doing::Seal { key, plaintext } => {
                let told = told(answer.as_ref())?;
                let sealed = match answer {
                    Some(Ok(Response::Encrypt(sealed))) => Some(sealed.ciphertext_blob),
                    _ => None,
                };
                self.record(region, key, Asked::Use, told, busy.began, step);
                let bytes = sealed?;
                let material = material_of(&bytes)?;
                self.keep(Blob { bytes, plaintext, key, region });
                Some(Fact::Sealed { key, material, region })
            }
            Doing::SealThere { key, plaintext } => {
                if let Some(Ok(Response::Encrypt(sealed))) = answer {
                    self.keep(Blob { bytes: sealed.ciphertext_blob, plaintext, key, region });
                }
                None
            }
            Doing::Open { blob } => self.opened(blob, region, busy.began, step, answer),
            Doing::Plain { key, asked } => {
                let told = told(answer.as_ref())?;
                match (&asked, &told) {
                    (Asked::Grant, Told::Granted(id)) => drop(self.grants.insert((region, key), *id)),
                    (Asked::Revoke(_), Told::Done | Told::NoSuchGrant) => {
                        self.grants.remove(&(region, key));
                    }
                    _ => {}
                }
                self.record(region, key, asked, told, busy.began, step);
                None
            }
            Doing::Share { key, change } => {
                matches!(answer, Some(Ok(_))).then_some(Fact::Shared { key, region, change })
            }
        }
    }

    /// A ciphertext that was returned opens wherever the key is, or is said to come later (C9, D4).
    fn opened(
        &mut self,
        blob: Blob,
        region: RegionNumber,
        began: u64,
        step: u64,
        answer: Option<Result<Response, Error>>,
    ) -> Option<Fact> {
        let wrong = |text: String| Some(Fact::Violated { rule: "C9, D4", text });
        match answer {
            Some(Ok(Response::Decrypt(opened))) if opened.plaintext.bytes() != blob.plaintext => {
                wrong(format!("a ciphertext of key {} opened to something else", blob.key))
            }
            Some(Err(Error::InvalidCiphertext | Error::IncorrectKey)) => {
                let (made, here) = (region_name(blob.region), region_name(region));
                wrong(format!("a ciphertext of key {} from {made} does not open in {here}", blob.key))
            }
            answer => {
                let told = told(answer.as_ref())?;
                self.record(region, blob.key, Asked::Use, told, began, step);
                None
            }
        }
    }

    fn record(&mut self, region: RegionNumber, key: KeyId, asked: Asked, told: Told, began: u64, step: u64) {
        let ended = (told != Told::Nothing).then_some(step);
        self.history.add(region, key, Recorded { asked, told, began, ended });
    }

    fn keep(&mut self, blob: Blob) {
        self.sealed += 1;
        if self.blobs.len() < MOST_BLOBS {
            self.blobs.push(blob);
            return;
        }
        let at = usize::try_from(self.draw.below(self.sealed)).unwrap_or(usize::MAX);
        if let Some(place) = self.blobs.get_mut(at) {
            *place = blob;
        }
    }

    fn seal_there(&mut self, region: RegionNumber) -> Option<(Doing, Request, &'static str)> {
        let shared = self.ready.iter().filter(|(at, key)| *at == region && key.is_multi_region());
        let shared: Vec<KeyId> = shared.map(|(_, key)| *key).collect();
        let (key, plaintext) = (*self.draw.pick(&shared)?, (&mut self.draw as &mut dyn Entropy).array());
        Some((Doing::SealThere { key, plaintext }, seal(&key.to_string(), &plaintext), OWNER))
    }

    fn choose(&mut self, region: RegionNumber) -> Option<(Doing, Request, &'static str)> {
        if let Some(place) = self.cancels.iter().find(|place| place.0 == region).copied() {
            self.cancels.remove(&place);
            return Some(cancel(place.1));
        }
        let (gone, here): (Vec<KeyId>, Vec<KeyId>) = {
            let ready = self.ready.iter().filter(|(at, _)| *at == region).map(|(_, key)| *key);
            ready.partition(|key| self.history.is_gone(&(region, *key)))
        };
        let wants_key = here.len() < self.manner.keys_at_least()
            || (self.living() < self.manner.keys_at_most() && self.draw.chance(15));
        if wants_key {
            let permille = self.manner.multi_region_permille();
            let multi_region = self.data_regions > 1 && self.draw.chance(permille);
            return Some((Doing::Create { multi_region }, create_key(multi_region), OWNER));
        }
        // Now and then a key that is gone: it has to stay so.
        let among = if !gone.is_empty() && self.draw.chance(GONE_PERMILLE) { gone } else { here };
        let key = *self.draw.pick(&among)?;
        let key_id = key.to_string();
        let weights = self.manner.weights();
        let plain = |asked: Asked, request: Request| Some((Doing::Plain { key, asked }, request, OWNER));
        match self.draw.weighted(&weights) {
            0 => {
                let plaintext = (&mut self.draw as &mut dyn Entropy).array();
                Some((Doing::Seal { key, plaintext }, seal(&key_id, &plaintext), OWNER))
            }
            1 => {
                let here: Vec<&Blob> =
                    self.blobs.iter().filter(|b| self.ready.contains(&(region, b.key))).collect();
                let blob = (*self.draw.pick(&here)?).clone();
                let request = open(&blob.bytes);
                Some((Doing::Open { blob }, request, OWNER))
            }
            2 => {
                plain(Asked::Describe, ops::describe_key::Request { key_id, grant_tokens: Vec::new() }.into())
            }
            3 => plain(Asked::Disable, ops::disable_key::Request { key_id }.into()),
            4 => plain(Asked::Enable, ops::enable_key::Request { key_id }.into()),
            5 => {
                self.descriptions += 1;
                let description = format!("d{}", self.descriptions);
                let request = ops::update_key_description::Request { key_id, description };
                plain(Asked::Describing(self.descriptions), request.into())
            }
            6 => {
                let request = ops::schedule_key_deletion::Request { key_id, pending_window_in_days: Some(7) };
                plain(Asked::Schedule, request.into())
            }
            7 => Some(cancel(key)),
            8 => {
                let arn = format!("arn:aws:kms:{}:{OWNER}:key/{key_id}", region_name(region));
                let request = seal(&arn, b"granted?");
                Some((Doing::Plain { key, asked: Asked::UseGrant }, request, GRANTEE))
            }
            9 => plain(Asked::Grant, create_grant(key_id)),
            10 => {
                let id = *self.grants.get(&(region, key))?;
                let request = ops::revoke_grant::Request { key_id, grant_id: id.to_string(), dry_run: false };
                plain(Asked::Revoke(id), request.into())
            }
            11 => {
                let request = ops::rotate_key_on_demand::Request { key_id };
                Some((Doing::Share { key, change: SharedChange::Rotated }, request.into(), OWNER))
            }
            12 if key.is_multi_region() => {
                let to: Region = region_name(self.other_region(region)?).parse().ok()?;
                let request = replicate_key(key_id, to.clone());
                Some((Doing::Share { key, change: SharedChange::Replicated(to) }, request, OWNER))
            }
            13 if key.is_multi_region() => {
                let to: Region = region_name(self.other_region(region)?).parse().ok()?;
                let request = ops::update_primary_region::Request { key_id, primary_region: to.clone() };
                Some((Doing::Share { key, change: SharedChange::Moved(to) }, request.into(), OWNER))
            }
            _ => None,
        }
    }

    /// Keys that are somewhere.
    fn living(&self) -> usize {
        let places = |key: &&KeyId| (0..self.data_regions).map(|region| (region, **key)).collect::<Vec<_>>();
        let lives = |key: &&KeyId| {
            places(key).iter().any(|place| self.ready.contains(place) && !self.history.is_gone(place))
        };
        self.keys.iter().filter(lives).count()
    }

    fn other_region(&mut self, region: RegionNumber) -> Option<RegionNumber> {
        let others: Vec<RegionNumber> = (0..self.data_regions).filter(|other| *other != region).collect();
        self.draw.pick(&others).copied()
    }
}

/// A call to open a ciphertext, for the end of a run.
pub(crate) fn open_order(blob: &Blob, at: Address, draw: &mut Draw) -> Option<Call> {
    order(open(&blob.bytes), OWNER, at, draw)
}

/// A call that changes nothing and needs a leader, for the end of a run.
pub(crate) fn create_order(at: Address, draw: &mut Draw) -> Option<Call> {
    order(create_key(false), OWNER, at, draw)
}

fn order(request: Request, account: &str, at: Address, draw: &mut Draw) -> Option<Call> {
    let account: AccountId = account.parse().ok()?;
    let caller = Principal::Root { account };
    Some(Call {
        request,
        caller: caller.clone(),
        credential: CredentialRef::Configured(caller),
        request_id: RequestId::from_random((draw as &mut dyn Entropy).array()),
        node: at.node,
        circumstances: Circumstances::default(),
    })
}

fn create_key(multi_region: bool) -> Request {
    ops::create_key::Request {
        policy: None,
        description: None,
        key_usage: None,
        customer_master_key_spec: None,
        key_spec: None,
        origin: None,
        custom_key_store_id: None,
        bypass_policy_lockout_safety_check: None,
        tags: Vec::new(),
        multi_region,
        xks_key_id: None,
    }
    .into()
}

fn cancel(key: KeyId) -> (Doing, Request, &'static str) {
    let request = ops::cancel_key_deletion::Request { key_id: key.to_string() };
    (Doing::Plain { key, asked: Asked::Cancel }, request.into(), OWNER)
}

fn seal(key_id: &str, plaintext: &[u8]) -> Request {
    ops::encrypt::Request {
        key_id: key_id.to_owned(),
        plaintext: Zeroizing::new(plaintext.to_vec()),
        encryption_context: EncryptionContext::default(),
        grant_tokens: Vec::new(),
        encryption_algorithm: None,
        dry_run: false,
    }
    .into()
}

fn open(bytes: &[u8]) -> Request {
    ops::decrypt::Request {
        ciphertext_blob: Some(bytes.to_vec()),
        encryption_context: EncryptionContext::default(),
        grant_tokens: Vec::new(),
        key_id: None,
        encryption_algorithm: None,
        recipient: None,
        dry_run: false,
        dry_run_modifiers: Vec::new(),
    }
    .into()
}

fn create_grant(key_id: String) -> Request {
    ops::create_grant::Request {
        key_id,
        grantee_principal: Some(format!("arn:aws:iam::{GRANTEE}:root")),
        grantee_service_principal: None,
        retiring_principal: None,
        retiring_service_principal: None,
        operations: vec![GrantOperation::Encrypt],
        constraints: None,
        grant_tokens: Vec::new(),
        name: Some("one".to_owned()),
        dry_run: false,
    }
    .into()
}

fn replicate_key(key_id: String, replica_region: Region) -> Request {
    ops::replicate_key::Request {
        key_id,
        replica_region,
        policy: None,
        bypass_policy_lockout_safety_check: None,
        description: None,
        tags: Vec::new(),
    }
    .into()
}

/// What an answer says about the key; none when it says nothing that the specification is about.
fn told(answer: Option<&Result<Response, Error>>) -> Option<Told> {
    Some(match answer {
        None | Some(Err(Error::Internal(_) | Error::Unavailable(_))) => Told::Nothing,
        Some(Ok(Response::DescribeKey(described))) => description(&described.key_metadata)?,
        Some(Ok(Response::CreateGrant(granted))) => Told::Granted(granted.grant_id),
        Some(Ok(_)) => Told::Done,
        Some(Err(Error::Disabled { .. })) => Told::Disabled,
        Some(Err(Error::KeyNotFound { .. })) => Told::NotFound,
        Some(Err(Error::AccessDenied { .. })) => Told::Denied,
        Some(Err(Error::GrantNotFound { .. })) => Told::NoSuchGrant,
        Some(Err(Error::InvalidState { state, .. })) => match state {
            StateName::NotPendingDeletion => Told::NotPendingDeletion,
            StateName::Is(KeyState::PendingDeletion | KeyState::PendingReplicaDeletion) => {
                Told::PendingDeletion
            }
            StateName::Is(_) => return None,
        },
        Some(Err(_)) => return None,
    })
}

fn description(metadata: &KeyMetadata) -> Option<Told> {
    let number = match metadata.description.strip_prefix('d') {
        Some(number) => number.parse().ok()?,
        None => 0,
    };
    Some(Told::Description(metadata.key_state, number))
}

fn describe(busy: &Busy, region: RegionNumber, answer: Option<&Result<Response, Error>>) -> String {
    let what = match &busy.doing {
        Doing::Create { multi_region: true } => "create a multi-Region key".to_owned(),
        Doing::Create { multi_region: false } => "create a key".to_owned(),
        Doing::Seal { key, .. } => format!("seal under {key}"),
        Doing::SealThere { key, .. } => format!("seal under {key} in a Region that was set back"),
        Doing::Open { blob } => format!("open of {} from {}", blob.key, region_name(blob.region)),
        Doing::Plain { key, asked } => format!("{asked:?} {key}"),
        Doing::Share { key, change } => format!("{change} of {key}"),
    };
    let said = match answer {
        None => "no answer".to_owned(),
        Some(Ok(Response::CreateKey(created))) => format!("key {}", created.key_metadata.key_id),
        Some(Ok(Response::DescribeKey(described))) => {
            format!("{:?} `{}`", described.key_metadata.key_state, described.key_metadata.description)
        }
        Some(Ok(_)) => "done".to_owned(),
        Some(Err(error)) => error.to_string(),
    };
    format!("call {} from {} at {}: {what}: {said}", busy.call, region_name(region), busy.at)
}

/// Which material a blob names, for the judge.
fn material_of(blob: &[u8]) -> Option<MaterialId> {
    let (_, rest) = blob.split_at_checked(19)?;
    rest.first_chunk::<32>().map(|bytes| MaterialId::from_bytes(*bytes))
}
