//! Compares the evaluator with a plain one on generated worlds:
//! `cargo run -p kms-policy --example differential -- [DECISIONS] [SEED]`, by default a million decisions.
//! Prints how many decisions were made and how many differ, and every difference up to ten; exits with 1 on any.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    dead_code,
    unreachable_pub,
    reason = "shared with the tests, where a malformed input fails"
)]

#[path = "../tests/generated/mod.rs"]
mod generated;
#[path = "../tests/naive/mod.rs"]
mod naive;

use generated::{Dice, World};
use std::{process::ExitCode, time::Instant};

/// Requests in each world.
const REQUESTS: u64 = 16;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse().expect("a number"));
    let decisions: u64 = arguments.next().unwrap_or(1_000_000);
    let mut dice = Dice::new(arguments.next().unwrap_or(1));
    let (started, mut made, mut different) = (Instant::now(), 0, 0);
    while made < decisions {
        let mut world = World::generate(&mut dice);
        for _ in 0..REQUESTS.min(decisions - made) {
            world.vary(&mut dice);
            let (real, plain) = world.ask(&mut dice, None);
            made += 1;
            if real != plain {
                different += 1;
                if different <= 10 {
                    println!("{real:?} is not {plain:?}: {}", world.describe());
                }
            }
        }
    }
    println!("{made} decisions, {different} differences, {:.0?}", started.elapsed());
    if different == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
