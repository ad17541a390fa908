//! Regions `a`, `b`, `c` with material and `w` without, their logs, and the network between them. Materials are
//! stand-ins; what the real ones go through is tested with the driver.

use kms_crypto::{Commitment, Envelope, ReceiverKey, ReceiverPublic, VerifyingKey, WrappedMaterial};
use kms_state::{
    Command, ControlRecord, CreateKey, Directory, DirectoryChange, InstallMaterial, Key, MaterialInfo,
    MaterialStatus, NewMaterial, Origin, Outcome, Proposal, RegionRole, ReplicaSeed, State, Voter,
    identity::identity_key_id,
};
use kms_types::{
    AccountId, DeploymentId, Entropy, Incarnation, KeyId, KeyIdKind, KeyOrigin, KeySpec, KeyUsage,
    MaterialId, ProposalId, RecordVersion, Region, RotationType, Timestamp,
};
use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Alarm, Config, Delivery, DirectoryResult, EvictScope, Force, Input, KeyResult, Losses, Machine, Message,
    NotHeard, Offer, Output, PromoteScope, SealedMaterial, Sender, hear,
};

pub(super) const KEY: [u8; 16] = [7; 16];
const STEP_MS: u64 = 50;

pub(super) fn region(name: &str) -> Region {
    format!("test-{name}-1").parse().unwrap()
}

pub(super) fn key_id() -> KeyId {
    KeyId::from_parts(KeyIdKind::MultiRegion, KEY)
}

pub(super) fn material_id(n: u8) -> MaterialId {
    MaterialId::from_bytes([n; 32])
}

fn wrapped(n: u8) -> WrappedMaterial {
    WrappedMaterial { domain_version: 1, nonce: [n; 12], sealed: vec![n; 48] }
}

pub(super) fn new_material(n: u8) -> NewMaterial {
    NewMaterial { id: material_id(n), commitment: Commitment([n; 32]), public_key: None, wrapped: wrapped(n) }
}

pub(super) struct Zeros;
impl Entropy for Zeros {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(1);
    }
}

fn receiver() -> ReceiverPublic {
    ReceiverKey::generate(&mut Zeros).public().clone()
}

/// One Region: its log is applied at once; its leader may be away.
pub(super) struct Site {
    pub(super) state: State,
    index: u64,
    pub(super) machine: Option<Machine>,
}

/// What a letter says of its sender: incarnation and directory.
pub(super) type Stamp = (Incarnation, u64);

/// A message under way.
pub(super) type Parcel = (Region, Region, Message, Stamp);

pub(super) struct World {
    pub(super) sites: BTreeMap<Region, Site>,
    pub(super) net: Vec<Parcel>,
    pub(super) now: Timestamp,
    /// One-way cuts.
    pub(super) cut: BTreeSet<(Region, Region)>,
    pub(super) reports: BTreeMap<u64, BTreeMap<KeyId, KeyResult>>,
    pub(super) alarms: Vec<(Region, Alarm)>,
    /// Every record that any Region knows to be committed.
    pub(super) chain: BTreeMap<RecordVersion, ControlRecord>,
    /// Messages delivered so far, by name.
    pub(super) delivered: BTreeMap<&'static str, usize>,
    /// Letters whose sender did not count.
    pub(super) unheard: usize,
    pub(super) directory_reports: BTreeMap<u64, DirectoryResult>,
    /// Envelopes from this Region hold other bytes than promised.
    pub(super) corrupt: Option<Region>,
    /// False once a promotion was forced: C1 and C3 are not promised then.
    pub(super) safe: bool,
    /// Materials that became current by a rotation so far.
    activated: BTreeSet<MaterialId>,
    receiver: ReceiverPublic,
    materials: u8,
}

impl World {
    /// Regions by name, `w` being a witness; the first one creates the key.
    pub(super) fn new(names: &[&str]) -> Self {
        Self::with_origin(names, KeyOrigin::AwsKms)
    }

    /// As [`Self::new`]; an imported key has no material yet.
    pub(super) fn with_origin(names: &[&str], origin: KeyOrigin) -> Self {
        let now = Timestamp::from_millis(1_000_000);
        let mut world = Self {
            sites: BTreeMap::new(),
            net: Vec::new(),
            now,
            cut: BTreeSet::new(),
            reports: BTreeMap::new(),
            alarms: Vec::new(),
            chain: BTreeMap::new(),
            delivered: BTreeMap::new(),
            unheard: 0,
            directory_reports: BTreeMap::new(),
            corrupt: None,
            safe: true,
            activated: BTreeSet::new(),
            receiver: receiver(),
            materials: 1,
        };
        for name in names {
            world.sites.insert(region(name), Site { state: State::new(), index: 0, machine: None });
            world.run(name, bootstrap(name, names));
            world.run(name, Command::Tick { now });
            world.restart(name);
        }
        world.run(names[0], create_key(origin));
        world
    }

