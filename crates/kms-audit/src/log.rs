//! The audit log of one node: append, and return when the record is durable (G1). Reading it is another tool's task.

use kms_types::{NodeId, Timestamp};
use std::{
    io,
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};
use tokio::sync::{mpsc, oneshot};

use crate::{AuditError, Record, active_file::ActiveFile, writer};

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditOptions {
    /// A file of at least this size is closed and renamed before the next write.
    pub rotate_bytes: u64,
    /// How many records wait for the disk before `append` waits for room.
    pub queue_records: usize,
}

impl Default for AuditOptions {
    fn default() -> Self {
        Self { rotate_bytes: 64 << 20, queue_records: 4096 }
    }
}

/// Counts since the log was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuditStats {
    /// Durable records.
    pub records: u64,
    /// Barriers that made them durable; fewer than records under load.
    pub syncs: u64,
}

/// An open audit log; cheap to share. The file is closed when the last handle is dropped.
#[derive(Clone)]
pub struct AuditLog(Arc<Handle>);

struct Handle {
    queue: Option<mpsc::Sender<Entry>>,
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

/// One line on its way to the disk.
pub(crate) struct Entry {
    pub(crate) line: Vec<u8>,
    pub(crate) time: Timestamp,
    pub(crate) done: oneshot::Sender<Result<(), AuditError>>,
}

/// What the writer tells its log.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) failure: OnceLock<Arc<io::Error>>,
    pub(crate) records: AtomicU64,
    pub(crate) syncs: AtomicU64,
}

impl AuditLog {
    /// Opens or creates `audit-<node>.jsonl` in `directory`, which must exist, and repairs a torn end.
    pub fn open(directory: impl AsRef<Path>, node: NodeId) -> Result<Self, AuditError> {
        Self::open_with(directory, node, AuditOptions::default())
    }

    /// As [`Self::open`], with options.
    pub fn open_with(
        directory: impl AsRef<Path>,
        node: NodeId,
        options: AuditOptions,
    ) -> Result<Self, AuditError> {
        let file = ActiveFile::open(directory.as_ref(), node, options.rotate_bytes)?;
        Self::start(file, options)
    }

    pub(crate) fn start(file: ActiveFile, options: AuditOptions) -> Result<Self, AuditError> {
        let (queue, entries) = mpsc::channel(options.queue_records.max(1));
        let shared = Arc::new(Shared::default());
        let path = file.path().to_owned();
        let told = Arc::clone(&shared);
        let writer = thread::Builder::new()
            .name("audit-writer".to_owned())
            .spawn(move || writer::run(file, entries, &told))
            .map_err(|source| AuditError::Open {
                action: "start the writer of",
                path,
                source: source.into(),
            })?;
        Ok(Self(Arc::new(Handle { queue: Some(queue), shared, writer: Some(writer) })))
    }

    /// Appends a record; returns when it is durable, and an error means that the call it records must fail.
    ///
    /// A record whose `append` is abandoned half-way may still be written.
    pub async fn append(&self, record: Record) -> Result<(), AuditError> {
        let (done, answer) = oneshot::channel();
        let entry = Entry { line: encode(&record)?, time: record.time(), done };
        let queue = self.0.queue.as_ref().ok_or(AuditError::Closed)?;
        queue.send(entry).await.map_err(|_| self.gone())?;
        answer.await.map_err(|_| self.gone())?
    }

    /// The failure after which the log refuses every record, if there was one; for health reports.
    pub fn failure(&self) -> Option<AuditError> {
        self.0.shared.failure.get().map(|source| AuditError::Poisoned { source: Arc::clone(source) })
    }

    /// Counts since the log was opened.
    pub fn stats(&self) -> AuditStats {
        let shared = &self.0.shared;
        AuditStats {
            records: shared.records.load(Ordering::Relaxed),
            syncs: shared.syncs.load(Ordering::Relaxed),
        }
    }

    fn gone(&self) -> AuditError {
        self.failure().unwrap_or(AuditError::Closed)
    }
}

/// One line: JSON escapes every line break inside.
fn encode(record: &Record) -> Result<Vec<u8>, AuditError> {
    let mut line =
        serde_json::to_vec(record).map_err(|source| AuditError::Encode { source: source.into() })?;
    line.push(b'\n');
    Ok(line)
}

impl Drop for Handle {
    /// Waits for the write in progress, so that the file may be opened again at once.
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("audit writer panicked");
        }
    }
}

#[cfg(test)]
mod tests;
