//! `meridian node add|promote|remove|transfer-leader|snapshot`: changes of one Region's Raft group.

use clap::{Args, Subcommand};
use kms_transport::{AdminClient, admin_messages as messages};
use kms_types::{NodeId, Region};

use crate::{
    failure::Failure,
    operate::{
        access::{AccessArgs, refused},
        region::print_change,
    },
};

/// Commands of `meridian node`.
#[derive(Debug, Subcommand)]
pub enum NodeCommand {
    /// Add a node as a learner and wait until it has caught up.
    #[command(after_help = "Examples:
  meridian node add 4 --in eu-west-1 --cluster-address 127.0.0.1:9204 --api-address 127.0.0.1:8204")]
    Add(AddArgs),
    /// Make a learner a voter.
    #[command(after_help = "Examples:\n  meridian node promote 4 --in eu-west-1")]
    Promote(NodeArgs),
    /// Remove a node, voter or learner.
    #[command(after_help = "Examples:\n  meridian node remove 2 --in eu-west-1")]
    Remove(NodeArgs),
    /// Move leadership to a node, or to the most advanced voter.
    #[command(after_help = "Examples:
  meridian node transfer-leader --in eu-west-1
  meridian node transfer-leader 3 --in eu-west-1")]
    TransferLeader(TransferArgs),
    /// Make the leader take a snapshot now.
    #[command(after_help = "Examples:\n  meridian node snapshot --in eu-west-1")]
    Snapshot(RegionArgs),
}

/// Which Region, and how it is reached.
#[derive(Debug, Args)]
pub struct RegionArgs {
    /// The Region [default: that of --admin, or a local cluster's first].
    #[arg(long = "in", value_name = "REGION")]
    region: Option<Region>,
    #[command(flatten)]
    access: AccessArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Flags of `node add`.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// The new node's number.
    node: NodeId,
    /// Its address for other nodes.
    #[arg(long, value_name = "HOST:PORT")]
    cluster_address: String,
    /// Its API's address.
    #[arg(long, value_name = "HOST:PORT")]
    api_address: String,
    #[command(flatten)]
    region: RegionArgs,
}

/// Flags of commands about one node.
#[derive(Debug, Args)]
pub struct NodeArgs {
    /// The node's number.
    node: NodeId,
    #[command(flatten)]
    region: RegionArgs,
}

/// Flags of `node transfer-leader`.
#[derive(Debug, Args)]
pub struct TransferArgs {
    /// The node that is to lead.
    node: Option<NodeId>,
    #[command(flatten)]
    region: RegionArgs,
}

impl RegionArgs {
    async fn leader(&self) -> Result<AdminClient, Failure> {
        self.access.open()?.leader(self.region.as_ref()).await
    }
}

/// Runs the command.
pub async fn run(command: &NodeCommand) -> Result<(), Failure> {
    let (region, reply) = match command {
        NodeCommand::Add(args) => (&args.region, add(args).await?),
        NodeCommand::Promote(args) => {
            let request = messages::NodeRequest { node: args.node };
            (&args.region, args.region.leader().await?.promote_node(request).await.map_err(refused)?)
        }
        NodeCommand::Remove(args) => {
            let request = messages::NodeRequest { node: args.node };
            (&args.region, args.region.leader().await?.remove_node(request).await.map_err(refused)?)
        }
        NodeCommand::TransferLeader(args) => {
            let request = messages::TransferLeaderRequest { node: args.node };
            (&args.region, args.region.leader().await?.transfer_leader(request).await.map_err(refused)?)
        }
        NodeCommand::Snapshot(region) => {
            let request = messages::TriggerSnapshotRequest {};
            (region, region.leader().await?.trigger_snapshot(request).await.map_err(refused)?)
        }
    };
    print_change(&reply, region.json);
    Ok(())
}

async fn add(args: &AddArgs) -> Result<messages::ChangeReply, Failure> {
    let request = messages::AddNodeRequest {
        node: args.node,
        cluster: args.cluster_address.clone(),
        api: args.api_address.clone(),
    };
    args.region.leader().await?.add_node(request).await.map_err(refused)
}