    /// As [`World::new`] without witness rules of its own, and `names[0]` is the identity home; every other data Region
    /// has joined the identity key.
    pub(super) fn with_identity(names: &[&str]) -> Self {
        let mut world = Self::new(names);
        let first = names[0];
        let deployment = DeploymentId::from_random([1; 16]);
        let key = identity_key_id(deployment);
        world.site(first).state = State::new();
        let Command::CreateKey(create) = create_key(KeyOrigin::AwsKms) else { unreachable!() };
        let mut command = bootstrap(first, names);
        if let Command::Bootstrap { identity_key, .. } = &mut command {
            *identity_key =
                Some(Box::new(CreateKey { account: AccountId::SYSTEM, key, ..(*create).clone() }));
        }
        world.run(first, command);
        world.run(first, Command::Tick { now: world.now });
        world.restart(first);
        world.run(first, create_key(KeyOrigin::AwsKms));
        for name in names.iter().skip(1).filter(|name| **name != "w") {
            let committed = world.state(first).register(&key).unwrap().committed.clone().unwrap();
            let seed = ReplicaSeed {
                policy: "{}".into(),
                description: String::new(),
                tags: BTreeMap::new(),
                requested: requested(),
            };
            let record = Box::new(committed.replicate(region(name), seed).unwrap());
            let base = committed.version.clone();
            world.run(first, Command::ProposeRecord { record, base, material: None });
            world.settle(2_000);
        }
        world
    }

    /// The key in `a`, and active in every other data Region of `names`.
    pub(super) fn replicated(names: &[&str]) -> Self {
        let mut world = Self::new(names);
        for name in names.iter().skip(1).filter(|name| **name != "w") {
            world.replicate(names[0], name);
            world.settle(2_000);
            assert!(world.committed(names[0]).is_active_member(&region(name)), "{name} has joined");
        }
        world
    }

    pub(super) fn site(&mut self, name: &str) -> &mut Site {
        self.sites.get_mut(&region(name)).unwrap()
    }

    pub(super) fn state(&self, name: &str) -> &State {
        &self.sites[&region(name)].state
    }

    pub(super) fn committed(&self, name: &str) -> ControlRecord {
        (**self.state(name).register(&key_id()).unwrap().committed.as_ref().unwrap()).clone()
    }

    pub(super) fn key(&self, name: &str) -> Key {
        (**self.state(name).key(&key_id()).unwrap()).clone()
    }

    pub(super) fn holds(&self, name: &str, n: u8) -> bool {
        self.state(name).key(&key_id()).is_some_and(|k| k.held.contains_key(&material_id(n)))
    }

    /// Applies one command to the Region's log and tells its leader.
    pub(super) fn run(&mut self, name: &str, command: Command) -> Outcome {
        let outcome = self.apply(&region(name), command);
        self.input(&region(name), None);
        outcome
    }

    fn apply(&mut self, at: &Region, command: Command) -> Outcome {
        let site = self.sites.get_mut(at).unwrap();
        site.index += 1;
        let mut id = [1; 16];
        id[8..].copy_from_slice(&site.index.to_be_bytes());
        let origin = Origin::Service { node: 1 };
        let proposal = Proposal { id: ProposalId::from_random(id), origin, expect: None, command };
        let outcome = site.state.apply(site.index, &proposal);
        site.state.take_changes();
        self.check();
        outcome
    }

    /// The Region gets another leader, which knows the state only (failure case 12).
    pub(super) fn restart(&mut self, name: &str) {
        let machine = Machine::new(region(name), self.now, Config::default());
        self.site(name).machine = Some(machine);
        self.input(&region(name), None);
    }

    /// The Region goes away for a while or for ever.
    pub(super) fn stop(&mut self, name: &str) {
        self.site(name).machine = None;
    }

    pub(super) fn cut_off(&mut self, name: &str) {
        let others: Vec<Region> = self.sites.keys().filter(|r| **r != region(name)).cloned().collect();
        for other in others {
            self.cut.insert((region(name), other.clone()));
            self.cut.insert((other, region(name)));
        }
    }

    pub(super) fn heal(&mut self) {
        self.cut.clear();
    }

