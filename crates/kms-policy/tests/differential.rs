//! The evaluator and a plain one agree (B3), and their comparison would find mistakes.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub,
    reason = "a malformed test input fails its test"
)]

mod generated;
mod naive;

use generated::{Dice, World};
use naive::{Answer, Bug};
use std::collections::BTreeSet;

/// The first world, of at most `worlds`, in which both differ.
fn first_difference(seed: u64, worlds: usize, bug: Option<Bug>) -> Option<String> {
    let mut dice = Dice::new(seed);
    for _ in 0..worlds {
        let mut world = World::generate(&mut dice);
        for _ in 0..8 {
            world.vary(&mut dice);
            let (real, plain) = world.ask(&mut dice, bug);
            if real != plain {
                return Some(format!("{real:?} is not {plain:?}: {}", world.describe()));
            }
        }
    }
    None
}

#[test]
fn both_evaluators_agree() {
    for seed in 0..4 {
        if let Some(difference) = first_difference(seed, 5_000, None) {
            panic!("seed {seed}: {difference}");
        }
    }
}

#[test]
fn every_seeded_bug_is_found() {
    for bug in Bug::ALL {
        assert!(first_difference(7, 60_000, Some(*bug)).is_some(), "{bug:?} is not found");
    }
}

/// Generated worlds are worth little if all of them are refused for the same reason.
#[test]
fn generated_worlds_end_in_every_way() {
    let mut dice = Dice::new(1);
    let mut seen = BTreeSet::new();
    for _ in 0..5_000 {
        let mut world = World::generate(&mut dice);
        world.vary(&mut dice);
        seen.insert(format!("{:?}", world.ask(&mut dice, None).0));
    }
    let sides = ["Identity", "Key", "Boundary", "Session"];
    let ends = sides.iter().flat_map(|side| [format!("Explicit({side})"), format!("Implicit({side})")]);
    for end in ends.chain([format!("{:?}", Answer::Allow)]) {
        assert!(seen.contains(&end), "{end} never happens");
    }
}
