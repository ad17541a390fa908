//! Explores one scenario of the Region protocol, or all of them, and says what it found.

use clap::{Parser, ValueEnum};
use kms_model::{Bug, Limits, Progress, Report, Scenario, Search, run, scenarios};
use std::process::ExitCode;
use std::time::Duration;

/// Model checking of the protocol between Regions, on the machines and registers that the server runs.
///
/// Ends with 0 when every rule holds and every goal is reached, with 1 otherwise.
#[derive(Debug, Parser)]
#[command(name = "kms-model")]
struct Arguments {
    /// What may happen; without it, every scenario in turn. See `--list`.
    #[arg(long)]
    scenario: Option<String>,
    /// How much of it may happen: 1 takes seconds to minutes, 3 cannot be exhausted.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=9))]
    bound: u8,
    /// In which order runs are explored.
    #[arg(long, value_enum, default_value_t = Order::Breadth)]
    search: Order,
    /// Where random runs begin.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Stop a scenario after about so many states, repeats included.
    #[arg(long, default_value_t = usize::MAX)]
    states: usize,
    /// Stop a scenario after so many seconds.
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// Threads that explore; a counterexample is surely the shortest with one only.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Build a known bug in; needs the feature `seeded-bugs`. See `--list`.
    #[arg(long, value_parser = bug)]
    bug: Option<Bug>,
    /// List the scenarios and the bugs, and end.
    #[arg(long)]
    list: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Order {
    /// Short runs first: everything within the bound, and the shortest counterexample.
    Breadth,
    /// Long runs first.
    Depth,
    /// Random runs.
    Random,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.list {
        list();
        return ExitCode::SUCCESS;
    }
    let wanted = |scenario: &Scenario| arguments.scenario.as_deref().is_none_or(|name| name == scenario.name);
    let chosen: Vec<Scenario> = scenarios(arguments.bound).into_iter().filter(wanted).collect();
    if chosen.is_empty() {
        eprintln!("kms-model: no such scenario; `--list` has them");
        return ExitCode::from(2);
    }
    let reports: Vec<Report> = chosen.into_iter().map(|scenario| explore(&arguments, scenario)).collect();
    match reports.iter().all(Report::is_good) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn explore(arguments: &Arguments, scenario: Scenario) -> Report {
    let limits = Limits {
        states: arguments.states,
        time: Duration::from_secs(arguments.seconds),
        threads: arguments.threads,
    };
    let search = match arguments.search {
        Order::Breadth => Search::Breadth,
        Order::Depth => Search::Depth,
        Order::Random => Search::Random { seed: arguments.seed },
    };
    let (name, mut said) = (scenario.name, Duration::ZERO);
    let mut say = |progress: Progress| {
        if progress.time.saturating_sub(said) >= Duration::from_secs(3) {
            said = progress.time;
            eprintln!("{name}: {progress}");
        }
    };
    let report = run(scenario, arguments.bug, search, limits, &mut say);
    println!("{report}");
    report
}

fn list() {
    println!("Scenarios:");
    for scenario in scenarios(1) {
        println!("  {:<12} {}", scenario.name, scenario.about);
    }
    #[cfg(feature = "seeded-bugs")]
    println!("Bugs: {:?}", Bug::ALL);
    #[cfg(not(feature = "seeded-bugs"))]
    println!("Bugs: only with `--features seeded-bugs`");
}

#[cfg(feature = "seeded-bugs")]
fn bug(name: &str) -> Result<Bug, String> {
    let found = Bug::ALL.iter().copied().find(|bug| format!("{bug:?}") == name);
    found.ok_or_else(|| "no such bug; `--list` has them".to_owned())
}

#[cfg(not(feature = "seeded-bugs"))]
fn bug(_: &str) -> Result<Bug, String> {
    Err("compile with `--features seeded-bugs`".to_owned())
}
