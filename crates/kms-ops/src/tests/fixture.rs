//! One Region in memory: state, domain key, seeded randomness, and a caller.

use kms_crypto::{DomainKey, SigningKey};
use kms_state::{
    Command, ControlRecord, CredentialRef, Directory, Key, Origin, Outcome, Proposal, RegionRole, State,
    Voter,
};
use kms_types::{
    AccountId, DeploymentId, Entropy, Incarnation, KeyId, Principal, ProposalId, Region, RequestId, Timestamp,
};
use std::{collections::BTreeMap, sync::Arc};

use super::requests::create_key;
use crate::{
    AuditFacts, Call, Circumstances, Env, Error, KeyMetadata, KeyRing, Pending, Request, RespondError,
    Response, Settings, Step,
    iam::{self, Action, Answer, IamCall, IamError, IamStep, Params},
    prepare,
};

pub(super) const OWN: &str = "111122223333";
pub(super) const FOREIGN: &str = "999988887777";
pub(super) const START: Timestamp = Timestamp::from_millis(1_770_000_000_000);

pub(super) struct Ring(Option<Arc<DomainKey>>);

impl KeyRing for Ring {
    fn domain_key(&self, version: u32) -> Option<Arc<DomainKey>> {
        self.0.clone().filter(|key| key.version() == version)
    }

    fn current_domain_key(&self) -> Option<Arc<DomainKey>> {
        self.0.clone()
    }
}

/// SplitMix64: repeatable, and good enough for tests.
pub(super) struct Seeded(u64);

impl Seeded {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

pub(super) struct Fixture {
    pub(super) state: State,
    pub(super) facts: AuditFacts,
    ring: Ring,
    entropy: Seeded,
    index: u64,
    pub(super) settings: Settings,
}

impl Fixture {
    pub(super) fn new() -> Self {
        Self::in_region("us-east-1")
    }

    pub(super) fn in_region(name: &str) -> Self {
        let mut entropy = Seeded::new(name.bytes().map(u64::from).sum());
        let ring = Ring(Some(Arc::new(DomainKey::generate(1, &mut entropy))));
        let (state, facts) = (State::new(), AuditFacts::default());
        let deployment = DeploymentId::from_random([1; 16]);
        let mut fixture = Self { state, facts, ring, entropy, index: 0, settings: Settings::default() };
        let domain = fixture.ring.current_domain_key().unwrap();
        let identity_key = crate::create_identity_key(deployment, domain, &mut fixture.entropy).unwrap();
        fixture.run(Command::Bootstrap {
            identity_key: (name == "us-east-1").then(|| Box::new(identity_key)),
            deployment,
            region: region(name),
            incarnation: Incarnation::from_random([2; 16]),
            directory: directory(),
            domain_keys: Vec::new(),
            clock: kms_state::RegionClock::Real,
        });
        fixture.run(Command::Tick { now: START });
        fixture
    }

    /// A second Region in the same state, to go another way from here.
    pub(super) fn copy(&self) -> Self {
        Self {
            state: self.state.clone(),
            facts: AuditFacts::default(),
            ring: Ring(self.ring.0.clone()),
            entropy: Seeded::new(self.index),
            index: self.index,
            settings: self.settings.clone(),
        }
    }

    /// A node whose root key is away.
    pub(super) fn lose_domain_key(&mut self) {
        self.ring = Ring(None);
    }

    pub(super) fn run(&mut self, command: Command) -> Outcome {
        let id = ProposalId::from_random((&mut self.entropy as &mut dyn Entropy).array());
        self.apply(&Proposal { id, origin: Origin::Service { node: 1 }, expect: None, command })
    }

    pub(super) fn apply(&mut self, proposal: &Proposal) -> Outcome {
        self.index += 1;
        let outcome = self.state.apply(self.index, proposal);
        // A3 in passing: what is stored is what is in memory.
        assert_eq!(State::restore(self.state.records()).unwrap().hash(), self.state.hash());
        outcome
    }

    pub(super) fn pass_days(&mut self, days: u64) {
        let now = self.state.region_time().plus_days(days);
        self.run(Command::Tick { now });
    }

    pub(super) fn commit(&mut self, record: &ControlRecord) {
        assert_eq!(self.run(Command::CommitRecords { records: vec![record.clone()] }), Outcome::Applied);
    }

