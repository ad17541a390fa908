//! Test Regions with one multi-Region key: `a` (its first primary), `b`, `c` hold data, `w` is a witness.

use kms_crypto::{Commitment, VerifyingKey, WrappedMaterial};
use kms_types::{
    CustomerKeyManager, DeploymentId, Epoch, Incarnation, KeyId, KeyIdKind, KeyOrigin, KeySpec, KeyUsage,
    MaterialId, ProposalId, RecordVersion, Region, RotationType, Timestamp,
};
use std::collections::BTreeMap;

use crate::{
    Command, ControlRecord, Directory, Key, Lifecycle, MaterialInfo, MaterialStatus, Membership, MultiRegion,
    NewMaterial, Origin, Outcome, Phase, Proposal, RegionRole, Register, ReplicaSeed, Rotation, State, Voter,
};

pub(in crate::apply) const KEY: [u8; 16] = [7; 16];

pub(in crate::apply) fn region(name: &str) -> Region {
    format!("test-{name}-1").parse().unwrap()
}

pub(in crate::apply) fn key_id() -> KeyId {
    KeyId::from_parts(KeyIdKind::MultiRegion, KEY)
}

pub(in crate::apply) fn epoch(counter: u64, name: &str) -> Epoch {
    Epoch { counter, region: region(name) }
}

pub(in crate::apply) fn version(counter: u64, name: &str, n: u64) -> RecordVersion {
    RecordVersion { epoch: epoch(counter, name), n }
}

pub(in crate::apply) fn material_id(n: u8) -> MaterialId {
    MaterialId::from_bytes([n; 32])
}

pub(in crate::apply) fn info(n: u8, status: MaterialStatus) -> MaterialInfo {
    MaterialInfo {
        id: material_id(n),
        commitment: Commitment([n; 32]),
        public_key: None,
        status,
        created_at: Timestamp::from_millis(n.into()),
        rotated_at: None,
        rotation_type: (n > 1).then_some(RotationType::OnDemand),
    }
}

pub(in crate::apply) fn new_material(n: u8) -> NewMaterial {
    let wrapped = WrappedMaterial { domain_version: 1, nonce: [n; 12], sealed: vec![n; 48] };
    NewMaterial { id: material_id(n), commitment: Commitment([n; 32]), public_key: None, wrapped }
}

pub(in crate::apply) fn seed() -> Box<ReplicaSeed> {
    Box::new(ReplicaSeed {
        policy: "{}".into(),
        description: "replica".into(),
        tags: BTreeMap::new(),
        requested: requested(),
    })
}

fn directory() -> Directory {
    let voter = |name: &str| {
        let role = if name == "w" { RegionRole::Witness } else { RegionRole::Data };
        let incarnation = Incarnation::from_random([name.as_bytes()[0]; 16]);
        (region(name), Voter { incarnation, verifying_key: VerifyingKey([0; 32]), role })
    };
    Directory::first(["a", "b", "c", "w"].map(voter).into())
}

/// One Region's state and its log position.
#[derive(Clone)]
pub(in crate::apply) struct TestRegion {
    pub(in crate::apply) state: State,
    pub(in crate::apply) index: u64,
}

impl TestRegion {
    pub(in crate::apply) fn new(name: &str) -> Self {
        let mut this = Self { state: State::new(), index: 0 };
        this.run(Command::Bootstrap {
            identity_key: None,
            deployment: DeploymentId::from_random([1; 16]),
            region: region(name),
            incarnation: Incarnation::from_random([name.as_bytes()[0]; 16]),
            directory: directory(),
            domain_keys: Vec::new(),
            clock: crate::RegionClock::Real,
        });
        this.run(Command::Tick { now: Timestamp::from_millis(1_000) });
        this
    }

