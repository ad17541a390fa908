//! A cluster's status as text for a person. Computes nothing.

use std::fmt::Write;

use crate::{
    admin::{IdentityView, NodeView, PeerView},
    local::status::{ClusterStatus, NodeStatus, RegionStatus},
};

/// The whole status, some 80 columns wide.
pub(super) fn render(status: &ClusterStatus) -> String {
    let mut text = format!(
        "deployment {}\nendpoint   {} (all Regions)\ndata       {}\n",
        status.deployment,
        status.endpoint,
        status.data_dir.display()
    );
    status.regions.iter().for_each(|region| render_region(&mut text, region));
    if !status.faults.is_empty() {
        text.push_str("\nfaults in force\n");
        for fault in &status.faults {
            let _ = writeln!(text, "  {fault}");
        }
    }
    text
}

fn render_region(text: &mut String, region: &RegionStatus) {
    let role = format!("{:?}", region.role).to_lowercase();
    let _ = writeln!(
        text,
        "\n{}  {role}  leader {}  term {}  applied {}  keys {}  {}",
        region.name,
        number(region.leader),
        number(region.term),
        number(region.applied),
        number(region.keys),
        region.endpoint.as_deref().unwrap_or("no API")
    );
    region.nodes.iter().for_each(|node| render_node(text, node, &region.members));
    let leader = region.nodes.iter().filter_map(|node| node.raft.as_ref()).find(|view| view.is_leader());
    leader.into_iter().for_each(|view| render_identities(text, &view.identity));
    region.peers.iter().for_each(|peer| render_peer(text, peer));
}

/// Only the leader pulls changes of identities, and so knows how many are missing.
fn render_identities(text: &mut String, identity: &IdentityView) {
    if let Some(home) = &identity.home {
        let _ = writeln!(
            text,
            "  identities  home {home}  changes {}  lag {}",
            identity.sequence,
            number(identity.lag)
        );
    }
}

fn render_node(text: &mut String, node: &NodeStatus, members: &[u64]) {
    let raft = node.raft.as_ref();
    let role = raft.map_or("silent", NodeView::role_name);
    let ready = if node.ready { "ready" } else { "not ready" };
    let member = if members.contains(&node.id) || members.is_empty() { "" } else { "  not a member" };
    let restarts = if node.restarts > 0 { format!("  {} restarts", node.restarts) } else { String::new() };
    let _ = writeln!(
        text,
        "  node {:<2} {:<9} {:<9} {:<9} applied {:<8} pid {:<8} {}{member}{restarts}",
        node.id,
        node.process.to_string(),
        ready,
        role,
        number(raft.and_then(|view| view.applied)),
        node.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
        node.api,
    );
    if let Some(why) = raft.and_then(|view| view.not_admitted.as_ref()) {
        let _ = writeln!(text, "          takes no part: {why}");
    }
}

fn render_peer(text: &mut String, peer: &PeerView) {
    let heard =
        peer.last_heard_ms.map_or_else(|| "never heard".to_owned(), |ms| format!("heard {ms} ms ago"));
    let _ = writeln!(text, "  to {:<16} lag {:<4} {heard}", peer.region, number(peer.lag));
    for alarm in &peer.alarms {
        let _ = writeln!(text, "    alarm: {alarm}");
    }
    if !peer.rotations_held_up.is_empty() {
        let _ = writeln!(text, "    rotations held up: {}", peer.rotations_held_up.join(", "));
    }
}

fn number(value: Option<u64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
