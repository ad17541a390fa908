//! Audit records of what the service did to keys by itself, written by the Region's leader (docs/adr/0009).
//!
//! Events wait in the replicated state. A confirmed leader writes their records, durably, and then has them forgotten.
//! A leader that ends in between leaves them to the next one, which writes them again under the same event ids.

mod record;

use kms_audit::AuditLog;
use kms_state::{Command, Origin, Proposal, ServiceEvent, ServiceEventId, State};
use kms_types::{Entropy, ProposalId};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

use crate::{entropy::OsEntropy, group::Group, readiness::Readiness};

/// Events in one round.
const BATCH: usize = 64;
/// Between rounds, and before what failed is tried again.
const PAUSE: Duration = Duration::from_millis(200);

/// Writes the events' records.
pub(crate) struct Scribe {
    pub(crate) group: Group,
    pub(crate) audit: AuditLog,
    pub(crate) readiness: Arc<Readiness>,
    /// Written here and not known to be forgotten yet: never written twice by one process.
    pub(crate) written: BTreeSet<ServiceEventId>,
}

impl Scribe {
    /// Runs until `stop`; acts while this node leads and something waits.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut applied = self.group.watch_applied();
        while stop.run_until_cancelled(applied.changed()).await.is_some_and(|changed| changed.is_ok()) {
            while self.has_work() && !stop.is_cancelled() {
                self.round().await;
                let _ = stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
            }
        }
    }

    fn has_work(&self) -> bool {
        self.group.is_leader() && self.group.applied().state.service_events().next().is_some()
    }

    async fn round(&mut self) {
        // What an earlier leader wrote and had forgotten must not be written again from an old state.
        let Ok(view) = self.group.read_view().await else { return };
        let waiting: Vec<(ServiceEventId, Arc<ServiceEvent>)> =
            view.state.service_events().take(BATCH).map(|(id, event)| (*id, event.clone())).collect();
        self.written.retain(|id| waiting.iter().any(|(waits, _)| waits == id));
        for (id, event) in &waiting {
            if !self.write(&view.state, *id, event).await {
                return;
            }
        }
        self.forget(waiting.into_iter().map(|(id, _)| id).collect()).await;
    }

    async fn write(&mut self, state: &State, id: ServiceEventId, event: &ServiceEvent) -> bool {
        if self.written.contains(&id) {
            return true;
        }
        let Some(record) = record::of(state, id, event) else { return false };
        match self.audit.append(record).await {
            Ok(()) => self.written.insert(id),
            Err(error) => {
                tracing::error!(%error, "audit record of a service event not written; another node is to lead");
                self.readiness.refuse();
                if let Err(error) = self.group.transfer_leader(None).await {
                    tracing::warn!(%error, "cannot hand over the lead");
                }
                false
            }
        }
    }

    async fn forget(&self, events: Vec<ServiceEventId>) {
        if events.is_empty() {
            return;
        }
        let entropy: &mut dyn Entropy = &mut OsEntropy;
        let proposal = Proposal {
            id: ProposalId::from_random(entropy.array()),
            origin: Origin::Service { node: self.group.node() },
            expect: None,
            command: Command::ForgetServiceEvents { events },
        };
        if let Err(error) = self.group.propose(proposal).await {
            tracing::debug!(%error, "recorded service events are not forgotten yet");
        }
    }
}
