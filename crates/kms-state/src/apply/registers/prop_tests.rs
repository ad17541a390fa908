//! C7 and D3 under every order: whatever is lost, repeated or reordered, what is known to be committed ends up equal.

use kms_types::Timestamp;
use proptest::prelude::*;

use super::fixture::{TestRegion, epoch, info, key_id, material_id, new_material, region, seed};
use crate::{Command, ControlRecord, Deletion, InstallMaterial, MaterialStatus, State};

const NOW: Timestamp = Timestamp::from_millis(1_000);

/// The life of one key as its primaries committed it: replicate, rotate, promote, evict, and perhaps destroy.
fn history(destroyed: bool) -> Vec<ControlRecord> {
    let first = TestRegion::with_key().committed();
    let mut records = vec![first];
    let mut then = |change: &dyn Fn(&ControlRecord) -> ControlRecord| {
        let next = change(records.last().unwrap());
        records.push(next);
    };
    then(&|r| r.replicate(region("b"), *seed()).unwrap());
    then(&|r| r.admit(&region("b")).unwrap());
    then(&|r| r.stage(info(2, MaterialStatus::Staged), NOW).unwrap());
    then(&|r| r.activate(&material_id(2), NOW).unwrap());
    then(&|r| r.promote(epoch(2, "b")).unwrap());
    then(&|r| r.stage(info(3, MaterialStatus::Staged), NOW).unwrap());
    then(&|r| r.abort(&material_id(3)).unwrap());
    then(&|r| r.remove(&region("a")).unwrap());
    if destroyed {
        then(&|r| r.destroy(Deletion { delete_at: NOW, window_days: 7 }).unwrap());
    }
    records
}

fn commands(records: &[ControlRecord]) -> Vec<Command> {
    let installs = |record: &ControlRecord| {
        let one =
            |n| InstallMaterial { key: key_id(), material: new_material(n), version: record.version.clone() };
        Command::InstallMaterials { materials: [1, 2, 3].map(one).to_vec() }
    };
    let mut commands = Vec::new();
    for record in records {
        commands.push(Command::PromiseEpochs { epochs: vec![(key_id(), record.version.epoch.clone())] });
        commands.push(Command::AcceptRecords { records: vec![record.clone()] });
        commands.push(Command::CommitRecords { records: vec![record.clone()] });
        commands.push(installs(record));
    }
    commands
}

/// What must be equal after the last record is known: not the log positions, and not when the replica was created.
fn essence(state: &State) -> impl PartialEq + std::fmt::Debug + use<> {
    let register = state.register(&key_id()).unwrap();
    let key = state
        .key(&key_id())
        .map(|k| (k.materials.clone(), k.current, k.multi_region.clone(), k.rotation.clone()));
    (register.committed.clone(), register.accepted.clone(), register.displaced.clone(), key)
}

fn arb_order() -> impl Strategy<Value = (bool, Vec<prop::sample::Index>)> {
    (any::<bool>(), prop::collection::vec(any::<prop::sample::Index>(), 0..80))
}

proptest! {
    #[test]
    fn c7_any_delivery_ends_like_the_first_in_order_delivery((destroyed, order) in arb_order()) {
        let records = history(destroyed);
        let all = commands(&records);
        let (mut tidy, mut wild) = (TestRegion::new("c"), TestRegion::new("c"));
        for command in &all {
            tidy.run(command.clone());
        }
        for index in &order {
            wild.run(index.get(&all).clone());
        }
        wild.run(Command::CommitRecords { records: vec![records.last().unwrap().clone()] });
        prop_assert_eq!(format!("{:?}", essence(&wild.state)), format!("{:?}", essence(&tidy.state)));
    }

    #[test]
    fn c3_c6_c8_hold_after_every_command_in_any_order((destroyed, order) in arb_order()) {
        let all = commands(&history(destroyed));
        let mut b = TestRegion::new("b");
        for index in &order {
            let before = b.register();
            b.run(index.get(&all).clone());
            let after = b.register();
            prop_assert!(before.promised <= after.promised, "promises never go down");
            prop_assert!(!before.is_destroyed() || before.committed == after.committed, "D3");
            if let (Some(old), Some(new)) = (&before.committed, &after.committed) {
                prop_assert!(old.version <= new.version, "C6");
                prop_assert_eq!(new.displaced_from(&old.materials).count(), 0, "C3");
            }
            if let (Some(key), Some(record)) = (b.state.key(&key_id()), &after.committed) {
                prop_assert!(record.is_member(&region("b")) || key.held.is_empty(), "C8");
                prop_assert!(key.held.keys().all(|id| record.required_materials().any(|m| m.id == *id)), "rule 10");
            }
            prop_assert!(after.displaced.is_empty(), "only an unsafe promotion displaces");
        }
    }

    #[test]
    fn a_restored_state_has_the_same_registers_and_indexes((destroyed, order) in arb_order()) {
        let all = commands(&history(destroyed));
        let mut b = TestRegion::new("b");
        for index in &order {
            b.run(index.get(&all).clone());
        }
        let restored = State::restore(b.state.records()).unwrap();
        prop_assert_eq!(restored.hash(), b.state.hash());
        prop_assert!(restored.unsettled().eq(b.state.unsettled()));
        prop_assert!(restored.registers_since(0).eq(b.state.registers_since(0)));
    }
}