    /// Feeds the newest state, then `input`, and carries out what the machine asks for.
    pub(super) fn input(&mut self, at: &Region, input: Option<Input>) {
        let mut inputs = Vec::from_iter(input);
        let mut first = true;
        while first || !inputs.is_empty() {
            let input = if first { None } else { Some(inputs.remove(0)) };
            first = false;
            let site = self.sites.get_mut(at).unwrap();
            let state = site.state.clone();
            let Some(machine) = &mut site.machine else { return };
            machine.handle(Input::Applied(Box::new(state)), self.now);
            if let Some(input) = input {
                machine.handle(input, self.now);
            }
            let outputs: Vec<Output> = std::iter::from_fn(|| machine.poll_output()).collect();
            for output in outputs {
                inputs.extend(self.carry_out(at, output));
            }
        }
    }

    fn carry_out(&mut self, at: &Region, output: Output) -> Option<Input> {
        match output {
            Output::Send { to, message } => {
                let message = Message::decode(&message.encode()).unwrap();
                self.post(at, to, message);
                None
            }
            Output::Propose { tag, command } => {
                let outcome = self.apply(at, command);
                Some(Input::Outcome { tag, outcome })
            }
            Output::RequestMaterials { from, wants } => {
                let (receiver, expires_at) = (self.receiver.clone(), self.now.plus_millis(60_000));
                let offer = Offer { receiver, expires_at, wants };
                self.post(at, from, Message::Offer(offer));
                None
            }
            Output::SendMaterials { to, offer } => {
                let delivery = self.seal(at, offer);
                self.post(at, to, Message::Material(delivery));
                None
            }
            Output::OpenEnvelopes { from, delivery } => Some(open(from, delivery)),
            Output::Report { request, results } => {
                self.reports.insert(request, results);
                None
            }
            Output::DirectoryReport { request, result } => {
                self.directory_reports.insert(request, result);
                None
            }
            Output::Alarm(alarm) => {
                self.alarms.push((at.clone(), alarm));
                None
            }
        }
    }

    fn seal(&self, at: &Region, offer: Offer) -> Delivery {
        let seal = |want: crate::Want| {
            let key = self.sites[at].state.key(&want.key).unwrap();
            let mut sealed = key.held[&want.material].sealed[..32].to_vec();
            if self.corrupt.as_ref() == Some(at) {
                sealed[0] ^= 1;
            }
            SealedMaterial { want, envelope: Envelope { encapsulated: Vec::new(), sealed } }
        };
        let materials = offer.wants.into_iter().map(seal).collect();
        Delivery { receiver: offer.receiver, expires_at: offer.expires_at, materials }
    }

    fn post(&mut self, from: &Region, to: Region, message: Message) {
        let state = &self.sites[from].state;
        let stamp = (state.incarnation().unwrap(), state.directory().unwrap().generation);
        self.net.push((from.clone(), to, message, stamp));
    }

    pub(super) fn deliver(&mut self, (from, to, message, (incarnation, generation)): Parcel) {
        if self.cut.contains(&(from.clone(), to.clone())) || !self.sites.contains_key(&to) {
            return;
        }
        *self.delivered.entry(message.name()).or_default() += 1;
        let sender = Sender { region: &from, incarnation, generation };
        let input = match hear(&self.sites[&to].state, sender, &message) {
            Ok(()) => Input::Message { from, message },
            Err(NotHeard::WrongGeneration { .. } | NotHeard::Removed { .. }) => {
                self.unheard += 1;
                Input::OtherDirectory { from, theirs: generation }
            }
            Err(_) => {
                self.unheard += 1;
                return;
            }
        };
        self.input(&to, Some(input));
    }

    /// Delivers everything in order and lets time pass, for `ms` milliseconds.
    pub(super) fn settle(&mut self, ms: u64) {
        let end = self.now.plus_millis(ms);
        while self.now < end {
            for _ in 0..100 {
                for parcel in std::mem::take(&mut self.net) {
                    self.deliver(parcel);
                }
            }
            self.pass(STEP_MS);
        }
    }

    /// Lets time pass; machines whose time has come are woken.
    pub(super) fn pass(&mut self, ms: u64) {
        self.now = self.now.plus_millis(ms);
        for at in self.sites.keys().cloned().collect::<Vec<_>>() {
            let due = self.sites[&at].machine.as_ref().and_then(Machine::poll_timeout);
            if due.is_some_and(|due| due <= self.now) {
                self.input(&at, Some(Input::Tick));
            }
        }
    }

