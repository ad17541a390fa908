//! Checks and chores of this repository: `cargo xtask tidy`, `cargo xtask doc`.
//!
//! Deliberately absent: building, formatting and testing; `tests/run` calls cargo for those.

mod doc;
mod metadata;
mod problem;
mod repository;
mod tidy;

use std::{env, process::ExitCode};

const USAGE: &str = "usage: cargo xtask tidy|doc

  tidy    check what docs and code promise of each other; writes nothing
  doc     build the documentation; a warning that is no citation is a failure";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["tidy"] => tidy::run(),
        ["doc"] => doc::run(),
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
