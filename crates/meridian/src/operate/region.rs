//! `meridian region status|promote|evict`.

use crate::say::say;
use clap::{Args, Subcommand};
use futures::future::join_all;
use kms_transport::admin_messages as messages;
use kms_types::{KeyId, Region};
use serde_json::json;
use std::io::{BufRead, IsTerminal, Write};

use crate::{
    admin::{NodeView, PromotedKey},
    failure::Failure,
    operate::access::{Access, AccessArgs, refused},
};

/// Commands of `meridian region`.
#[derive(Debug, Subcommand)]
pub enum RegionCommand {
    /// What each Region knows of itself and of the others.
    #[command(after_help = "Examples:
  meridian region status
  meridian region status --admin 10.0.0.1:9101 --ca ca.pem --cert operator.pem --key-file operator.key --json")]
    Status(StatusArgs),
    /// Make a Region primary of every key of a lost Region, or of one key.
    #[command(after_help = "Examples:
  meridian region promote us-east-1                      the lost Region; the first other data Region takes over
  meridian region promote us-east-1 --in ap-southeast-2
  meridian region promote --key mrk-0123... --in eu-west-1
  meridian region promote us-east-1 --unsafe             only when no majority of Regions can be reached")]
    Promote(PromoteArgs),
    /// Remove a Region from a key's members, so that rotations no longer wait for it.
    #[command(after_help = "Examples:
  meridian region evict us-east-1 --key mrk-0123... --in eu-west-1    (run in the key's primary Region)")]
    Evict(EvictArgs),
}

/// Flags of `region status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    access: AccessArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Flags of `region promote`.
#[derive(Debug, Args)]
pub struct PromoteArgs {
    /// The Region that is lost.
    #[arg(required_unless_present = "key", conflicts_with = "key")]
    lost: Option<Region>,
    /// Promote for this key only.
    #[arg(long, value_name = "KEY_ID")]
    key: Option<KeyId>,
    /// The Region that becomes primary [default: a local cluster's first data Region that is not lost].
    #[arg(long = "in", value_name = "REGION")]
    candidate: Option<Region>,
    /// Proceed without a majority of voting Regions. What the lost Regions acknowledged last may be missing.
    #[arg(long = "unsafe")]
    unsafe_promotion: bool,
    /// The typed confirmation of --unsafe: the name of the Region that becomes primary.
    #[arg(long, value_name = "REGION", requires = "unsafe_promotion")]
    confirm: Option<String>,
    #[command(flatten)]
    access: AccessArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Flags of `region evict`.
#[derive(Debug, Args)]
pub struct EvictArgs {
    /// The Region to remove.
    region: Region,
    /// From this key.
    #[arg(long, value_name = "KEY_ID")]
    key: KeyId,
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
        RegionCommand::Status(args) => status(args).await,
        RegionCommand::Promote(args) => promote(args).await,
        RegionCommand::Evict(args) => evict(args).await,
    }
}

async fn status(args: &StatusArgs) -> Result<(), Failure> {
    let access = args.access.open()?;
    let addresses = access.addresses();
    let answers = join_all(addresses.iter().map(|address| access.operator().status(address))).await;
    if answers.iter().all(Result::is_err) {
        let first = answers.into_iter().find_map(Result::err);
        return Err(first.unwrap_or_else(|| Failure::Admin("there is no node to ask".into())));
    }
    let mut views: Vec<NodeView> = answers.into_iter().flatten().collect();
    if let (None, [only]) = (access.cluster(), views.as_slice()) {
        views.extend(leader_of(&access, only).await);
    }
    // Whoever leads knows most; of a Region without a leader everybody is shown.
    let led: Vec<String> = views.iter().filter(|v| v.is_leader()).map(|v| v.region.clone()).collect();
    views.retain(|view| view.is_leader() || !led.contains(&view.region));
    if args.json {
        say!("{}", serde_json::to_string_pretty(&views).unwrap_or_default());
    } else {
        views.iter().for_each(print_view);
    }
    Ok(())
}

/// Only a leader hears from other Regions, so that an addressed follower points at it.
async fn leader_of(access: &Access, view: &NodeView) -> Option<NodeView> {
    let leader = view.leader.filter(|leader| *leader != view.node)?;
    let address = &view.members.iter().find(|member| member.node == leader)?.cluster;
    access.operator().status(address).await.ok()
}

fn print_view(view: &NodeView) {
    say!(
        "{}  node {} ({})  term {}  applied {}  keys {} ({} multi-Region)",
        view.region,
        view.node,
        view.role,
        view.term,
        view.applied.map_or_else(|| "-".to_owned(), |index| index.to_string()),
        view.keys,
        view.multi_region_keys
    );
    if let Some(home) = &view.identity.home {
        let lag = view.identity.lag.map_or_else(|| "-".to_owned(), |lag| lag.to_string());
        say!("  identities  home {home}  changes {}  lag {lag}", view.identity.sequence);
    }
    for peer in &view.peers {
        let heard =
            peer.last_heard_ms.map_or_else(|| "never heard".to_owned(), |ms| format!("heard {ms} ms ago"));
        let lag = peer.lag.map_or_else(|| "-".to_owned(), |lag| lag.to_string());
        say!("  to {} ({})  lag {lag}  {heard}", peer.region, peer.role);
        peer.alarms.iter().for_each(|alarm| say!("    alarm: {alarm}"));
        peer.rotations_held_up.iter().for_each(|key| say!("    rotation of {key} waits for it"));
    }
}

async fn promote(args: &PromoteArgs) -> Result<(), Failure> {
    let access = args.access.open()?;
    let candidate = args.candidate.clone().or_else(|| default_candidate(&access, args.lost.as_ref()));
    let mut client = access.leader(candidate.as_ref()).await?;
    let what = match (&args.key, &args.lost) {
        (Some(key), _) => messages::region_promote_request::What::Key(key.to_string()),
        (None, Some(lost)) => messages::region_promote_request::What::LostRegion(lost.to_string()),
        (None, None) => return Err(Failure::Usage("name the lost Region or a --key".into())),
    };
    let request = messages::RegionPromoteRequest {
        what: Some(what),
        unsafe_without_majority: args.unsafe_promotion,
        confirmation: if args.unsafe_promotion { confirmation(args)? } else { String::new() },
    };
    let reply = client.region_promote(request).await.map_err(refused)?;
    let keys: Vec<PromotedKey> = reply.keys.into_iter().map(PromotedKey::from).collect();
    print_promoted(&keys, args.json);
    match keys.iter().filter(|key| !key.promoted).count() {
        0 => Ok(()),
        failed => Err(Failure::Admin(format!("{failed} of {} keys were not promoted", keys.len()))),
    }
}

fn default_candidate(access: &Access, lost: Option<&Region>) -> Option<Region> {
    access.cluster()?.data_regions().map(|r| &r.name).find(|name| Some(*name) != lost).cloned()
}

/// Break-glass is typed, not clicked: the flag, or the name at a terminal.
fn confirmation(args: &PromoteArgs) -> Result<String, Failure> {
    if let Some(confirm) = &args.confirm {
        return Ok(confirm.clone());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage(
            "--unsafe needs --confirm REGION, the Region that becomes primary".into(),
        ));
    }
    eprint!(
        "Without a majority of Regions, changes that the lost Regions acknowledged may be missing.\n\
         Type the name of the Region that becomes primary: "
    );
    let _ = std::io::stderr().flush();
    let mut line = String::new();
    let _ = std::io::stdin().lock().read_line(&mut line);
    Ok(line.trim().to_owned())
}

fn print_promoted(keys: &[PromotedKey], as_json: bool) {
    if as_json {
        say!("{}", json!({ "keys": keys }));
        return;
    }
    for key in keys {
        let verdict = if key.promoted { "promoted" } else { "not promoted" };
        say!("{} {verdict} {}", key.key, key.detail);
    }
    say!("{} keys, {} promoted", keys.len(), keys.iter().filter(|key| key.promoted).count());
}

async fn evict(args: &EvictArgs) -> Result<(), Failure> {
    let mut client = args.access.open()?.leader(args.primary.as_ref()).await?;
    let request = messages::RegionEvictRequest { key: args.key.to_string(), region: args.region.to_string() };
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
