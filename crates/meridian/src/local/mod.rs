//! `meridian local`: a whole multi-Region cluster of real processes on this machine, for development and failure drills.
//!
//! Listens on loopback only and uses public development credentials; it is no way to run production.

pub mod attendants;
pub mod clock;
pub mod control;
pub mod env;
mod env_files;
pub mod faults;
pub mod gateway;
pub mod generate;
pub mod health;
pub mod identities;
pub mod latency;
pub mod layout;
pub mod links;
pub mod logs;
pub mod network;
pub mod node_config;
pub mod node_faults;
pub mod ports;
pub mod process;
pub mod regions;
pub mod report;
pub mod running;
pub mod status;
mod status_text;
pub mod supervisor;
pub mod target;
pub mod up;
mod view;

use clap::{Args, Subcommand};
use std::path::PathBuf;

use crate::failure::Failure;
use control::Action;
use layout::DataDir;
use node_faults::NodeFault;

/// Which local cluster is meant.
#[derive(Debug, Clone, Args)]
pub struct DirArgs {
    /// The cluster's directory.
    #[arg(long, value_name = "DIR", env = "MERIDIAN_DATA_DIR", default_value = ".meridian/local")]
    pub data_dir: PathBuf,
}

impl DirArgs {
    /// The directory, made absolute.
    pub fn data_dir(&self) -> Result<DataDir, Failure> {
        DataDir::new(&self.data_dir)
    }
}

/// Commands of `meridian local`.
#[derive(Debug, Subcommand)]
pub enum LocalCommand {
    /// Start a cluster: Regions of real nodes, one gateway port for all.
    #[command(after_help = UP_EXAMPLES)]
    Up(up::UpArgs),
    /// Print what to `eval` so that AWS tools use the cluster.
    #[command(after_help = ENV_EXAMPLES)]
    Env(env::EnvArgs),
    /// Show Regions, leaders, terms, applied indexes, members and lag.
    #[command(after_help = STATUS_EXAMPLES)]
    Status(status::StatusArgs),
    /// Print the nodes' logs.
    #[command(after_help = LOGS_EXAMPLES)]
    Logs(logs::LogsArgs),
    /// End nodes at once with SIGKILL; they stay down until `start`.
    #[command(after_help = FAULT_EXAMPLES)]
    Kill(faults::FaultArgs),
    /// Ask nodes to end with SIGTERM; they stay down until `start`.
    #[command(after_help = FAULT_EXAMPLES)]
    Stop(faults::FaultArgs),
    /// Freeze nodes with SIGSTOP.
    #[command(after_help = FAULT_EXAMPLES)]
    Pause(faults::FaultArgs),
    /// Let frozen nodes run on.
    #[command(after_help = FAULT_EXAMPLES)]
    Resume(faults::FaultArgs),
    /// Start nodes that are down.
    #[command(after_help = FAULT_EXAMPLES)]
    Start(faults::FaultArgs),
    /// Hold everything between two sides, as a cable that is out does.
    #[command(after_help = network::PARTITION_EXAMPLES)]
    Partition(network::PartitionArgs),
    /// Cut Regions or nodes off from everybody else.
    #[command(after_help = network::ISOLATE_EXAMPLES)]
    Isolate(network::IsolateArgs),
    /// Deliver everything between two sides later.
    #[command(after_help = network::DELAY_EXAMPLES)]
    Delay(network::DelayArgs),
    /// Lose a share of what is sent between two sides.
    #[command(after_help = network::LOSS_EXAMPLES)]
    Loss(network::LossArgs),
    /// Let only so much pass between two sides.
    #[command(after_help = network::RATE_EXAMPLES)]
    Rate(network::RateArgs),
    /// Let key material between two sides take longer: long windows of `Creating` and `Updating`.
    #[command(after_help = network::SLOW_REPLICATION_EXAMPLES)]
    SlowReplication(network::SlowReplicationArgs),
    /// Set the round-trip times between Regions.
    #[command(after_help = latency::EXAMPLES)]
    Latency(latency::LatencyCommandArgs),
    /// Fill the disks of nodes: none of their files can grow.
    #[command(after_help = node_faults::DISK_EXAMPLES)]
    DiskFull(node_faults::DiskArgs),
    /// Make room again on the disks of nodes.
    #[command(after_help = node_faults::DISK_EXAMPLES)]
    DiskFree(node_faults::DiskArgs),
    /// Set clocks of nodes wrong.
    #[command(after_help = node_faults::SKEW_EXAMPLES)]
    Skew(node_faults::SkewArgs),
    /// List the faults in force.
    #[command(after_help = network::FAULTS_EXAMPLES)]
    Faults(network::ListArgs),
    /// End faults of the network, full disks and wrong clocks.
    #[command(after_help = network::HEAL_EXAMPLES)]
    Heal(network::HealArgs),
    /// Show Region time, or move it forward: what falls due happens at once.
    #[command(subcommand)]
    Clock(clock::ClockCommand),
    /// Let a Region into the running cluster: a data Region, or a witness.
    #[command(after_help = regions::ADD_EXAMPLES)]
    AddRegion(regions::AddRegionArgs),
    /// Remove a Region from the running cluster, with its data.
    #[command(after_help = regions::REMOVE_EXAMPLES)]
    RemoveRegion(regions::RemoveRegionArgs),
    /// Stop the cluster; its data stays for the next `up`.
    #[command(after_help = DOWN_EXAMPLES)]
    Down(faults::DownArgs),
    /// The process behind `up --detach`.
    #[command(hide = true)]
    Supervise(up::SuperviseArgs),
}