    /// Region `a` with the key, created here.
    pub(in crate::apply) fn with_key() -> Self {
        let mut this = Self::new("a");
        let key = created_key();
        this.state.put_key(key.clone());
        this.index += 1;
        super::initial(&mut this.state, this.index, &key);
        this
    }

    pub(in crate::apply) fn run(&mut self, command: Command) -> Outcome {
        self.index += 1;
        let mut id = [0; 16];
        id[8..].copy_from_slice(&self.index.to_be_bytes());
        id[7] = 1;
        let origin = Origin::Service { node: 1 };
        let proposal = Proposal { id: ProposalId::from_random(id), origin, expect: None, command };
        self.state.apply(self.index, &proposal)
    }

    pub(in crate::apply) fn register(&self) -> Register {
        self.state.register(&key_id()).map(|r| (**r).clone()).unwrap_or_default()
    }

    pub(in crate::apply) fn committed(&self) -> ControlRecord {
        (*self.register().committed.unwrap()).clone()
    }

    pub(in crate::apply) fn key(&self) -> Key {
        (**self.state.key(&key_id()).unwrap()).clone()
    }

    pub(in crate::apply) fn change_key(&mut self, change: impl FnOnce(&mut Key)) {
        let mut key = self.key();
        change(&mut key);
        self.state.put_key(key);
    }

    pub(in crate::apply) fn propose(
        &mut self,
        record: &ControlRecord,
        material: Option<NewMaterial>,
    ) -> Outcome {
        let base = self.committed().version;
        self.run(Command::ProposeRecord { record: Box::new(record.clone()), base, material })
    }

    pub(in crate::apply) fn commit(&mut self, record: &ControlRecord) -> Outcome {
        self.run(Command::CommitRecords { records: vec![record.clone()] })
    }

    /// Proposes and commits, as a primary does that has a majority.
    pub(in crate::apply) fn change(
        &mut self,
        record: &ControlRecord,
        material: Option<NewMaterial>,
    ) -> ControlRecord {
        assert!(matches!(self.propose(record, material), Outcome::RecordProposed { .. }));
        self.commit(record);
        assert_eq!(self.committed(), *record);
        record.clone()
    }

    pub(in crate::apply) fn accepts(&mut self, record: &ControlRecord) -> bool {
        match self.run(Command::AcceptRecords { records: vec![record.clone()] }) {
            Outcome::Accepted(answers) => answers[0].accepted,
            other => panic!("{other:?}"),
        }
    }

    pub(in crate::apply) fn promises(&mut self, epoch: Epoch) -> bool {
        match self.run(Command::PromiseEpochs { epochs: vec![(key_id(), epoch)] }) {
            Outcome::Promised(answers) => answers[0].promised,
            other => panic!("{other:?}"),
        }
    }
}

fn created_key() -> Key {
    Key {
        id: key_id(),
        account: "000000000000".parse().unwrap(),
        created_at: Timestamp::from_millis(1),
        description: String::new(),
        spec: KeySpec::SymmetricDefault,
        usage: KeyUsage::EncryptDecrypt,
        origin: KeyOrigin::AwsKms,
        manager: CustomerKeyManager::Customer,
        lifecycle: Lifecycle::Enabled,
        policy: "{}".into(),
        tags: BTreeMap::new(),
        materials: vec![info(1, MaterialStatus::Active)],
        imports: BTreeMap::new(),
        held: BTreeMap::from([(material_id(1), new_material(1).wrapped)]),
        current: Some(material_id(1)),
        rotation: Rotation::default(),
        multi_region: Some(MultiRegion {
            primary: region("a"),
            members: BTreeMap::from([(region("a"), Membership::Active)]),
            phase: Phase::Stable,
        }),
        revision: 0,
    }
}

/// A call of the account's root.
pub(in crate::apply) fn requested() -> crate::Requested {
    crate::Requested {
        principal: kms_types::Principal::Root { account: "000000000000".parse().unwrap() },
        request: kms_types::RequestId::from_random([9; 16]),
    }
}
