//! `meridian drill`: failures rehearsed on real processes, with an observer that believes nobody.
//!
//! A drill only talks to the public API, the operators' API and the process supervisor; it looks into no node.

pub mod callers;
pub mod catch_up;
pub mod changes;
pub mod ledger;
pub mod load;
pub mod observer;
pub mod probing;
pub mod region_loss;
pub mod report;
pub mod scene;
pub mod store;
pub mod verify;

use clap::Subcommand;

use crate::failure::Failure;

/// Commands of `meridian drill`.
#[derive(Debug, Subcommand)]
pub enum DrillCommand {
    /// Lose a whole Region under load, promote another, bring it back, and check every ciphertext and every change.
    #[command(after_help = "Examples:
  meridian drill region-loss                          on a cluster of its own, which is removed afterwards
  meridian drill region-loss --use-running            on the local cluster that runs now
  meridian drill region-loss --lost eu-west-1 --seed 7 --rate 50 --duration 60
  meridian drill region-loss --rto 5 --json           exit code 1 if calls stood still for longer

The report is written to STORE/region-loss/TIME/report.json and timeline.txt; STORE/region-loss/latest links to it.")]
    RegionLoss(region_loss::RegionLossArgs),
}

/// Runs the drill.
pub async fn run(command: &DrillCommand) -> Result<(), Failure> {
    match command {
        DrillCommand::RegionLoss(args) => region_loss::run(args).await,
    }
}