const UP_EXAMPLES: &str = "Examples:
  meridian local up                                      three Regions of three nodes, until Ctrl-C
  meridian local up --detach                             the same in the background
  meridian local up --regions us-east-1,eu-west-1 --witness --nodes 1
  meridian local up --data-dir /tmp/kms --port 7600      ports 7600, 7601, ...";
const ENV_EXAMPLES: &str = "Examples:
  eval \"$(meridian local env)\" && aws kms create-key --multi-region
  meridian local env --shell fish | source
  aws --profile meridian-eu-west-1 kms list-keys         (after the eval)";
const STATUS_EXAMPLES: &str = "Examples:
  meridian local status
  meridian local status --json | jq '.regions[].leader'";
const LOGS_EXAMPLES: &str = "Examples:
  meridian local logs                    the last lines of every node
  meridian local logs eu-west-1/2 -f     one node, as it writes
  meridian local logs eu-west-1 -n 200";
const FAULT_EXAMPLES: &str = "Examples (kill, stop, pause, resume and start alike):
  meridian local kill eu-west-1            a whole Region
  meridian local pause eu-west-1/2         one node
  meridian local kill eu-west-1/leader     whoever leads now
  meridian local start eu-west-1";
const DOWN_EXAMPLES: &str = "Examples:
  meridian local down
  meridian local down --wipe       deletes the cluster's data and keys";

/// Runs the command.
pub async fn run(command: &LocalCommand) -> Result<(), Failure> {
    match command {
        LocalCommand::Up(args) => up::run(args).await,
        LocalCommand::Env(args) => env::run(args),
        LocalCommand::Status(args) => status::run(args).await,
        LocalCommand::Logs(args) => logs::run(args).await,
        LocalCommand::Kill(args) => faults::run(Action::Kill, args).await,
        LocalCommand::Stop(args) => faults::run(Action::Stop, args).await,
        LocalCommand::Pause(args) => faults::run(Action::Pause, args).await,
        LocalCommand::Resume(args) => faults::run(Action::Resume, args).await,
        LocalCommand::Start(args) => faults::run(Action::Start, args).await,
        LocalCommand::Partition(args) => network::partition(args).await,
        LocalCommand::Isolate(args) => network::isolate(args).await,
        LocalCommand::Delay(args) => network::delay(args).await,
        LocalCommand::Loss(args) => network::loss(args).await,
        LocalCommand::Rate(args) => network::rate(args).await,
        LocalCommand::SlowReplication(args) => network::slow_replication(args).await,
        LocalCommand::Latency(args) => latency::run(args).await,
        LocalCommand::DiskFull(args) => node_faults::disk(NodeFault::DiskFull, args).await,
        LocalCommand::DiskFree(args) => node_faults::disk(NodeFault::DiskFree, args).await,
        LocalCommand::Skew(args) => node_faults::skew(args).await,
        LocalCommand::Faults(args) => network::list(args).await,
        LocalCommand::Heal(args) => network::heal(args).await,
        LocalCommand::Clock(command) => clock::run(command).await,
        LocalCommand::AddRegion(args) => regions::add(args).await,
        LocalCommand::RemoveRegion(args) => regions::remove(args).await,
        LocalCommand::Down(args) => faults::down(args).await,
        LocalCommand::Supervise(args) => up::supervise(args).await,
    }
}