    pub(super) fn committed(&self, key: &KeyId) -> ControlRecord {
        (**self.state.register(key).unwrap().committed.as_ref().unwrap()).clone()
    }

    pub(super) fn key(&self, id: &KeyId) -> Key {
        (**self.state.key(id).unwrap()).clone()
    }

    pub(super) fn env(&mut self) -> (Env<'_>, &State) {
        (Env { entropy: &mut self.entropy, keyring: &self.ring, settings: &self.settings }, &self.state)
    }

    pub(super) fn prepare_as(&mut self, account: &str, request: Request) -> Result<Step, Error> {
        self.prepare_by(Principal::Root { account: account_id(account) }, request)
    }

    pub(super) fn prepare_by(&mut self, caller: Principal, request: Request) -> Result<Step, Error> {
        self.prepare_with(&CredentialRef::Configured(caller), request)
    }

    pub(super) fn prepare_with(
        &mut self,
        credential: &CredentialRef,
        request: Request,
    ) -> Result<Step, Error> {
        let call = Call {
            request,
            caller: self.state.caller(credential).map_err(|_| Error::CredentialGone)?,
            credential: credential.clone(),
            request_id: RequestId::from_random([3; 16]),
            node: 1,
            circumstances: Circumstances {
                source_ip: Some([203, 0, 113, 9].into()),
                ..Circumstances::default()
            },
        };
        self.facts = AuditFacts::default();
        let mut env = Env { entropy: &mut self.entropy, keyring: &self.ring, settings: &self.settings };
        prepare(&call, &self.state, &mut env, &mut self.facts)
    }

    /// The whole way of a call, with a majority of Regions that agrees at once.
    pub(super) fn call_as(&mut self, account: &str, request: impl Into<Request>) -> Result<Response, Error> {
        self.call_by(Principal::Root { account: account_id(account) }, request)
    }

    /// As [`Self::call_as`], by any caller.
    pub(super) fn call_by(
        &mut self,
        caller: Principal,
        request: impl Into<Request>,
    ) -> Result<Response, Error> {
        let request = request.into();
        for _ in 0..3 {
            let pending = match self.prepare_by(caller.clone(), request.clone())? {
                Step::Answer(response) => return Ok(response),
                Step::Propose(pending) => *pending,
            };
            match self.carry_out(pending) {
                Ok(response) => return Ok(response),
                Err(RespondError::Failed(error)) => return Err(error),
                Err(RespondError::Retry(_)) => {}
            }
        }
        panic!("the call is retried without end");
    }

    /// An IAM or STS call, carried out.
    pub(super) fn iam(
        &mut self,
        credential: &CredentialRef,
        action: Action,
        params: &[(&str, &str)],
    ) -> Result<Answer, IamError> {
        let pairs = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let call = IamCall {
            action,
            params: Params::new(pairs.collect()),
            caller: self.state.caller(credential).map_err(|_| IamError::CredentialGone)?,
            credential: credential.clone(),
            request_id: RequestId::from_random([3; 16]),
            node: 1,
            circumstances: Circumstances::default(),
        };
        let mut env = Env { entropy: &mut self.entropy, keyring: &self.ring, settings: &self.settings };
        match iam::prepare(&call, &self.state, &mut env)? {
            IamStep::Answer(answer) => Ok(answer),
            IamStep::Propose(pending) => {
                let outcome = self.apply(&pending.proposal);
                pending.respond(&outcome).map(|answer| answer.expect("nothing moved meanwhile"))
            }
        }
    }

    /// The whole way of a call that is not a shared change, by any caller.
    pub(super) fn call_with(
        &mut self,
        credential: &CredentialRef,
        request: impl Into<Request>,
    ) -> Result<Response, Error> {
        match self.prepare_with(credential, request.into())? {
            Step::Answer(response) => Ok(response),
            Step::Propose(pending) => match self.carry_out(*pending) {
                Ok(response) => Ok(response),
                Err(RespondError::Failed(error)) => Err(error),
                Err(RespondError::Retry(refusal)) => panic!("{refusal}"),
            },
        }
    }

    pub(super) fn call(&mut self, request: impl Into<Request>) -> Result<Response, Error> {
        self.call_as(OWN, request)
    }

