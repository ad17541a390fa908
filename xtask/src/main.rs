//! Checks and chores of this repository: `cargo xtask tidy`.
//!
//! Deliberately absent: building, formatting and testing; `tests/run` calls cargo for those.

mod metadata;
mod problem;
mod repository;
mod tidy;

use std::{env, process::ExitCode};

const USAGE: &str =
    "usage: cargo xtask tidy\n\n  tidy    check what docs and code promise of each other; writes nothing";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["tidy"] => tidy::run(),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}
