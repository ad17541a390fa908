//! `apply` is a pure function of state and entry (A3), a repeated proposal has one effect (B4), and what is stored is
//! what is in memory: `restore(records()) == state`, and the changes handed to the store add up to the records.

#![expect(clippy::unwrap_used, reason = "a test input that is malformed fails its test")]

#[path = "prop_apply/grants.rs"]
mod grants;

use kms_crypto::{Commitment, WrappedMaterial};
use kms_state::{
    Automatic, Change, Command, CreateKey, Directory, Enablement, Expectation, ImportDetails, ImportMaterial,
    LastUsage, MaterialStatus, NewMaterial, Origin, Outcome, Proposal, ServiceEventId, State, UsedKey,
};
use kms_types::{
    AccountId, AliasName, DeploymentId, GrantId, ImportType, Incarnation, KeyId, KeyIdKind, KeyOrigin,
    KeySpec, KeyUsage, MaterialId, ProposalId, RequestId, RotationType, Timestamp, UsageOperation,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn account() -> AccountId {
    "111122223333".parse().unwrap()
}

fn key(n: u8) -> KeyId {
    let kind = if n.is_multiple_of(2) { KeyIdKind::SingleRegion } else { KeyIdKind::MultiRegion };
    KeyId::from_random(kind, [n; 16])
}

fn alias(n: u8) -> AliasName {
    format!("alias/{n}").parse().unwrap()
}

fn material(n: u8) -> NewMaterial {
    let wrapped = WrappedMaterial { domain_version: 1, nonce: [n; 12], sealed: vec![n; 48] };
    NewMaterial {
        id: MaterialId::from_bytes([n; 32]),
        commitment: Commitment([n; 32]),
        public_key: None,
        wrapped,
    }
}

/// Keys 4 and 5 take imported material.
fn origin(n: u8) -> KeyOrigin {
    if n < 4 { KeyOrigin::AwsKms } else { KeyOrigin::External }
}

fn create(n: u8, m: u8) -> Command {
    let origin = origin(n);
    Command::CreateKey(Box::new(CreateKey {
        account: account(),
        key: key(n),
        spec: KeySpec::SymmetricDefault,
        usage: KeyUsage::EncryptDecrypt,
        origin,
        policy: "{}".into(),
        description: String::new(),
        tags: BTreeMap::new(),
        material: (origin == KeyOrigin::AwsKms).then(|| material(m)),
        managed_as: None,
        most_keys: 1_000,
    }))
}

fn bootstrap() -> Command {
    Command::Bootstrap {
        identity_key: None,
        deployment: DeploymentId::from_random([1; 16]),
        region: "us-east-1".parse().unwrap(),
        incarnation: Incarnation::from_random([2; 16]),
        directory: Directory::default(),
        domain_keys: Vec::new(),
        clock: kms_state::RegionClock::Real,
    }
}

fn used(n: u8, day: u64) -> UsedKey {
    let id = RequestId::from_random([n; 16]);
    let at = Timestamp::default().plus_days(day);
    UsedKey {
        key: key(n),
        last: LastUsage { at, operation: UsageOperation::Encrypt, request: id, event: id },
    }
}

/// ImportKeyMaterial and what follows it, of two keys and a few materials.
fn imported() -> impl Strategy<Value = Command> {
    let keys = 3u8..6;
    let import_type = prop_oneof![Just(ImportType::NewKeyMaterial), Just(ImportType::ExistingKeyMaterial)];
    let details =
        (prop::option::of(0u64..400), prop::option::of("[a-z]{0,3}")).prop_map(|(day, description)| {
            ImportDetails { valid_to: day.map(|d| Timestamp::default().plus_days(d)), description }
        });
    let import = (keys.clone(), 0u8..4, import_type, details).prop_map(|(n, m, import_type, details)| {
        let import = ImportMaterial { key: key(n), material: material(m), import_type, details };
        Command::ImportMaterial(Box::new(import))
    });
    prop_oneof![
        3 => import,
        1 => (keys.clone(), 0u8..4).prop_map(|(n, m)| Command::DeleteImportedMaterial {
            key: key(n),
            material: material(m).id
        }),
        1 => keys.clone().prop_map(|n| Command::ExpireMaterials { key: key(n) }),
        2 => (keys, 0u8..4)
            .prop_map(|(n, m)| Command::RotateImported {
                key: key(n),
                material: material(m).id,
                most_on_demand: 25,
            }),
    ]
}

/// Commands over six keys, three aliases and a few materials, so that they meet each other.
fn of_keys() -> impl Strategy<Value = Command> {
    let keys = 0u8..6;
    let automatic = prop::option::of((1u32..400, 0u64..400)).prop_map(|a| {
        a.map(|(period_days, at)| Automatic { period_days, next_at: Timestamp::default().plus_days(at) })
    });
    let trigger = prop_oneof![Just(RotationType::Automatic), Just(RotationType::OnDemand)];
    let enablement = prop_oneof![Just(Enablement::Enabled), Just(Enablement::Disabled)];
    let tags = prop::collection::btree_map("[a-c]", "[a-c]", 0..3);
    prop_oneof![
        (0u64..400).prop_map(|d| Command::Tick { now: Timestamp::default().plus_days(d) }),
        (keys.clone(), 0u8..8).prop_map(|(n, m)| create(n, m)),
        (keys.clone(), enablement).prop_map(|(n, e)| Command::SetEnablement { key: key(n), enablement: e }),
        (keys.clone(), "[a-z]{0,3}")
            .prop_map(|(n, d)| Command::SetDescription { key: key(n), description: d }),
        (keys.clone(), 7u32..30).prop_map(|(n, w)| Command::ScheduleDeletion { key: key(n), window_days: w }),
        keys.clone().prop_map(|n| Command::CancelDeletion { key: key(n) }),
        keys.clone().prop_map(|n| Command::DestroyKey { key: key(n) }),
        (keys.clone(), "[a-z]{0,3}").prop_map(|(n, p)| Command::PutPolicy { key: key(n), policy: p.into() }),
        (keys.clone(), tags).prop_map(|(n, tags)| Command::Tag { key: key(n), tags, most: 50 }),
        (keys.clone(), prop::collection::vec("[a-c]", 0..2))
            .prop_map(|(n, tag_keys)| Command::Untag { key: key(n), tag_keys }),
        (keys.clone(), 0u8..3).prop_map(|(n, a)| Command::CreateAlias {
            account: account(),
            alias: alias(a),
            target: key(n),
            most: 2
        }),
        (keys.clone(), 0u8..3).prop_map(|(n, a)| Command::UpdateAlias {
            account: account(),
            alias: alias(a),
            target: key(n),
            most: 2
        }),
        (keys.clone(), 0u64..400)
            .prop_map(|(n, day)| Command::RecordUsage { keys: vec![used(n, day)], access_keys: Vec::new() }),
        (0u64..60, 0u32..2).prop_map(|(index, number)| Command::ForgetServiceEvents {
            events: vec![ServiceEventId { index, number }]
        }),
        (0u8..3).prop_map(|a| Command::DeleteAlias { account: account(), alias: alias(a) }),
        (keys.clone(), automatic)
            .prop_map(|(n, a)| Command::SetAutomaticRotation { key: key(n), automatic: a }),
        (keys, 0u8..16, trigger).prop_map(|(n, m, trigger)| Command::Rotate {
            key: key(n),
            material: material(m),
            trigger,
            most_on_demand: 3
        }),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![3 => of_keys(), 1 => imported(), 2 => grants::command()]
}

fn proposals() -> impl Strategy<Value = Vec<Proposal>> {
    let grant = prop::option::of((0u8..12).prop_map(|n| GrantId::from_bytes([n; 32])));
    let expect = prop::option::weighted(0.2, (0u8..4, 0u64..4, grant));
    prop::collection::vec((command(), expect), 1..60).prop_map(|commands| {
        let all = std::iter::once((bootstrap(), None)).chain(commands);
        all.enumerate()
            .map(|(n, (command, expect))| Proposal {
                id: ProposalId::from_random([u8::try_from(n).unwrap(); 16]),
                origin: Origin::Service { node: 1 },
                // A tick concerns no key, so no proposer ties it to one.
                expect: expect
                    .filter(|_| !matches!(command, Command::Tick { .. }))
                    .map(|(k, revision, grant)| Expectation { key: key(k), revision, grant }),
                command,
            })
            .collect()
    })
}

fn apply_all(state: &mut State, proposals: &[Proposal]) -> Vec<Outcome> {
    proposals.iter().zip(1..).map(|(proposal, index)| state.apply(index, proposal)).collect()
}

fn store(table: &mut BTreeMap<Vec<u8>, Vec<u8>>, changes: Vec<Change>) {
    for Change { key, value } in changes {
        match value {
            Some(value) => drop(table.insert(key, value)),
            None => drop(table.remove(&key)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a3_equal_entries_give_equal_states(proposals in proposals()) {
        let (mut one, mut two) = (State::new(), State::new());
        prop_assert_eq!(apply_all(&mut one, &proposals), apply_all(&mut two, &proposals));
        prop_assert_eq!(one.hash(), two.hash());
    }

    #[test]
    fn b4_a_repeated_proposal_has_one_effect(proposals in proposals(), repeats in prop::collection::vec(any::<prop::sample::Index>(), 1..8)) {
        let mut once = State::new();
        let outcomes = apply_all(&mut once, &proposals);
        let hash = once.hash();
        for index in repeats {
            let n = index.index(proposals.len());
            let again = once.apply(1_000, &proposals[n]);
            // Ticks are not remembered: a late one never moves Region time back, whatever it answers.
            let tick = matches!(proposals[n].command, Command::Tick { .. });
            prop_assert!(tick || again == outcomes[n]);
            prop_assert_eq!(once.hash(), hash);
        }
    }

    #[test]
    fn a_snapshot_and_the_tail_equal_the_replay(proposals in proposals(), cut in any::<prop::sample::Index>()) {
        let cut = cut.index(proposals.len());
        let mut whole = State::new();
        apply_all(&mut whole, &proposals);
        let mut first = State::new();
        apply_all(&mut first, &proposals[..cut]);
        let mut restored = State::restore(first.records()).unwrap();
        prop_assert_eq!(restored.hash(), first.hash());
        for (n, proposal) in proposals.iter().enumerate().skip(cut) {
            restored.apply(n as u64 + 1, proposal);
        }
        prop_assert_eq!(restored.hash(), whole.hash());
        let far = Timestamp::default().plus_days(10_000);
        prop_assert!(restored.due(far).eq(whole.due(far)));
    }

    #[test]
    fn the_changes_add_up_to_the_records(proposals in proposals()) {
        let (mut state, mut table) = (State::new(), BTreeMap::new());
        for (proposal, index) in proposals.iter().zip(1..) {
            state.apply(index, proposal);
            store(&mut table, state.take_changes());
        }
        let records: BTreeMap<_, _> = state.records().collect();
        prop_assert_eq!(table, records);
        let keys: Vec<_> = state.records().map(|(key, _)| key).collect();
        prop_assert!(keys.is_sorted(), "records are in key order");
    }

    /// D1, D3 and D4: a key goes only after its window, its id never comes back, and no material is ever dropped, but
    /// for imported ones, whose bytes go when their owner says so; what they hash to stays.
    #[test]
    fn keys_go_only_when_due_and_never_return(proposals in proposals()) {
        let (mut state, mut gone) = (State::new(), BTreeSet::new());
        for (proposal, index) in proposals.iter().zip(1..) {
            let before = state.clone();
            state.apply(index, proposal);
            for old in before.keys() {
                match state.key(&old.id) {
                    Some(new) => {
                        prop_assert!(new.revision == old.revision || new.revision == old.revision + 1);
                        prop_assert!(new.revision > old.revision || new == old);
                        let active = old.materials.iter().filter(|m| m.status == MaterialStatus::Active);
                        let kept = |id, commitment| {
                            new.material(id).is_some_and(|m| m.commitment == commitment)
                        };
                        prop_assert!(active.clone().all(|m| kept(&m.id, m.commitment)));
                        if !new.is_external() {
                            prop_assert!(old.held.keys().all(|id| new.held.contains_key(id)));
                            prop_assert!(!new.lacks_active_material());
                            prop_assert!(new.current.is_some_and(|id| new.held.contains_key(&id)));
                        }
                    }
                    None => {
                        prop_assert!(before.due(before.region_time()).any(|id| id == old.id));
                        prop_assert_eq!(state.aliases_of_key(old.id).count(), 0);
                        gone.insert(old.id);
                    }
                }
            }
            prop_assert!(gone.iter().all(|id| state.key(id).is_none()));
        }
    }

    /// Imported keys: usable exactly while everything that was ever current is here; at most one material is pending, and
    /// nothing that is pending, or that has expired by its own proposal, is here any longer than it should be.
    #[test]
    fn imported_keys_are_usable_while_their_materials_are_here(proposals in proposals()) {
        let mut state = State::new();
        for (proposal, index) in proposals.iter().zip(1..) {
            let outcome = state.apply(index, proposal);
            let now = state.region_time();
            for key in state.keys().filter(|k| k.is_external()) {
                let active = || key.materials.iter().filter(|m| m.status == MaterialStatus::Active);
                let complete = key.current.is_some() && active().all(|m| key.held.contains_key(&m.id));
                prop_assert_eq!(key.awaits_import(), !complete);
                let pending = key.materials.iter().filter(|m| m.status.is_pending_import()).count();
                prop_assert!(pending <= 1 && key.current.is_none_or(|id| active().any(|m| m.id == id)));
                prop_assert!(key.held.keys().all(|id| key.material(id).is_some() && key.imports.contains_key(id)));
                if matches!((&proposal.command, &outcome), (Command::ExpireMaterials { key: k }, Outcome::Applied) if *k == key.id) {
                    prop_assert!(key.expiries().all(|at| at > now));
                }
            }
        }
    }

    /// Aliases point at keys that exist and are of the same account.
    #[test]
    fn aliases_never_dangle(proposals in proposals()) {
        let mut state = State::new();
        for (proposal, index) in proposals.iter().zip(1..) {
            state.apply(index, proposal);
            for alias in state.aliases_of(account()) {
                prop_assert_eq!(state.key(&alias.target).map(|k| k.account), Some(account()));
                prop_assert!(state.aliases_of_key(alias.target).any(|name| *name == alias.name));
            }
        }
    }
}
