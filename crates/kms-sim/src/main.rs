//! Simulates deployments from seeds and says what it found.

use clap::Parser;
use kms_sim::{Clients, Fault, Options, Report, Shape, Show, Sweep, run, sweep};
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// Deterministic simulation of whole deployments: three Regions of three nodes and a witness, clients and faults, in one
/// thread from one seed.
///
/// Ends with 0 when every rule holds, with 1 otherwise. A failure prints the command that repeats it.
#[derive(Debug, Parser)]
#[command(name = "kms-sim")]
struct Arguments {
    /// Run this seed only.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// How many seeds to run.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Begin no new seed after so many minutes.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Seeds that run at a time, each in its own thread.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// How long faults happen in one run, in simulated seconds.
    #[arg(long, default_value_t = 30)]
    chaos_seconds: u64,
    /// Data Regions, 1 to 3; one Region has no witness.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=3))]
    regions: u8,
    /// Go on after a failure.
    #[arg(long)]
    keep_going: bool,
    /// Print events: faults, calls, leaders.
    #[arg(long)]
    trace: bool,
    /// Print every message as well.
    #[arg(long)]
    messages: bool,
    /// Let a kind of fault happen as often as all others together, for example `TornWrite`.
    #[arg(long, value_parser = fault)]
    favour: Option<Fault>,
    /// The manners of the clients, for example `Crowded`; each seed draws its own otherwise.
    #[arg(long, value_parser = clients)]
    clients: Option<Clients>,
    /// Build a known bug in; needs the feature `seeded-bugs`.
    #[arg(long, value_parser = bug)]
    bug: Option<kms_sim::Bug>,
}

impl Arguments {
    fn shape(&self) -> Shape {
        let data_regions = usize::from(self.regions);
        Shape { data_regions, witness: data_regions > 1, ..Shape::FULL }
    }

    fn options(&self) -> Options {
        let show = match (self.messages, self.trace) {
            (true, _) => Show::Everything,
            (false, true) => Show::Events,
            (false, false) => Show::Nothing,
        };
        let seed = self.seed.unwrap_or(self.from);
        let chaos_ms = self.chaos_seconds * 1_000;
        let (shape, bug, favour, clients) = (self.shape(), self.bug, self.favour, self.clients);
        Options { seed, shape, chaos_ms, show, bug, favour, clients }
    }

    /// The command that repeats a seed.
    fn repeat(&self, seed: u64) -> String {
        let features = if self.bug.is_some() { " --features seeded-bugs" } else { "" };
        let bug = self.bug.map(|bug| format!(" --bug {bug:?}")).unwrap_or_default();
        let favour = self.favour.map(|fault| format!(" --favour {fault:?}")).unwrap_or_default();
        let clients = self.clients.map(|manner| format!(" --clients {manner:?}")).unwrap_or_default();
        format!(
            "cargo run -p kms-sim --release{features} -- --seed {seed} --chaos-seconds {} --regions {}{favour}{clients}{bug} --trace",
            self.chaos_seconds, self.regions
        )
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Nodes say what they do only when asked, by RUST_LOG.
    let silent = EnvFilter::builder().with_default_directive(LevelFilter::OFF.into()).from_env_lossy();
    tracing_subscriber::fmt().with_env_filter(silent).with_writer(std::io::stderr).without_time().init();
    match arguments.seed {
        Some(_) => one(&arguments),
        None => many(&arguments),
    }
}

fn one(arguments: &Arguments) -> ExitCode {
    let report = run(arguments.options());
    let mut summary = kms_sim::Summary::default();
    let (lines, hash) = report.trace.clone();
    let failed = report.violation.clone();
    summary.add(report);
    println!("{summary}\ntrace: {lines} lines, {hash}");
    match failed {
        Some(violation) => {
            println!("{violation}");
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}

fn many(arguments: &Arguments) -> ExitCode {
    let limit = Duration::from_secs_f64((arguments.minutes * 60.0).clamp(0.0, 1e6));
    let (from, seeds, threads) = (arguments.from, arguments.seeds, arguments.threads);
    let what = Sweep { from, seeds, limit, threads, options: arguments.options() };
    let mut said = Duration::ZERO;
    let summary = sweep(what, !arguments.keep_going, &mut |report, so_far| {
        if report.violation.is_some() {
            fail(arguments, report);
        } else if std::io::stderr().is_terminal() || so_far.took - said > Duration::from_secs(10) {
            said = so_far.took;
            let hours = so_far.simulated_ms as f64 / 3_600_000.0;
            let (done, calls) = (so_far.seeds, so_far.calls.made);
            eprintln!("{done} of {seeds} seeds, {hours:.2} simulated hours, {calls} calls");
        }
    });
    println!("{summary}");
    if summary.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn fail(arguments: &Arguments, report: &Report) {
    let Some(violation) = &report.violation else { return };
    println!("seed {} breaks a rule\n  {violation}\nthe last events:", report.seed);
    report.recent.iter().for_each(|line| println!("  {line}"));
    println!("to repeat it:\n  {}", arguments.repeat(report.seed));
}

fn fault(name: &str) -> Result<Fault, String> {
    let names = || Fault::ALL.map(|fault| format!("{fault:?}")).join(", ");
    let found = Fault::ALL.into_iter().find(|fault| format!("{fault:?}") == name);
    found.ok_or_else(|| format!("no such fault; there are {}", names()))
}

fn clients(name: &str) -> Result<Clients, String> {
    let names = || Clients::ALL.map(|manner| format!("{manner:?}")).join(", ");
    let found = Clients::ALL.into_iter().find(|manner| format!("{manner:?}") == name);
    found.ok_or_else(|| format!("no such manner; there are {}", names()))
}

fn bug(name: &str) -> Result<kms_sim::Bug, String> {
    let found = kms_sim::Bug::all().into_iter().find(|bug| format!("{bug:?}") == name);
    found.ok_or_else(|| {
        let names: Vec<String> = kms_sim::Bug::all().iter().map(|bug| format!("{bug:?}")).collect();
        match names.is_empty() {
            true => "compile with `--features seeded-bugs`".to_owned(),
            false => format!("no such bug; there are {}", names.join(", ")),
        }
    })
}
