//! `meridian drill`: failures rehearsed on real processes, with an observer that believes nobody.
//!
//! A drill is a definition file, run by one engine. It only talks to the public API, the operators' API and the process
//! supervisor; it looks into no node.

pub mod built_in;
pub mod callers;
pub mod catch_up;
pub mod changes;
pub mod command;
pub mod definition;
pub mod engine;
pub mod html;
pub mod in_force;
pub mod interrupt;
pub mod latency;
pub mod ledger;
pub mod load;
pub mod observer;
pub mod probing;
pub mod report;
pub mod scene;
pub mod series;
pub mod stage;
pub mod steps;
pub mod stop;
pub mod store;
pub mod targets;
pub mod terminal;
pub mod verify;

use clap::{Args, Subcommand};
use kms_types::Region;
use serde_json::json;

use crate::{failure::Failure, say::say};
use command::PlayArgs;
use definition::Definition;

/// Commands of `meridian drill`.
#[derive(Debug, Subcommand)]
pub enum DrillCommand {
    /// List the drills that come with the program.
    #[command(after_help = "Examples:\n  meridian drill list\n  meridian drill list --json")]
    List(ListArgs),
    /// Print a drill's definition, to read or to start one's own from.
    #[command(after_help = "Examples:
  meridian drill show region-loss
  meridian drill show leader-loss > our-drill.toml && meridian drill run our-drill.toml")]
    Show(NameArgs),
    /// Run a drill: one that comes with the program, or a file.
    #[command(after_help = RUN_EXAMPLES)]
    Run(RunArgs),
    /// Lose a whole Region under load, promote another, bring it back, and check every ciphertext and every change.
    #[command(after_help = REGION_LOSS_EXAMPLES)]
    RegionLoss(RegionLossArgs),
}

const RUN_EXAMPLES: &str = "Examples:
  meridian drill run leader-loss                       on a cluster of its own, which is removed afterwards
  meridian drill run leader-loss --use-running         on the local cluster that runs now
  meridian drill run our-drill.toml --rto 5s --rpo 0   exit code 1 if a target is missed
  meridian drill run primary-failover --part first=eu-west-1 --part second=us-east-1
  meridian drill run rolling-restart --quick --seed 7 --json

The reports are STORE/NAME/TIME/report.html, report.json and timeline.txt; STORE/NAME/latest links to the newest.";
const REGION_LOSS_EXAMPLES: &str = "Examples:
  meridian drill region-loss                          on a cluster of its own, which is removed afterwards
  meridian drill region-loss --use-running            on the local cluster that runs now
  meridian drill region-loss --lost eu-west-1 --seed 7 --rate 50 --duration 60
  meridian drill region-loss --rto 5s --json          exit code 1 if calls stood still for longer
  meridian drill region-loss --quick --repeat 100     RTO p50 and p99 over the runs

The same as `meridian drill run region-loss`. The reports are STORE/region-loss/TIME/report.html, report.json and
timeline.txt; STORE/region-loss/latest links to the newest.";

/// Flags of `drill list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Flags of `drill show`.
#[derive(Debug, Args)]
pub struct NameArgs {
    /// The drill.
    #[arg(value_name = "NAME")]
    drill: String,
}

/// Flags of `drill run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The name of a drill, or a definition file.
    #[arg(value_name = "NAME|FILE")]
    drill: String,
    #[command(flatten)]
    play: PlayArgs,
}

/// Flags of `drill region-loss`.
#[derive(Debug, Args)]
pub struct RegionLossArgs {
    /// The Region to lose [default: the cluster's first data Region].
    #[arg(long, value_name = "REGION")]
    lost: Option<Region>,
    /// The Region that takes over [default: the first other data Region].
    #[arg(long, value_name = "REGION")]
    promote: Option<Region>,
    #[command(flatten)]
    play: PlayArgs,
}

/// Runs the command.
pub async fn run(command: DrillCommand) -> Result<(), Failure> {
    match command {
        DrillCommand::List(args) => list(&args),
        DrillCommand::Show(args) => {
            say!("{}", built_in::find(&args.drill)?.text().trim_end());
            Ok(())
        }
        DrillCommand::Run(args) => command::run(built_in::find(&args.drill)?, &args.play).await,
        DrillCommand::RegionLoss(args) => region_loss(args).await,
    }
}

fn list(args: &ListArgs) -> Result<(), Failure> {
    let all: Vec<Definition> =
        built_in::ALL.iter().map(|known| built_in::find(known.name)).collect::<Result<_, _>>()?;
    if args.json {
        let entries = all.iter().map(|drill| json!({ "name": drill.name, "description": drill.description }));
        say!("{}", json!({ "drills": entries.collect::<Vec<_>>() }));
    } else {
        all.iter().for_each(|drill| say!("{:<20} {}", drill.name, drill.description));
    }
    Ok(())
}

/// With `--lost` alone the first other Region takes over, also where the definition means the lost one.
async fn region_loss(mut args: RegionLossArgs) -> Result<(), Failure> {
    let definition = built_in::find("region-loss")?;
    args.play.cast("lost", args.lost);
    args.play.cast("heir", args.promote);
    command::run(definition, &args.play).await
}
