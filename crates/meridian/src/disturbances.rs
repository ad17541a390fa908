//! What the supervisor of a local cluster tells one of its nodes: a line of JSON on standard input for each change. Nobody but the
//! process that started the node can write there.

use kms_node::disturbance::{Disturbance, Disturbances};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::BufRead;
use tokio::sync::{oneshot, watch};

/// Follows standard input, beginning with `first`. The future completes when the input ends.
///
/// A thread of its own reads: a read that tokio waits for would hold up the end of the process.
pub(crate) fn follow(first: Disturbance) -> (Disturbances, impl Future<Output = ()>) {
    limit_files(&first);
    let (sender, disturbances) = watch::channel(first);
    let (ended, end) = oneshot::channel();
    std::thread::spawn(move || {
        obey(std::io::stdin().lock(), &sender, limit_files);
        let _ = ended.send(());
    });
    (disturbances, async move { drop(end.await) })
}

fn obey(lines: impl BufRead, sender: &watch::Sender<Disturbance>, limit: impl Fn(&Disturbance)) {
    for line in lines.lines() {
        let Ok(line) = line else { return };
        match serde_json::from_str::<Disturbance>(&line) {
            Ok(disturbance) => {
                tracing::warn!(?disturbance, "disturbed on purpose");
                limit(&disturbance);
                sender.send_replace(disturbance);
            }
            Err(error) => tracing::warn!(%error, "standard input says nothing that a node knows"),
        }
    }
}

/// A full disk, as far as a process can see one: no file of its can grow, and a write that would fails with EFBIG. What is on disk
/// can be read, replaced in place and deleted; sockets and pipes are no files.
fn limit_files(disturbance: &Disturbance) {
    let Rlimit { maximum, .. } = getrlimit(Resource::Fsize);
    let current = if disturbance.disk_full { Some(0) } else { maximum };
    if let Err(error) = setrlimit(Resource::Fsize, Rlimit { current, maximum }) {
        tracing::error!(%error, "cannot limit the size of files");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts_and_nonsense_changes_nothing() {
        let (sender, disturbances) = watch::channel(Disturbance::default());
        let text = b"{\"skew_ms\":5}\n{nonsense\n\n{\"skew_ms\":-90000,\"disk_full\":true}\n{\"speed\":1}\n";
        let limited = std::cell::RefCell::new(Vec::new());
        obey(&text[..], &sender, |disturbance| limited.borrow_mut().push(disturbance.disk_full));
        let last = disturbances.borrow();
        assert_eq!((last.skew_ms, last.disk_full), (-90_000, true));
        assert_eq!(*limited.borrow(), [false, true]);
    }
}