    /// Region time jumps everywhere that is up.
    pub(super) fn pass_days(&mut self, days: u64) {
        self.now = self.now.plus_days(days);
        for at in self.sites.keys().cloned().collect::<Vec<_>>() {
            self.apply(&at, Command::Tick { now: self.now });
            self.input(&at, None);
        }
    }

    pub(super) fn propose(
        &mut self,
        name: &str,
        record: ControlRecord,
        material: Option<NewMaterial>,
    ) -> Outcome {
        let base = self.committed(name).version;
        self.run(name, Command::ProposeRecord { record: Box::new(record), base, material })
    }

    pub(super) fn replicate(&mut self, primary: &str, to: &str) -> Outcome {
        let seed = ReplicaSeed {
            policy: "{}".into(),
            description: to.into(),
            tags: BTreeMap::new(),
            requested: requested(),
        };
        match self.committed(primary).replicate(region(to), seed) {
            Ok(record) => self.propose(primary, record, None),
            Err(error) => Outcome::Refused(error.into()),
        }
    }

    /// Stages a new material and returns its number.
    pub(super) fn rotate(&mut self, primary: &str) -> Result<u8, Outcome> {
        let n = self.materials + 1;
        let info = MaterialInfo {
            id: material_id(n),
            commitment: Commitment([n; 32]),
            public_key: None,
            status: MaterialStatus::Staged,
            created_at: self.now,
            rotated_at: None,
            rotation_type: Some(RotationType::OnDemand),
        };
        let record = self.committed(primary).stage(info, self.now).map_err(|e| Outcome::Refused(e.into()))?;
        match self.propose(primary, record, Some(new_material(n))) {
            Outcome::RecordProposed { .. } => {
                self.materials = n;
                Ok(n)
            }
            other => Err(other),
        }
    }

    pub(super) fn promote(&mut self, name: &str, force: Force, request: u64) {
        let scope = PromoteScope::Key(key_id());
        self.input(&region(name), Some(Input::Promote { scope, force, request }));
    }

    pub(super) fn evict(&mut self, primary: &str, member: &str, request: u64) {
        let scope = EvictScope::Key(key_id());
        self.input(&region(primary), Some(Input::Evict { region: region(member), scope, request }));
    }

    pub(super) fn change_directory(
        &mut self,
        name: &str,
        change: DirectoryChange,
        force: Force,
        request: u64,
    ) {
        let losses = Losses::Refused;
        self.input(&region(name), Some(Input::ChangeDirectory { change, force, losses, request }));
    }

    /// Removes a Region that may be the last one that holds the key.
    pub(super) fn remove_losing_keys(&mut self, name: &str, removed: &str, request: u64) {
        let (change, force) = (DirectoryChange::Remove { region: region(removed) }, Force::Safe);
        let losses = Losses::Accepted;
        self.input(&region(name), Some(Input::ChangeDirectory { change, force, losses, request }));
    }

    /// A new Region, or a rebuilt one, with nothing but the directory that invites it.
    pub(super) fn found(&mut self, name: &str, incarnation: Incarnation, directory: Directory) {
        self.sites.insert(region(name), Site { state: State::new(), index: 0, machine: None });
        self.run(
            name,
            Command::Bootstrap {
                identity_key: None,
                deployment: DeploymentId::from_random([1; 16]),
                region: region(name),
                incarnation,
                directory,
                domain_keys: Vec::new(),
                clock: kms_state::RegionClock::Real,
            },
        );
        self.run(name, Command::Tick { now: self.now });
        self.restart(name);
    }

    pub(super) fn directory(&self, name: &str) -> Directory {
        self.state(name).directory().unwrap().clone()
    }

    pub(super) fn result(&self, request: u64) -> &KeyResult {
        &self.reports[&request][&key_id()]
    }

    /// Every Region that is up knows the same committed record.
    pub(super) fn assert_converged(&self) -> ControlRecord {
        let up: Vec<_> = self.sites.values().filter(|s| s.machine.is_some()).collect();
        let records: Vec<_> =
            up.iter().map(|s| s.state.register(&key_id()).unwrap().committed.clone()).collect();
        assert!(records.windows(2).all(|w| w[0] == w[1]), "{records:#?}");
        (**records[0].as_ref().unwrap()).clone()
    }

    /// No Region that is up waits for the end of a promotion, or of a record.
    pub(super) fn assert_settled(&self) {
        for (at, site) in self.sites.iter().filter(|(_, site)| site.machine.is_some()) {
            let unsettled: Vec<_> = site.state.unsettled().map(|key| site.state.register(key)).collect();
            assert!(unsettled.is_empty(), "{at}: {unsettled:#?}");
        }
    }

