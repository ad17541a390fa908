//! Identity records between Regions: in order, without gaps, and following the home when it moves.

use kms_state::{
    Command, IdentityChange, IdentityKey, IdentityRecord, Outcome,
    identity::{User, identity_key_id},
};
use kms_types::{AccountId, DeploymentId, Timestamp, limits};
use std::collections::{BTreeMap, BTreeSet};

use super::world::{World, region};
use crate::{Force, Input, PromoteScope};

fn account() -> AccountId {
    "111122223333".parse().unwrap()
}

fn put(world: &mut World, at: &str, name: &str, document: &str) -> Outcome {
    let sequence = world.state(at).identity().position().sequence;
    let user = User {
        account: account(),
        path: "/".into(),
        name: name.into(),
        id: format!("AIDA-{at}-{sequence}"),
        created_at: Timestamp::default(),
        inline_policies: BTreeMap::from([("p".to_owned(), document.into())]),
        attached_policies: BTreeSet::new(),
        boundary: None,
        tags: BTreeMap::new(),
        groups: BTreeSet::new(),
        access_keys: BTreeSet::new(),
    };
    let change = IdentityChange { puts: vec![IdentityRecord::User(user)], ..IdentityChange::default() };
    world.run(at, Command::ChangeIdentity(Box::new(change)))
}

fn document(world: &World, at: &str, name: &str) -> Option<String> {
    let user = world.state(at).identity().user(account(), name)?;
    user.inline_policies.get("p").map(|document| document.text().to_owned())
}

fn assert_equal(world: &World, names: &[&str]) {
    for name in names {
        let (one, other) = (world.state(names[0]).identity(), world.state(name).identity());
        assert_eq!(one.position(), other.position(), "{name}");
        assert!(one.all().eq(other.all()), "{name}");
    }
}

#[test]
fn every_data_region_follows_the_home_and_a_witness_does_not() {
    let mut world = World::with_identity(&["a", "b", "c", "w"]);
    for n in 0..600 {
        assert_eq!(put(&mut world, "a", &format!("user-{}", n % 7), &n.to_string()), Outcome::Applied);
    }
    world.settle(3_000);
    assert_equal(&world, &["a", "b", "c"]);
    assert!(world.state("w").identity().is_empty());
    assert_eq!(document(&world, "c", "user-4").as_deref(), Some("599").filter(|_| 599 % 7 == 4));
    let status = world.site("b").machine.as_ref().unwrap().status().identity;
    assert_eq!((status.home, status.sequence, status.lag), (Some(region("a")), 600, 0));
}

#[test]
fn writes_elsewhere_name_the_home() {
    let mut world = World::with_identity(&["a", "b", "w"]);
    let outcome = put(&mut world, "b", "ann", "1");
    assert_eq!(outcome, Outcome::Refused(kms_state::Refusal::NotIdentityHome(Some(region("a")))));
}

#[test]
fn a_region_that_was_cut_off_catches_up_also_past_the_tail() {
    for changes in [10, limits::IDENTITY_TAIL + 10] {
        let mut world = World::with_identity(&["a", "b", "c"]);
        world.cut_off("b");
        for n in 0..changes {
            put(&mut world, "a", &format!("user-{}", n % 700), &n.to_string());
        }
        world.settle(2_000);
        assert_eq!(world.state("b").identity().len(), 0);
        world.heal();
        world.settle(10_000);
        assert_equal(&world, &["a", "b", "c"]);
    }
}

#[test]
fn the_home_moves_and_the_old_one_returns_without_its_unshared_tail() {
    let mut world = World::with_identity(&["a", "b", "w"]);
    put(&mut world, "a", "ann", "shared");
    world.settle(2_000);
    world.cut_off("a");
    put(&mut world, "a", "bob", "lost");
    let scope = PromoteScope::Key(identity_key_id(DeploymentId::from_random([1; 16])));
    world.input(&region("b"), Some(Input::Promote { scope, force: Force::Safe, request: 1 }));
    world.settle(2_000);
    let (home, epoch) = world.state("b").identity_home().unwrap();
    assert_eq!(*home, region("b"));
    // The claim: the position is in the new epoch before anybody wrote.
    assert_eq!(world.state("b").identity().position().epoch.as_ref(), Some(epoch));
    assert_eq!(put(&mut world, "b", "cat", "new"), Outcome::Applied);
    world.heal();
    world.settle(10_000);
    assert_equal(&world, &["b", "a"]);
    assert_eq!(document(&world, "a", "bob"), None, "what the old home had not shared is gone");
    assert_eq!(document(&world, "a", "ann").as_deref(), Some("shared"));
    assert_eq!(document(&world, "a", "cat").as_deref(), Some("new"));
    let refused = put(&mut world, "a", "dan", "late");
    assert_eq!(refused, Outcome::Refused(kms_state::Refusal::NotIdentityHome(Some(region("b")))));
    assert!(world.state("a").identity().stored(&IdentityKey::user(account(), "dan")).is_none());
}

#[test]
fn messages_may_come_twice_late_or_not_at_all() {
    for seed in 0..8_usize {
        let mut world = World::with_identity(&["a", "b"]);
        let mut kept = Vec::new();
        for n in 0..60 {
            put(&mut world, "a", &format!("user-{}", n % 5), &n.to_string());
            for parcel in std::mem::take(&mut world.net) {
                match (n + kept.len() + seed) % 4 {
                    0 => {}
                    1 => kept.push(parcel),
                    2 => {
                        world.deliver(parcel.clone());
                        world.deliver(parcel);
                    }
                    _ => world.deliver(parcel),
                }
            }
            if n % 7 == seed % 7 {
                kept.reverse();
                std::mem::take(&mut kept).into_iter().for_each(|parcel| world.deliver(parcel));
            }
            world.pass(200);
        }
        world.settle(5_000);
        assert_equal(&world, &["a", "b"]);
    }
}
