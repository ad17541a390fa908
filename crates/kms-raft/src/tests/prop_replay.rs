//! Snapshot + tail equals replay of everything (A3).

use super::fixture::{self, bootstrap, create_key, key_id, new_material, normal};
use crate::Storage;
use kms_state::{Command, Enablement, State};
use kms_types::{RotationType, Timestamp};
use openraft::storage::RaftStateMachine;
use openraft::{EntryPayload, RaftSnapshotBuilder};
use proptest::prelude::*;
use tempfile::TempDir;

fn command() -> impl Strategy<Value = Command> {
    let key = 1u8..6;
    prop_oneof![
        key.clone().prop_map(create_key),
        (0u64..1 << 40).prop_map(|ms| Command::Tick { now: Timestamp::from_millis(ms) }),
        key.clone().prop_map(|k| Command::SetEnablement { key: key_id(k), enablement: Enablement::Disabled }),
        key.clone().prop_map(|k| Command::SetEnablement { key: key_id(k), enablement: Enablement::Enabled }),
        key.clone().prop_map(|k| Command::SetDescription { key: key_id(k), description: format!("now {k}") }),
        key.clone().prop_map(|k| Command::ScheduleDeletion { key: key_id(k), window_days: 7 }),
        key.clone().prop_map(|k| Command::CancelDeletion { key: key_id(k) }),
        key.clone().prop_map(|k| Command::DestroyKey { key: key_id(k) }),
        (key.clone(), "[a-z]{1,3}").prop_map(|(k, t)| Command::Tag {
            key: key_id(k),
            tags: [(t.clone(), t)].into(),
            most: 50
        }),
        (key.clone(), 0u8..4).prop_map(|(k, n)| Command::CreateAlias {
            account: "000000000000".parse().unwrap(),
            alias: format!("alias/a{n}").parse().unwrap(),
            target: key_id(k),
            most: 50,
        }),
        (key, 100u8..120).prop_map(|(k, m)| Command::Rotate {
            key: key_id(k),
            material: new_material(m),
            trigger: RotationType::OnDemand,
            most_on_demand: 25,
        }),
    ]
}

async fn apply(storage: &mut Storage, commands: &[Command], first: usize) {
    let entries =
        commands.iter().enumerate().map(|(i, c)| Ok((normal(1, (first + i) as u64, c.clone()), None)));
    storage.machine.apply(futures::stream::iter(entries.collect::<Vec<_>>())).await.unwrap();
}

fn replayed(commands: &[Command]) -> State {
    let mut state = State::new();
    for (i, command) in commands.iter().enumerate() {
        let EntryPayload::Normal(proposal) = normal(1, i as u64, command.clone()).payload else {
            unreachable!()
        };
        state.apply(i as u64, &proposal);
    }
    state
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn a3_snapshot_and_tail_equal_replay(mut commands in prop::collection::vec(command(), 1..60), cut in any::<prop::sample::Index>()) {
        commands.insert(0, bootstrap());
        let cut = cut.index(commands.len() - 1) + 1;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (sender_dir, receiver_dir) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let (sent, received) = runtime.block_on(async {
            let mut sender = fixture::open(sender_dir.path());
            apply(&mut sender, &commands[..cut], 0).await;
            let built = sender.machine.get_snapshot_builder().await.build_snapshot().await.unwrap();
            let mut receiver = fixture::open(receiver_dir.path());
            receiver.machine.install_snapshot(&built.meta, built.snapshot).await.unwrap();
            apply(&mut sender, &commands[cut..], cut).await;
            apply(&mut receiver, &commands[cut..], cut).await;
            let hash = |s: &Storage| s.applied.borrow().state.hash();
            (hash(&sender), hash(&receiver))
        });
        let expected = replayed(&commands).hash();
        prop_assert_eq!(sent, expected);
        prop_assert_eq!(received, expected);
    }
}
