//! What `local up` shows while it runs in the foreground: a table that refreshes on a terminal, plain lines elsewhere.

use crate::say::say;
use std::{
    collections::BTreeMap,
    io::{IsTerminal, Write},
    time::Duration,
};

use crate::local::{report::Report, running::Running, status, status_text};

const REFRESH: Duration = Duration::from_secs(1);

/// Lines about what changed since the report before.
#[derive(Debug, Default)]
pub(super) struct Changes(BTreeMap<String, String>);

impl Changes {
    /// One line per node whose process or readiness changed.
    pub(super) fn lines(&mut self, report: &Report) -> Vec<String> {
        let mut lines = Vec::new();
        for (region, node) in report.nodes() {
            let name = format!("{}/{}", region.name, node.id);
            let now = format!("{}, {}", node.process, if node.ready { "ready" } else { "not ready" });
            if self.0.insert(name.clone(), now.clone()).as_ref() != Some(&now) {
                lines.push(format!("{name}: {now}"));
            }
        }
        lines
    }
}

/// Shows the cluster until the future is dropped.
pub(super) async fn show(running: &Running, mut changes: Changes) {
    let terminal = std::io::stdout().is_terminal();
    let mut ticks = tokio::time::interval(REFRESH);
    loop {
        ticks.tick().await;
        let Ok(report) = running.report().await else { return };
        if terminal {
            let Ok(status) = status::collect(&running.dir, &report).await else { continue };
            let text = format!("{}\nCtrl-C stops the cluster\n", status_text::render(&status));
            redraw(&text);
        } else {
            changes.lines(&report).iter().for_each(|line| say!("{line}"));
        }
    }
}

/// Draws on a cleared screen: the picture may be taller than the terminal, so that moving back over it would not do.
fn redraw(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = write!(out, "\x1b[2J\x1b[H{text}").and_then(|()| out.flush());
}
