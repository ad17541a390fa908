//! The thread that owns the file: takes what is queued, writes it, syncs once, answers all. Never retries: a failed
//! sync may have dropped the pages it failed on, so the next one would succeed over a hole.

use std::{io, sync::Arc, sync::atomic::Ordering};
use tokio::sync::mpsc::Receiver;

use crate::{
    AuditError,
    active_file::ActiveFile,
    log::{Entry, Shared},
};

/// The most that one barrier covers; bounds the wait of the first record of a batch.
const BATCH_BYTES: usize = 1 << 20;

/// Serves until every handle is dropped or a write fails.
pub(crate) fn run(mut file: ActiveFile, mut entries: Receiver<Entry>, shared: &Shared) {
    while let Some(first) = entries.blocking_recv() {
        let batch = collect(first, &mut entries);
        let written = write(&mut file, &batch);
        if let Err(error) = finish(batch, written, shared) {
            tracing::error!(error = %error, path = %file.path().display(), "audit log cannot be written, node refuses calls");
            return;
        }
    }
}

fn collect(first: Entry, entries: &mut Receiver<Entry>) -> Vec<Entry> {
    let mut bytes = first.line.len();
    let mut batch = vec![first];
    while bytes < BATCH_BYTES
        && let Ok(entry) = entries.try_recv()
    {
        bytes += entry.line.len();
        batch.push(entry);
    }
    batch
}

fn write(file: &mut ActiveFile, batch: &[Entry]) -> io::Result<()> {
    let Some(first) = batch.first() else { return Ok(()) };
    let lines: Vec<&[u8]> = batch.iter().map(|entry| entry.line.as_slice()).collect();
    file.append_durably(&lines.concat(), first.time)
}

/// Answers a batch. The failure is published before anyone learns of it, so that who is told finds it recorded.
fn finish(batch: Vec<Entry>, written: io::Result<()>, shared: &Shared) -> io::Result<()> {
    let answer = match written {
        Ok(()) => {
            shared.records.fetch_add(batch.len() as u64, Ordering::Relaxed);
            shared.syncs.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
        Err(error) => Err(Arc::clone(shared.failure.get_or_init(|| Arc::new(error)))),
    };
    for entry in batch {
        // A caller that went away needs no answer.
        let _ = entry.done.send(answer.clone().map_err(|source| AuditError::Poisoned { source }));
    }
    answer.map_err(|source| io::Error::new(source.kind(), source))
}
