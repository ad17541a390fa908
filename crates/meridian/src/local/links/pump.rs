//! Moves the bytes of one direction of a connection as its [`Flow`] allows. Changes none of them.

use bytes::{BufMut, BytesMut};
use std::{io, time::Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{
    flow::{Flow, Step},
    view::View,
};
use crate::entropy::OsEntropy;

/// Read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// Runs until the sender's close has been passed on, or the receiver is gone. A receiver that is gone is no reason to tell
/// the sender: the news has to come by the other direction, which may be cut.
pub(super) async fn pump(
    mut source: impl AsyncRead + Unpin,
    mut sink: impl AsyncWrite + Unpin,
    mut view: View,
) -> io::Result<()> {
    let mut flow = Flow::new(view.rules());
    let mut buffer = BytesMut::new();
    loop {
        let due = match flow.step(Instant::now()) {
            Step::Write(bytes) => {
                sink.write_all(&bytes).await?;
                continue;
            }
            Step::Close => return sink.shutdown().await,
            Step::Wait(due) => due,
        };
        let room = flow.room().min(CHUNK_BYTES);
        buffer.reserve(room);
        let mut space = (&mut buffer).limit(room);
        tokio::select! {
            biased;
            rules = view.changed() => flow.obey(rules, Instant::now(), &mut OsEntropy),
            read = source.read_buf(&mut space), if room > 0 => match read {
                Ok(length) if length > 0 => flow.push(buffer.split().freeze(), Instant::now(), &mut OsEntropy),
                // A reset is passed on as a close: both end the connection.
                _ => flow.end(),
            },
            () = until(due) => {}
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
