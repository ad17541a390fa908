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
use tonic::{Code, Status};

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
            Ok(()) => Ok(partial.file),
            Err(status) => {
                // After a failed write the file's end is not known, so it is not continued.
                *slot = (status.code() != Code::Internal).then_some(partial);
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

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use tempfile::TempDir;

    const CONTENT: &[u8] = b"a snapshot of some length";

    fn assembly() -> (TempDir, SnapshotAssembly) {
        let dir = tempfile::tempdir().unwrap();
        let storage = kms_raft::Storage::open(dir.path(), 1).unwrap();
        (dir, SnapshotAssembly::new(storage.inbox))
    }

    fn id(sender: NodeId) -> SnapshotId {
        SnapshotId { sender, meta: Bytes::from_static(b"meta"), total_bytes: CONTENT.len() as u64 }
    }

    fn chunk(from: usize, to: usize) -> Result<pb::SnapshotPart, Status> {
        let chunk = pb::SnapshotChunk { offset_bytes: from as u64, data: CONTENT[from..to].into() };
        Ok(pb::SnapshotPart { part: Some(Part::Chunk(chunk)) })
    }

    async fn receive(
        assembly: &SnapshotAssembly,
        sender: NodeId,
        start: usize,
        parts: Vec<Result<pb::SnapshotPart, Status>>,
    ) -> Result<Vec<u8>, Status> {
        let mut file = assembly.receive(id(sender), start as u64, stream::iter(parts)).await?;
        Ok(file.read_chunk(1 << 20).await.unwrap())
    }

    #[tokio::test]
    async fn chunks_in_order_make_the_file() {
        let (_dir, assembly) = assembly();
        let parts = vec![chunk(0, 10), chunk(10, 11), chunk(11, CONTENT.len())];
        assert_eq!(receive(&assembly, 1, 0, parts).await.unwrap(), CONTENT);
        assert_eq!(assembly.held_bytes(&id(1)).await, 0);
    }

    #[tokio::test]
    async fn a_broken_stream_is_continued_where_it_stopped() {
        let (_dir, assembly) = assembly();
        let broken = vec![chunk(0, 10), Err(Status::unavailable("gone"))];
        assert!(receive(&assembly, 1, 0, broken).await.is_err());
        assert_eq!(assembly.held_bytes(&id(1)).await, 10);
        let rest = receive(&assembly, 1, 10, vec![chunk(10, CONTENT.len())]).await.unwrap();
        assert_eq!(rest, CONTENT);
    }

    #[tokio::test]
    async fn another_senders_part_is_never_continued() {
        let (_dir, assembly) = assembly();
        assert!(receive(&assembly, 1, 0, vec![chunk(0, 10)]).await.is_err());
        assert_eq!(assembly.held_bytes(&id(2)).await, 0);
        assert!(receive(&assembly, 2, 10, vec![chunk(10, CONTENT.len())]).await.is_err());
        assert_eq!(receive(&assembly, 2, 0, vec![chunk(0, CONTENT.len())]).await.unwrap(), CONTENT);
    }

    #[tokio::test]
    async fn chunks_out_of_place_and_snapshots_cut_short_are_refused() {
        let (_dir, assembly) = assembly();
        for parts in [
            vec![chunk(0, 10), chunk(11, 20)],
            vec![chunk(0, 10), chunk(0, 10)],
            vec![chunk(0, CONTENT.len()), chunk(0, 1)],
            vec![chunk(0, CONTENT.len() - 1)],
            vec![Ok(pb::SnapshotPart { part: None })],
        ] {
            assert!(receive(&assembly, 3, 0, parts).await.is_err());
        }
        let huge = SnapshotId { total_bytes: MAX_SNAPSHOT_BYTES + 1, ..id(4) };
        assert!(assembly.receive(huge, 0, stream::iter([chunk(0, 1)])).await.is_err());
    }
}