    fn carry_out(&mut self, pending: Pending) -> Result<Response, RespondError> {
        let outcome = self.apply(&pending.proposal);
        if let (
            Outcome::RecordProposed { .. },
            Command::ProposeRecord { record, .. } | Command::ProposeImport { record, .. },
        ) = (&outcome, &pending.proposal.command)
        {
            assert!(!pending.wait.is_over(&self.state));
            self.commit(record);
        }
        if !matches!(outcome, Outcome::Refused(_)) {
            assert!(pending.wait.is_over(&self.state));
        }
        let view = self.state.clone();
        pending.respond(&view, outcome)
    }

    pub(super) fn create(&mut self, request: crate::create_key::Request) -> KeyMetadata {
        match self.call(request) {
            Ok(Response::CreateKey(response)) => response.key_metadata,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn single(&mut self) -> KeyMetadata {
        self.create(create_key())
    }

    pub(super) fn multi(&mut self) -> KeyMetadata {
        self.create(crate::create_key::Request { multi_region: true, ..create_key() })
    }

    /// The Region in which `record`'s joining member lives learns of it.
    pub(super) fn learn(&mut self, record: &ControlRecord) {
        self.commit(record);
    }

    /// Installs in `self` every material of `key` that `from` holds, as an envelope would.
    pub(super) fn install_from(&mut self, from: &Fixture, key: &KeyId) {
        let source = from.key(key);
        let (theirs, ours) =
            (from.ring.current_domain_key().unwrap(), self.ring.current_domain_key().unwrap());
        let version = self.committed(key).version;
        let materials = source.held.iter().map(|(id, wrapped)| {
            let material = theirs.unwrap_key(key, source.spec, id, wrapped).unwrap();
            let wrapped = ours.wrap(key, id, &material, &mut self.entropy);
            let commitment = source.material(id).unwrap().commitment;
            let public_key = material.public_key().unwrap();
            let material = kms_state::NewMaterial { id: *id, commitment, public_key, wrapped };
            kms_state::InstallMaterial { key: *key, material, version: version.clone() }
        });
        let materials = materials.collect();
        assert_eq!(self.run(Command::InstallMaterials { materials }), Outcome::Applied);
    }

    /// A primary in us-east-1 and its active replica in eu-west-1.
    pub(super) fn replicated() -> (Fixture, Fixture, KeyId) {
        Self::replicated_of(crate::create_key::Request { multi_region: true, ..create_key() })
    }

    /// The same, of a key that is made by this request.
    pub(super) fn replicated_of(request: crate::create_key::Request) -> (Fixture, Fixture, KeyId) {
        let (mut primary, mut replica) = (Fixture::new(), Fixture::in_region("eu-west-1"));
        let key = primary.create(request).key_id;
        primary.call(super::requests::replicate(&key, "eu-west-1")).unwrap();
        replica.learn(&primary.committed(&key));
        replica.install_from(&primary, &key);
        let active = primary.committed(&key).admit(&region("eu-west-1")).unwrap();
        primary.change(&active);
        replica.learn(&active);
        (primary, replica, key)
    }

    /// Proposes a record and has it committed.
    pub(super) fn change(&mut self, record: &ControlRecord) {
        let base = self.committed(&record.key).version;
        let command = Command::ProposeRecord { record: Box::new(record.clone()), base, material: None };
        assert!(matches!(self.run(command), Outcome::RecordProposed { .. }));
        self.commit(record);
    }
}

fn directory() -> Directory {
    let voter = |n: u8, role| Voter {
        incarnation: Incarnation::from_random([n; 16]),
        verifying_key: SigningKey::generate(&mut Seeded::new(n.into())).verifying(),
        role,
    };
    let voters = BTreeMap::from([
        (region("us-east-1"), voter(1, RegionRole::Data)),
        (region("eu-west-1"), voter(2, RegionRole::Data)),
        (region("ap-southeast-2"), voter(3, RegionRole::Witness)),
    ]);
    Directory::first(voters)
}

pub(super) fn region(name: &str) -> Region {
    name.parse().unwrap()
}

pub(super) fn account_id(text: &str) -> AccountId {
    text.parse().unwrap()
}
