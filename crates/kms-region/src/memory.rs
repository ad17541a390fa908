//! What a machine keeps besides the Region's state, as text. A model checker compares machines with it: it must tell
//! apart those that may behave differently, and should not tell apart any others.

use std::fmt::{self, Write};

use crate::Machine;

impl Machine {
    /// Writes everything that the next outputs depend on besides the state, the configuration and the time. Left out is
    /// what only [`Machine::status`] shows, and the numbers of proposals, which are names. Not a stable format.
    pub fn write_memory(&self, out: &mut dyn Write) -> fmt::Result {
        let pending = self.proposals.pending.values().collect::<Vec<_>>();
        write!(out, "{:?}{pending:?}{:?}{:?}", self.quiet_until, self.learning, self.voting)?;
        write!(out, "{:?}{:?}{:?}", self.rounds, self.primary, self.promotions)?;
        write!(out, "{:?}{:?}{:?}", self.evictions, self.requests, self.deletions)?;
        for (region, peer) in &self.peers {
            write!(out, "{region}{}{:?}{:?}", peer.cursor, peer.next_pull, peer.told)?;
            write!(out, "{:?}", peer.repeat_after)?;
        }
        write!(out, "{:?}{:?}{}", self.changes, self.survey, self.generation)?;
        write!(out, "{:?}{:?}{:?}", self.watch, self.asked, self.outputs)
    }
}
