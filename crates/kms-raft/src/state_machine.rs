//! openraft's view of the applied state: applies entries, publishes each new version, builds and installs snapshots.
//!
//! What a command means is kms-state's business; what survives a crash is decided in storage.rs.

use crate::applied::Applied;
use crate::applied_store::AppliedStore;
use crate::disk::DirLock;
use crate::runtime::blocking;
use crate::snapshot_store::SnapshotStore;
use crate::{Entry, FatalHook, LogId, SnapshotFile, SnapshotMeta, StoredMembership, TypeConfig};
use futures::{Stream, StreamExt};
use kms_state::Outcome;
use openraft::storage::{ApplyResponder, EntryResponder, RaftStateMachine, Snapshot};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use std::io;
use std::sync::Arc;
use tokio::sync::watch;

/// Most entries that share one stored batch and one published version.
const GROUP_ENTRIES: usize = 256;

/// The applied state, for `openraft::Raft::new`.
pub struct StateMachine {
    applied: Applied,
    store: AppliedStore,
    snapshots: SnapshotStore,
    published: watch::Sender<Arc<Applied>>,
    fatal: FatalHook,
    /// Keeps the directory locked while anybody may write to it.
    _lock: DirLock,
}

/// An entry's answer and whoever waits for it.
type Answer = (Option<ApplyResponder<TypeConfig>>, Outcome);

impl StateMachine {
    pub(crate) fn new(
        applied: Applied,
        store: AppliedStore,
        snapshots: SnapshotStore,
        fatal: FatalHook,
        lock: DirLock,
    ) -> Self {
        let (published, _) = watch::channel(Arc::new(applied.clone()));
        Self { applied, store, snapshots, published, fatal, _lock: lock }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<Applied>> {
        self.published.subscribe()
    }

    fn apply_entry(&mut self, entry: Entry) -> Outcome {
        self.applied.log_id = Some(entry.log_id);
        self.applied.index = entry.log_id.index;
        match entry.payload {
            EntryPayload::Blank => Outcome::Applied,
            EntryPayload::Normal(proposal) => self.applied.state.apply(entry.log_id.index, &proposal),
            EntryPayload::Membership(membership) => {
                self.applied.membership = StoredMembership::new(Some(entry.log_id), membership);
                Outcome::Applied
            }
        }
    }

    /// Stores a group, shows it to readers, then answers: a read that starts after an answer sees the change.
    fn finish_group(&mut self, answers: Vec<Answer>) -> io::Result<()> {
        let changes = self.applied.state.take_changes();
        self.or_fatal(self.store.write(changes, &self.applied.mark()))?;
        self.publish();
        for (responder, outcome) in answers {
            if let Some(responder) = responder {
                responder.send(outcome);
            }
        }
        Ok(())
    }

    fn publish(&self) {
        self.published.send_replace(Arc::new(self.applied.clone()));
    }

    fn or_fatal<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| (self.fatal)(error))
    }
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotData = SnapshotFile;
    type SnapshotBuilder = SnapshotBuilder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        Ok((self.applied.log_id, self.applied.membership.clone()))
    }

    async fn apply<Strm>(&mut self, entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        let mut groups = entries.ready_chunks(GROUP_ENTRIES);
        while let Some(group) = groups.next().await {
            let mut answers = Vec::with_capacity(group.len());
            for item in group {
                let (entry, responder) = item?;
                answers.push((responder, self.apply_entry(entry)));
            }
            self.finish_group(answers)?;
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder {
        SnapshotBuilder {
            view: self.applied.clone(),
            store: self.store.clone(),
            snapshots: self.snapshots.clone(),
            fatal: self.fatal.clone(),
        }
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: SnapshotFile,
    ) -> Result<(), io::Error> {
        if meta.last_log_id <= self.applied.log_id {
            // Everything it holds is here already, and going back would restore an older membership (A6).
            tracing::warn!(snapshot = %meta, applied = self.applied.index, "older snapshot not installed");
            return Ok(());
        }
        let (snapshots, announced) = (self.snapshots.clone(), meta.clone());
        let received =
            blocking(move || snapshots.receive(snapshot, &announced).map_err(io::Error::other)).await??;
        let (store, copy) = (self.store.clone(), received.clone());
        let replaced = blocking(move || store.replace(&copy)).await.flatten();
        self.or_fatal(replaced)?;
        self.applied = received;
        self.publish();
        Ok(())
    }

    async fn get_current_snapshot(
        &mut self,
    ) -> Result<Option<openraft::type_config::alias::SnapshotOf<TypeConfig, SnapshotFile>>, io::Error> {
        let snapshots = self.snapshots.clone();
        blocking(move || current(&snapshots)).await?
    }
}

fn current(
    snapshots: &SnapshotStore,
) -> io::Result<Option<openraft::type_config::alias::SnapshotOf<TypeConfig, SnapshotFile>>> {
    let found = snapshots.current().map_err(io::Error::other)?;
    Ok(found.map(|(header, snapshot)| Snapshot {
        meta: SnapshotMeta { last_log_id: header.mark.log_id, last_membership: header.mark.membership },
        snapshot,
    }))
}

/// Builds one snapshot from a view that later entries do not change.
pub struct SnapshotBuilder {
    view: Applied,
    store: AppliedStore,
    snapshots: SnapshotStore,
    fatal: FatalHook,
}

impl SnapshotBuilder {
    /// The snapshot is durable, and the stored state with it, before openraft may purge the log.
    fn build(self) -> io::Result<Snapshot<crate::LeaderId, u64, crate::Peer, SnapshotFile>> {
        let sync = || if seeded!(PurgeBeforeDurable) { Ok(()) } else { self.store.sync() };
        let saved = self.snapshots.save(&self.view).and_then(|()| sync());
        saved.inspect_err(|error| (self.fatal)(error))?;
        current(&self.snapshots)?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

impl RaftSnapshotBuilder<TypeConfig> for SnapshotBuilder {
    type SnapshotData = SnapshotFile;

    async fn build_snapshot(
        &mut self,
    ) -> Result<Snapshot<crate::LeaderId, u64, crate::Peer, SnapshotFile>, io::Error> {
        let builder = Self {
            view: self.view.clone(),
            store: self.store.clone(),
            snapshots: self.snapshots.clone(),
            fatal: self.fatal.clone(),
        };
        blocking(move || builder.build()).await?
    }
}
