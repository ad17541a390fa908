//! The one binary; see `meridian --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    meridian::cli::main()
}
