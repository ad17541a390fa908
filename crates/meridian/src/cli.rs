//! The command line: what may be typed, and which module does it. Holds no behaviour of its own.

use crate::say::say;
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use crate::{bench, drill, failure::Failure, local, operate, server};

/// Meridian: a self-hosted, multi-Region key management service that speaks the AWS KMS API.
#[derive(Debug, Parser)]
#[command(name = "meridian", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Examples:
  meridian local up                         three Regions of three nodes on this machine
  eval \"$(meridian local env)\"              point the AWS CLI and SDKs at them
  meridian drill region-loss                lose a Region and prove that nothing else is lost
  meridian server --config meridian.toml    one node")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a whole multi-Region cluster on this machine.
    #[command(subcommand)]
    Local(local::LocalCommand),
    /// Run one node.
    #[command(after_help = server::EXAMPLES)]
    Server(server::ServerArgs),
    /// Rehearse a failure and check that every promise held.
    #[command(subcommand)]
    Drill(drill::DrillCommand),
    /// Look at Regions, let them in and remove them, promote, evict.
    #[command(subcommand)]
    Region(operate::region::RegionCommand),
    /// Move a key between Regions.
    #[command(subcommand)]
    Key(operate::key::KeyCommand),
    /// See which rotations wait, and for whom.
    #[command(subcommand)]
    Rotation(operate::rotation::RotationCommand),
    /// Add, promote and remove nodes of a Region, move its leadership.
    #[command(subcommand)]
    Node(operate::node::NodeCommand),
    /// Say why a caller may or may not do something.
    #[command(subcommand)]
    Authz(operate::authz::AuthzCommand),
    /// Measure a cluster of its own on this machine.
    #[command(after_help = bench::EXAMPLES)]
    Bench(bench::BenchArgs),
    /// Print a completion script.
    #[command(after_help = "Examples:\n  meridian completions bash > /etc/bash_completion.d/meridian")]
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Print the version.
    #[command(after_help = "Examples:\n  meridian version --json")]
    Version {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the program; the exit code is 0, 1 for a failure, 2 for a wrong command line.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match execute(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("meridian: {}", failure.explain());
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> Result<(), Failure> {
    match command {
        Command::Server(args) => serve(args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "meridian", &mut io::stdout());
            Ok(())
        }
        Command::Version { json } => {
            let version = env!("CARGO_PKG_VERSION");
            say!(
                "{}",
                if json { format!(r#"{{"version":"{version}"}}"#) } else { format!("meridian {version}") }
            );
            Ok(())
        }
        other => runtime()?.block_on(converse(other)),
    }
}

async fn converse(command: Command) -> Result<(), Failure> {
    log_to_stderr();
    match command {
        Command::Local(command) => local::run(&command).await,
        Command::Drill(command) => drill::run(command).await,
        Command::Region(command) => operate::region::run(&command).await,
        Command::Key(command) => operate::key::run(command).await,
        Command::Rotation(command) => operate::rotation::run(&command).await,
        Command::Node(command) => operate::node::run(&command).await,
        Command::Authz(command) => operate::authz::run(&command).await,
        Command::Bench(args) => bench::run(&args).await,
        Command::Server(_) | Command::Completions { .. } | Command::Version { .. } => Ok(()),
    }
}

fn serve(args: server::ServerArgs) -> Result<(), Failure> {
    args.init_logging()?;
    let runtime = runtime()?;
    let result = runtime.block_on(server::run(args)).map_err(Failure::Server);
    // A read of standard input that never ends must not keep a stopped node alive.
    runtime.shutdown_background();
    result
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    built.map_err(|source| Failure::Io { action: "start threads for", path: "this process".into(), source })
}

/// Warnings of the commands; a node's own logging is set by its flags.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::new("warn");
    let log = tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let _ = log.with_env_filter(filter).without_time().with_target(false).try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_examples() {
        fn check(command: &clap::Command, path: &str) {
            for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
                let path = format!("{path} {}", sub.get_name());
                let has_subcommands = sub.has_subcommands();
                assert!(has_subcommands || sub.get_after_help().is_some(), "`{path}` has no examples");
                check(sub, &path);
            }
        }
        check(&Cli::command(), "meridian");
    }
}
