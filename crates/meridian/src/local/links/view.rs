//! What a connection sees of the table: the rules between its two ends, and when they change.

use std::sync::Arc;
use tokio::sync::watch;

use super::{flow::Rules, table::Table};
use crate::local::layout::NodeKey;

/// Follows the rules between two nodes.
#[derive(Debug, Clone)]
pub(super) struct View {
    table: watch::Receiver<Arc<Table>>,
    /// Who connected, and to whom; the way to anybody who is no node of the cluster is never disturbed.
    ends: Option<(NodeKey, NodeKey)>,
    from_far: bool,
    last: Rules,
}

impl View {
    pub(super) fn new(table: watch::Receiver<Arc<Table>>, ends: Option<(NodeKey, NodeKey)>) -> Self {
        let mut view = Self { table, ends, from_far: false, last: Rules::default() };
        view.last = view.look();
        view
    }

    /// The same connection from its other end.
    pub(super) fn far_end(&self) -> Self {
        let mut far = self.clone();
        far.from_far = !self.from_far;
        far.last = far.look();
        far
    }

    /// The rules now.
    pub(super) fn rules(&mut self) -> Rules {
        self.last = self.look();
        self.last.clone()
    }

    /// Completes when the rules are others than last seen.
    pub(super) async fn changed(&mut self) -> Rules {
        while self.table.changed().await.is_ok() {
            let seen = self.last.clone();
            if self.rules() != seen {
                return self.last.clone();
            }
        }
        // The cluster is being stopped; nothing changes any more.
        std::future::pending().await
    }

    fn look(&mut self) -> Rules {
        let table = self.table.borrow_and_update();
        let Some((from, to)) = &self.ends else { return Rules::default() };
        Rules { there: table.rule(from, to), back: table.rule(to, from) }.seen(self.from_far)
    }
}
