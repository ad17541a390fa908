//! `cargo run -p kms-http --example signature_mutations -- COUNT [SEED]`: random changes of signed requests, none of which
//! may be accepted with another meaning. Prints the counts; ends with 1 after a wrong accept.

#[path = "../tests/mutation/mod.rs"]
mod mutation;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let (count, seed) = (arguments.next(), arguments.next());
    let (Ok(count), Ok(seed)) = (count.unwrap_or(Ok(1_000_000)), seed.unwrap_or(Ok(1))) else {
        eprintln!("usage: signature_mutations [COUNT [SEED]]");
        return ExitCode::from(2);
    };
    match mutation::run(count, &mut mutation::Seeded(seed)) {
        Ok(tally) => {
            println!(
                "seed {seed}: {} changed requests, {} no HTTP request, {} accepted with the signed meaning, 0 wrong accepts",
                tally.tried, tally.unbuildable, tally.same_meaning
            );
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            eprintln!("seed {seed}: wrong accept\n{wrong}");
            ExitCode::from(1)
        }
    }
}
