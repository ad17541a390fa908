//! Receives one snapshot at a time in chunks, and keeps what arrived when the sender breaks off.
//!
//! Does not judge content: the state machine verifies the whole file before it replaces anything (invariant A6).

use crate::{
    limits::{MAX_SNAPSHOT_BYTES, SNAPSHOT_CHUNK_BYTES},
    proto::raft::{self as pb, snapshot_part::Part},
};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use kms_raft::{SnapshotFile, SnapshotInbox};
use kms_types::NodeId;
use std::fmt;
use tokio::sync::Mutex;
use tonic::Status;

/// Which snapshot, and from whom: two senders' files of one state need not be equal byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SnapshotId {
    pub(crate) sender: NodeId,
    pub(crate) meta: Bytes,
    pub(crate) total_bytes: u64,
}

struct Partial {
    id: SnapshotId,
    file: SnapshotFile,
    held_bytes: u64,
}

/// The snapshot that is being received, if any.
pub(crate) struct SnapshotAssembly {
    inbox: SnapshotInbox,
    partial: Mutex<Option<Partial>>,
}

impl fmt::Debug for SnapshotAssembly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SnapshotAssembly(..)")
    }
}

impl SnapshotAssembly {
    pub(crate) fn new(inbox: SnapshotInbox) -> Self {
        Self { inbox, partial: Mutex::new(None) }
    }

    /// Bytes held of this snapshot.
    pub(crate) async fn held_bytes(&self, id: &SnapshotId) -> u64 {
        self.partial
            .lock()
            .await
            .as_ref()
            .filter(|partial| &partial.id == id)
            .map_or(0, |partial| partial.held_bytes)
    }

    /// Receives the chunks that follow a header. A broken stream leaves what arrived for the next attempt.
    pub(crate) async fn receive<S>(
        &self,
        id: SnapshotId,
        start_bytes: u64,
        parts: S,
    ) -> Result<SnapshotFile, Status>
    where
        S: Stream<Item = Result<pb::SnapshotPart, Status>> + Unpin,
    {
        let mut slot =
            self.partial.try_lock().map_err(|_| Status::aborted("another snapshot is being received"))?;
        let mut partial = self.resume(slot.take(), id, start_bytes)?;
        let received = fill(&mut partial, parts).await;
        match received {
            Ok(()) => finish(partial).await,
            Err(status) => {
                *slot = Some(partial);
                Err(status)
            }
        }
    }

    fn resume(&self, held: Option<Partial>, id: SnapshotId, start_bytes: u64) -> Result<Partial, Status> {
        if id.total_bytes > MAX_SNAPSHOT_BYTES {
            return Err(Status::invalid_argument(format!(
                "snapshot of {} bytes is too large",
                id.total_bytes
            )));
        }
        match held {
            Some(partial) if partial.id == id && partial.held_bytes == start_bytes => Ok(partial),
            _ if start_bytes == 0 => {
                let file =
                    self.inbox.receive().map_err(|e| Status::internal(format!("snapshot file: {e}")))?;
                Ok(Partial { id, file, held_bytes: 0 })
            }
            _ => Err(Status::aborted("the earlier part of this snapshot is gone")),
        }
    }
}

async fn fill<S>(partial: &mut Partial, mut parts: S) -> Result<(), Status>
where
    S: Stream<Item = Result<pb::SnapshotPart, Status>> + Unpin,
{
    while let Some(part) = parts.next().await {
        match part?.part {
            Some(Part::Chunk(chunk)) => partial.append(&chunk).await?,
            _ => return Err(Status::invalid_argument("expected a chunk")),
        }
    }
    match partial.held_bytes == partial.id.total_bytes {
        true => Ok(()),
        false => Err(Status::aborted("the snapshot ended early")),
    }
}

impl Partial {
    async fn append(&mut self, chunk: &pb::SnapshotChunk) -> Result<(), Status> {
        let end_bytes = self.held_bytes + chunk.data.len() as u64;
        if chunk.offset_bytes != self.held_bytes || end_bytes > self.id.total_bytes {
            return Err(Status::invalid_argument("chunk is out of place"));
        }
        if chunk.data.len() > SNAPSHOT_CHUNK_BYTES {
            return Err(Status::invalid_argument("chunk is too large"));
        }
        self.file
            .write_chunk(&chunk.data)
            .await
            .map_err(|e| Status::internal(format!("snapshot file: {e}")))?;
        self.held_bytes = end_bytes;
        Ok(())
    }
}

async fn finish(mut partial: Partial) -> Result<SnapshotFile, Status> {
    let flush = async {
        partial.file.flush().await?;
        partial.file.rewind().await
    };
    flush.await.map_err(|e| Status::internal(format!("snapshot file: {e}")))?;
    Ok(partial.file)
}
