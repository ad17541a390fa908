//! The tidy checks, run together. Each is a function of the repository or of cargo's answers; none writes.

mod adr;
mod architecture;
pub(crate) mod citations;
mod comment;
mod core_tree;
mod layers;
mod machine_paths;
mod operations_table;

use crate::{metadata, problem::Problem, repository::Repository};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Runs every check and prints what it found.
pub(crate) fn run() -> ExitCode {
    match reports() {
        Ok(reports) => print(&reports),
        Err(error) => {
            eprintln!("tidy: {error}");
            ExitCode::FAILURE
        }
    }
}

type Report = (&'static str, Vec<Problem>);

fn reports() -> Result<Vec<Report>, String> {
    let root = root();
    let repository = Repository::read(&root).map_err(|error| format!("{}: {error}", root.display()))?;
    let workspace = metadata::workspace(&root)?;
    Ok(vec![
        ("crates and the direction of their dependencies", layers::check(&workspace)),
        ("a core without clock, randomness, files, sockets, async", core_tree::check(&root)?),
        ("citations resolve in docs/references.md", citations::check(&repository)),
        ("decision records have their parts", adr::check(&repository)),
        ("ARCHITECTURE.md names every crate", architecture::check(&repository, &workspace)),
        ("the operations table names every operation", operations_table::check(&repository)),
        ("no path of one machine", machine_paths::check(&repository)),
    ])
}

pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

fn print(reports: &[Report]) -> ExitCode {
    for (check, problems) in reports {
        println!("tidy: {} {check}", if problems.is_empty() { "ok    " } else { "FAILED" });
        problems.iter().for_each(|problem| println!("  {problem}"));
    }
    let problems: usize = reports.iter().map(|(_, problems)| problems.len()).sum();
    println!("tidy: {} checks, {problems} problems", reports.len());
    if problems == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
