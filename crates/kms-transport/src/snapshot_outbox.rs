//! Sends one snapshot file in chunks, from where an earlier attempt stopped.
//!
//! Holds one chunk in memory; the receiver decides whether the whole is good.

use crate::{
    call_error::CallError,
    limits::SNAPSHOT_CHUNK_BYTES,
    peer_links::Link,
    proto::raft::{self as pb, raft_client::RaftClient, snapshot_part::Part},
    raft_codec::encode,
};
use futures::{Stream, StreamExt, stream};
use kms_raft::{SnapshotFile, SnapshotMeta, Vote};
use std::{io, time::Duration};

pub(crate) async fn send(
    link: &Link,
    vote: Vote,
    meta: &SnapshotMeta,
    mut file: SnapshotFile,
    timeout: Duration,
) -> Result<pb::SnapshotReply, CallError> {
    let (meta, total_bytes) = (encode(meta), file.len_bytes().map_err(unreadable)?);
    let question = pb::SnapshotProgressRequest { meta: meta.clone(), total_bytes };
    let progress =
        link.call(timeout, async |channel| RaftClient::new(channel).snapshot_progress(question).await);
    let start_bytes = progress.await?.held_bytes.min(total_bytes);
    skip(&mut file, start_bytes).await.map_err(unreadable)?;
    let header = pb::SnapshotHeader { vote: encode(&vote), meta, total_bytes, start_bytes };
    let parts = parts(header, file);
    link.call(timeout, async |channel| RaftClient::new(channel).snapshot(parts).await).await
}

/// The file on this side does not read; nothing was wrong with the peer, but there is nothing to send it.
fn unreadable(error: io::Error) -> CallError {
    CallError::Refused(format!("own snapshot does not read: {error}"))
}

async fn skip(file: &mut SnapshotFile, count_bytes: u64) -> io::Result<()> {
    file.rewind();
    let mut left = count_bytes;
    while left > 0 {
        let limit = usize::try_from(left).unwrap_or(usize::MAX).min(SNAPSHOT_CHUNK_BYTES);
        let chunk = file.read_chunk(limit).await?;
        if chunk.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left -= chunk.len() as u64;
    }
    Ok(())
}

/// A read error ends the stream early, which the receiver sees as an incomplete snapshot.
fn parts(
    header: pb::SnapshotHeader,
    file: SnapshotFile,
) -> impl Stream<Item = pb::SnapshotPart> + Send + 'static {
    let start = (file, header.start_bytes);
    let chunks = stream::unfold(start, |(mut file, offset_bytes)| async move {
        let data = file
            .read_chunk(SNAPSHOT_CHUNK_BYTES)
            .await
            .inspect_err(|e| tracing::error!("snapshot: {e}"))
            .ok()?;
        let next = offset_bytes + data.len() as u64;
        (!data.is_empty()).then(|| (pb::SnapshotChunk { offset_bytes, data: data.into() }, (file, next)))
    });
    stream::iter([Part::Header(header)])
        .chain(chunks.map(Part::Chunk))
        .map(|part| pb::SnapshotPart { part: Some(part) })
}
