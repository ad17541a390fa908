//! `meridian region invite|link|remove|isolate|return`: which Regions vote, where they are, and who is not spoken to.

use clap::{ArgGroup, Args};
use kms_transport::admin_messages as messages;
use kms_types::Region;
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, IsTerminal, Write},
    path::PathBuf,
};

use super::{prepare::PreparedRegion, print_change};
use crate::{
    failure::{Failure, io_error},
    operate::access::{Access, AccessArgs, refused},
    say::say,
};

pub(super) const INVITE_EXAMPLES: &str = "Examples:
  meridian region prepare ap-south-1 --output ./ap-south-1
  meridian region invite ./ap-south-1 --node 10.4.0.11:9101 --node 10.4.0.12:9101 --output invitation.json
  (start its nodes with `invitation = \"invitation.json\"`, then replicate keys to it)";
pub(super) const REMOVE_EXAMPLES: &str = "Examples:
  meridian region promote us-east-1 --in eu-west-1            (its keys get another primary first)
  meridian region remove us-east-1 --in eu-west-1
  meridian region remove us-east-1 --in eu-west-1 --lose-keys --confirm us-east-1    (keys that only it held are given up)
  meridian region remove us-east-1 --in eu-west-1 --unsafe    only when no majority of Regions can be reached";

/// Flags of `region invite`.
#[derive(Debug, Args)]
pub struct InviteArgs {
    /// What `region prepare` wrote: the directory, or its `region.json`.
    prepared: PathBuf,
    /// The cluster address of one of its nodes; repeat for more.
    #[arg(long = "node", value_name = "HOST:PORT", required = true)]
    nodes: Vec<String>,
    /// Where to write the invitation; without it, it is printed.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    asked: AskedArgs,
}

/// Flags of `region link`.
#[derive(Debug, Args)]
pub struct LinkArgs {
    /// The Region that is reached elsewhere.
    region: Region,
    /// The cluster address of one of its nodes; repeat for more.
    #[arg(long = "node", value_name = "HOST:PORT", required = true)]
    nodes: Vec<String>,
    #[command(flatten)]
    asked: AskedArgs,
}

/// Flags of `region remove`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("breaks_glass").args(["unsafe_removal", "lose_keys"]).multiple(true)))]
pub struct RemoveArgs {
    /// The Region to remove.
    region: Region,
    /// Proceed without a majority of voting Regions.
    #[arg(long = "unsafe")]
    unsafe_removal: bool,
    /// Proceed although no other Region holds some of its keys: they are lost with it, and given up.
    #[arg(long)]
    lose_keys: bool,
    /// The typed confirmation of --unsafe and --lose-keys: the name of the removed Region.
    #[arg(long, value_name = "REGION", requires = "breaks_glass")]
    confirm: Option<String>,
    #[command(flatten)]
    asked: AskedArgs,
}

