//! `meridian region status`.

use clap::Args;
use futures::future::join_all;

use crate::{
    admin::{DirectoryView, NodeView, PeerView},
    failure::Failure,
    operate::access::{Access, AccessArgs},
    say::say,
};

/// Flags of `region status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    access: AccessArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) async fn status(args: &StatusArgs) -> Result<(), Failure> {
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
    view.directory.iter().for_each(print_directory);
    view.alarms.iter().for_each(|alarm| say!("  alarm: {alarm}"));
    view.peers.iter().for_each(print_peer);
}

fn print_directory(directory: &DirectoryView) {
    say!("  directory {}  {}", directory.generation, directory.voters.join(" "));
    if let Some(next) = directory.next_generation {
        say!("    proposed: {next}  {}", directory.next_voters.join(" "));
    }
    let notes = [
        (directory.removed, "this Region was removed from the deployment and does not serve".to_owned()),
        (!directory.votes, "this Region came in and has no vote before it has read the others".to_owned()),
        (directory.reading, "reading what was agreed on before the last change".to_owned()),
        (!directory.isolated.is_empty(), format!("letters stopped with {}", directory.isolated.join(", "))),
    ];
    notes.iter().filter(|(applies, _)| *applies).for_each(|(_, note)| say!("    {note}"));
    if let Some(peer) = &directory.rolled_back_by {
        say!(
            "    this Region went back to an earlier state, as {peer} found out, and does not serve: rebuild it"
        );
    }
}

fn print_peer(peer: &PeerView) {
    let heard =
        peer.last_heard_ms.map_or_else(|| "never heard".to_owned(), |ms| format!("heard {ms} ms ago"));
    let lag = peer.lag.map_or_else(|| "-".to_owned(), |lag| lag.to_string());
    let age = peer.canary_age_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
    say!("  to {} ({})  lag {lag}  canary {age}  {heard}", peer.region, peer.role);
    peer.alarms.iter().for_each(|alarm| say!("    alarm: {alarm}"));
    peer.rotations_held_up.iter().for_each(|key| say!("    rotation of {key} waits for it"));
    if let Some(why) = &peer.last_refusal {
        let count: u64 = peer.refused.values().sum();
        say!("    {count} letters refused, the last at {why}");
    }
}
