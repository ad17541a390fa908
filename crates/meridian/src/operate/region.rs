//! `meridian region`: what Regions know of each other, which of them vote, and which are members of keys.

mod change;
mod prepare;
mod promote;
mod registers;
mod status;

pub use promote::{PromoteArgs, PromoteKeyArgs, promote_key};

use crate::say::say;
use clap::{Args, Subcommand};
use kms_transport::admin_messages as messages;
use kms_types::{KeyId, Region};
use serde_json::json;

use crate::{
    failure::Failure,
    operate::access::{AccessArgs, refused},
};

/// Commands of `meridian region`.
#[derive(Debug, Subcommand)]
pub enum RegionCommand {
    /// What each Region knows of itself and of the others.
    #[command(after_help = "Examples:
  meridian region status
  meridian region status --admin 10.0.0.1:9101 --ca ca.pem --cert operator.pem --key-file operator.key --json")]
    Status(status::StatusArgs),
    /// Make a Region primary of every key of a lost Region, or of one key.
    #[command(after_help = "Examples:
  meridian region promote us-east-1                      the lost Region; the first other data Region takes over
  meridian region promote us-east-1 --in ap-southeast-2
  meridian region promote --key mrk-0123... --in eu-west-1
  meridian region promote us-east-1 --unsafe             only when no majority of Regions can be reached")]
    Promote(PromoteArgs),
    /// Remove a Region from keys' members, so that rotations no longer wait for it.
    #[command(after_help = "Examples:
  meridian region evict us-east-1 --key mrk-0123... --in eu-west-1    (run in the key's primary Region)
  meridian region evict us-east-1 --in eu-west-1                      (from every key whose primary is eu-west-1)")]
    Evict(EvictArgs),
    /// Make the keys and the identity of a Region that is to come in; contacts nobody.
    #[command(after_help = prepare::EXAMPLES)]
    Prepare(prepare::PrepareArgs),
    /// Let a prepared Region in, new or as a new incarnation, and write what its nodes are started with.
    #[command(visible_alias = "add", after_help = change::INVITE_EXAMPLES)]
    Invite(change::InviteArgs),
    /// Tell all Regions where the nodes of one are reached.
    #[command(after_help = "Examples:
  meridian region link eu-west-1 --node 10.2.0.11:9101 --node 10.2.0.12:9101")]
    Link(change::LinkArgs),
    /// Remove a Region from the deployment: it votes no more, and primaries drop it from their keys.
    #[command(after_help = change::REMOVE_EXAMPLES)]
    Remove(change::RemoveArgs),
    /// Stop the letters between Regions; cryptography goes on.
    #[command(after_help = "Examples:
  meridian region isolate eu-west-1                    eu-west-1 speaks to no other Region
  meridian region isolate eu-west-1 --in us-east-1     us-east-1 does not speak to eu-west-1")]
    Isolate(change::IsolateArgs),
    /// Resume the letters that `isolate` stopped.
    #[command(after_help = "Examples:\n  meridian region return eu-west-1")]
    Return(change::IsolateArgs),
    /// Show or export what a Region has promised, accepted and learned about multi-Region keys.
    #[command(after_help = registers::EXAMPLES)]
    Registers(registers::RegistersArgs),
}

/// Flags of `region evict`.
#[derive(Debug, Args)]
pub struct EvictArgs {
    /// The Region to remove.
    region: Region,
    /// From this key only [default: every key whose primary is the asked Region].
    #[arg(long, value_name = "KEY_ID")]
    key: Option<KeyId>,
    /// The key's primary Region, which decides.
    #[arg(long = "in", value_name = "REGION")]
    primary: Option<Region>,
    #[command(flatten)]
    access: AccessArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(command: &RegionCommand) -> Result<(), Failure> {
    match command {
        RegionCommand::Status(args) => status::status(args).await,
        RegionCommand::Promote(args) => promote::promote(args).await,
        RegionCommand::Evict(args) => evict(args).await,
        RegionCommand::Prepare(args) => prepare::run(args),
        RegionCommand::Invite(args) => change::invite(args).await,
        RegionCommand::Link(args) => change::link(args).await,
        RegionCommand::Remove(args) => change::remove(args).await,
        RegionCommand::Isolate(args) => change::isolate(args, true).await,
        RegionCommand::Return(args) => change::isolate(args, false).await,
        RegionCommand::Registers(args) => registers::run(args).await,
    }
}

async fn evict(args: &EvictArgs) -> Result<(), Failure> {
    let mut client = args.access.open()?.leader(args.primary.as_ref()).await?;
    let key = args.key.map(|key| key.to_string()).unwrap_or_default();
    let request = messages::RegionEvictRequest { key, region: args.region.to_string() };
    let reply = client.region_evict(request).await.map_err(refused)?;
    print_change(&reply, args.json);
    Ok(())
}

/// What a change did, as a line or as JSON.
pub(crate) fn print_change(reply: &messages::ChangeReply, as_json: bool) {
    if as_json {
        say!("{}", json!({ "summary": reply.summary }));
    } else {
        say!("{}", reply.summary);
    }
}
