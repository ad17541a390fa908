//! Work that falls due in Region time, proposed by the Region's leader: automatic rotations and deletions.

use kms_ops::{Env, Settings, due_proposals, identity_replication};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

use crate::{entropy::OsEntropy, group::Group, keyring::RegionKeyRing};

const INTERVAL: Duration = Duration::from_millis(500);
/// At most this many entries per round, so that a backlog does not hold up callers' writes.
const BATCH: usize = 64;

/// Runs until `stop`. Every node runs it; only the leader proposes, and `apply` refuses what is not due.
pub(crate) async fn run(
    group: Group,
    keyring: Arc<RegionKeyRing>,
    settings: Arc<Settings>,
    stop: CancellationToken,
) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        if group.is_leader() {
            propose_due(&group, &keyring, &settings).await;
        }
    }
}

async fn propose_due(group: &Group, keyring: &RegionKeyRing, settings: &Settings) {
    let state = group.applied().state.clone();
    keyring.follow(&state);
    let proposals = {
        let mut entropy = OsEntropy;
        let mut env = Env { entropy: &mut entropy, keyring: keyring as &dyn kms_ops::KeyRing, settings };
        let mut proposals: Vec<_> =
            identity_replication(&state, &mut env, group.node()).into_iter().collect();
        proposals.extend(due_proposals(&state, &mut env, group.node()));
        proposals
    };
    for proposal in proposals.into_iter().take(BATCH) {
        match group.propose(proposal).await {
            Ok(outcome) => tracing::info!(?outcome, "proposed what fell due"),
            Err(error) => tracing::warn!(%error, "cannot propose what fell due"),
        }
    }
}