/// Flags of `region isolate` and `region return`.
#[derive(Debug, Args)]
pub struct IsolateArgs {
    /// The Region.
    region: Region,
    /// The Region that is commanded [default: that of --admin, or the named one in a local cluster].
    #[arg(long = "in", value_name = "REGION")]
    commanded: Option<Region>,
    #[command(flatten)]
    access: AccessArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Whom to ask.
#[derive(Debug, Args)]
pub(super) struct AskedArgs {
    /// The Region that proposes the change [default: that of --admin, or a local cluster's first that leads].
    #[arg(long = "in", value_name = "REGION")]
    proposer: Option<Region>,
    #[command(flatten)]
    access: AccessArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl AskedArgs {
    /// A local cluster's first Region but the changed one, unless another is named.
    fn region(&self, access: &Access, changed: &Region) -> Option<Region> {
        let others = |cluster: &crate::local::layout::Cluster| {
            cluster.regions.iter().map(|r| &r.name).find(|name| *name != changed).cloned()
        };
        self.proposer.clone().or_else(|| access.cluster().and_then(others))
    }
}

/// Runs `region invite`.
pub(super) async fn invite(args: &InviteArgs) -> Result<(), Failure> {
    let PreparedRegion { region, role, incarnation, verifying_key } = PreparedRegion::read(&args.prepared)?;
    let access = args.asked.access.open()?;
    let mut leader = access.leader(args.asked.region(&access, &region).as_ref()).await?;
    let request = messages::RegionInviteRequest {
        region: region.to_string(),
        role,
        incarnation: incarnation.to_string(),
        verifying_key,
        nodes: args.nodes.clone(),
    };
    let reply = leader.region_invite(request).await.map_err(refused)?;
    if let Some(path) = &args.output {
        fs::write(path, &reply.invitation).map_err(io_error("write", path))?;
    }
    let invitation: Value = serde_json::from_str(&reply.invitation).unwrap_or_default();
    match (args.asked.json, &args.output) {
        (true, _) => say!(
            "{}",
            json!({ "summary": reply.summary, "in_force": reply.in_force, "invitation": invitation })
        ),
        (false, Some(path)) => say!("{}; it is in `{}`", reply.summary, path.display()),
        (false, None) => say!("{}\n{}", reply.summary, reply.invitation),
    }
    Ok(())
}

/// Runs `region link`.
pub(super) async fn link(args: &LinkArgs) -> Result<(), Failure> {
    let access = args.asked.access.open()?;
    let mut leader = access.leader(args.asked.region(&access, &args.region).as_ref()).await?;
    let request = messages::RegionLinkRequest { region: args.region.to_string(), nodes: args.nodes.clone() };
    print_change(&leader.region_link(request).await.map_err(refused)?, args.asked.json);
    Ok(())
}

/// Runs `region remove`.
pub(super) async fn remove(args: &RemoveArgs) -> Result<(), Failure> {
    let access = args.asked.access.open()?;
    let breaks_glass = args.unsafe_removal || args.lose_keys;
    let confirmation = if breaks_glass { confirmation(args)? } else { String::new() };
    let mut leader = access.leader(args.asked.region(&access, &args.region).as_ref()).await?;
    let request = messages::RegionRemoveRequest {
        region: args.region.to_string(),
        unsafe_without_majority: args.unsafe_removal,
        confirmation,
        lose_keys: args.lose_keys,
    };
    print_change(&leader.region_remove(request).await.map_err(refused)?, args.asked.json);
    Ok(())
}

/// Break-glass is typed, not clicked: the flag, or the name at a terminal.
fn confirmation(args: &RemoveArgs) -> Result<String, Failure> {
    if let Some(confirm) = &args.confirm {
        return Ok(confirm.clone());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage(
            "--unsafe and --lose-keys need --confirm REGION, the Region that is to go".into(),
        ));
    }
    if args.unsafe_removal {
        eprintln!(
            "Without a majority of Regions, what the others agreed on without the asked one is lost, and the removed\n\
             Region never comes back but rebuilt."
        );
    }
    if args.lose_keys {
        eprintln!(
            "Keys that no other Region holds are lost for ever, with everything that was encrypted under them."
        );
    }
    eprint!("Type the name of the Region that is to go: ");
    let _ = std::io::stderr().flush();
    let mut line = String::new();
    let _ = std::io::stdin().lock().read_line(&mut line);
    Ok(line.trim().to_owned())
}

/// Runs `region isolate` and `region return`.
pub(super) async fn isolate(args: &IsolateArgs, isolated: bool) -> Result<(), Failure> {
    let access = args.access.open()?;
    let commanded = args.commanded.clone().or_else(|| access.cluster().map(|_| args.region.clone()));
    let mut leader = access.leader(commanded.as_ref()).await?;
    let request = messages::RegionIsolateRequest { region: args.region.to_string(), isolated };
    print_change(&leader.region_isolate(request).await.map_err(refused)?, args.json);
    Ok(())
}