    /// C1, C2, C3, C8 and D3, after every entry of every log.
    fn check(&mut self) {
        for (at, site) in &self.sites {
            let Some(register) = site.state.register(&key_id()) else { continue };
            let Some(committed) = &register.committed else { continue };
            assert_eq!(committed.primary, committed.version.epoch.region, "C2");
            let known = self.chain.entry(committed.version.clone()).or_insert_with(|| (**committed).clone());
            assert_eq!(*known, **committed, "C3: one record per version");
            if let Some(key) = site.state.key(&key_id()) {
                assert!(committed.is_member(at) || key.held.is_empty(), "C8");
            }
        }
        if self.safe {
            self.check_chain();
            self.check_c1();
        }
    }

    fn check_chain(&self) {
        let records: Vec<&ControlRecord> = self.chain.values().collect();
        for pair in records.windows(2) {
            assert_eq!(pair[1].displaced_from(&pair[0].materials).count(), 0, "C3: {pair:#?}");
        }
    }

    /// What any Region would seal with, every active member holds. Imported material may be deleted by its owner in
    /// one Region, and a new replica waits for it: it must have been everywhere when a rotation made it current.
    fn check_c1(&mut self) {
        let Some(latest) = self.chain.values().next_back().filter(|r| !r.is_destroyed()).cloned() else {
            return;
        };
        let rotated =
            latest.materials.iter().find(|m| Some(m.id) == latest.current && m.rotated_at.is_some());
        let news = rotated.is_some_and(|m| self.activated.insert(m.id));
        if latest.origin == KeyOrigin::External {
            let held = |member: &Region| {
                let holder = self.sites[member].state.key(&key_id()).unwrap();
                latest.current.is_some_and(|id| holder.held.contains_key(&id))
            };
            assert!(
                !news || latest.active_members().all(held),
                "C1: a member lacks what a rotation activates"
            );
            return;
        }
        for (at, site) in &self.sites {
            let Some(register) = site.state.register(&key_id()) else { continue };
            let Some(own) = register.committed.as_ref().filter(|c| c.is_active_member(at)) else { continue };
            for member in latest.active_members() {
                let holder = self.sites[member].state.key(&key_id()).unwrap();
                let held = own.current.is_some_and(|id| holder.held.contains_key(&id));
                assert!(held, "C1: {at} seals, {member} cannot open");
            }
        }
    }
}

fn open(from: Region, delivery: Delivery) -> Input {
    let (mut materials, mut refused) = (Vec::new(), Vec::new());
    for SealedMaterial { want, envelope } in delivery.materials {
        if envelope.sealed == want.commitment.0 {
            let material = NewMaterial {
                id: want.material,
                commitment: want.commitment,
                public_key: None,
                wrapped: wrapped(want.commitment.0[0]),
            };
            materials.push(InstallMaterial { key: want.key, material, version: want.version });
        } else {
            refused.push(want);
        }
    }
    Input::Opened { from, materials, refused }
}

fn bootstrap(name: &str, names: &[&str]) -> Command {
    let voter = |name: &&str| {
        let role = if *name == "w" { RegionRole::Witness } else { RegionRole::Data };
        let incarnation = Incarnation::from_random([name.as_bytes()[0]; 16]);
        (region(name), Voter { incarnation, verifying_key: VerifyingKey([0; 32]), role })
    };
    Command::Bootstrap {
        identity_key: None,
        deployment: DeploymentId::from_random([1; 16]),
        region: region(name),
        incarnation: Incarnation::from_random([name.as_bytes()[0]; 16]),
        directory: Directory::first(names.iter().map(voter).collect()),
        domain_keys: Vec::new(),
        clock: kms_state::RegionClock::Real,
    }
}

fn create_key(origin: KeyOrigin) -> Command {
    Command::CreateKey(Box::new(CreateKey {
        account: "000000000000".parse().unwrap(),
        key: key_id(),
        spec: KeySpec::SymmetricDefault,
        usage: KeyUsage::EncryptDecrypt,
        origin,
        policy: "{}".into(),
        description: String::new(),
        tags: BTreeMap::new(),
        material: (origin == KeyOrigin::AwsKms).then(|| new_material(1)),
        managed_as: None,
        most_keys: 1_000,
    }))
}

/// A call of the account's root.
pub(super) fn requested() -> kms_state::Requested {
    kms_state::Requested {
        principal: kms_types::Principal::Root { account: "000000000000".parse().unwrap() },
        request: kms_types::RequestId::from_random([9; 16]),
    }
}
