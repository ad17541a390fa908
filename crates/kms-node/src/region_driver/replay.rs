//! Positions remembered per peer (rule 13): each message is taken at most once, in any order within a window.
//!
//! Remembered in memory: a message repeated to the next leader finds a protocol that it cannot harm (C7).

use kms_types::NodeId;
use serde::{Deserialize, Serialize};

/// Where a message stands in its sender's sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Position {
    /// The sender's term of office in its own Region.
    pub(super) office: Office,
    /// Grows with every message of the sending process, and from one process to the next unless its clock was set back.
    pub(super) counter: u64,
}

/// One node's time as the leader of its Region; a later one is greater.
///
/// The term alone would not do: openraft allows several leaders in one term, the higher node replacing the lower, and a
/// node that restarts may lead in its old term again. The log has grown since by then, if only by a tick.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Office {
    /// Raft term.
    pub(super) term: u64,
    /// The leader.
    pub(super) node: NodeId,
    /// A log index that was committed when it began, and no older than any committed before.
    pub(super) index: u64,
}

/// How far back a message may arrive late.
const WINDOW: u64 = 1024;

/// The positions of one peer that were seen, like the anti-replay window of IPsec [RFC4303 §3.4.3].
#[derive(Debug, Clone, Default)]
pub(super) struct ReplayWindow {
    office: Office,
    highest: Option<u64>,
    seen: [u64; (WINDOW / 64) as usize],
}

impl ReplayWindow {
    /// True when the position is new; it is remembered then.
    pub(super) fn take(&mut self, position: Position) -> bool {
        if position.office < self.office {
            return false;
        }
        if position.office > self.office {
            *self = Self { office: position.office, ..Self::default() };
        }
        self.advance(position.counter) && self.mark(position.counter)
    }

    /// Moves the window forward if need be; false for a counter that has left it.
    fn advance(&mut self, counter: u64) -> bool {
        match self.highest {
            Some(highest) if counter <= highest => return highest - counter < WINDOW,
            Some(highest) => {
                for left in (highest + 1..=counter).take(WINDOW as usize) {
                    self.clear(left);
                }
                if counter - highest >= WINDOW {
                    self.seen = Default::default();
                }
            }
            None => {}
        }
        self.highest = Some(counter);
        true
    }

    fn clear(&mut self, counter: u64) {
        if let Some(word) = self.seen.get_mut((counter % WINDOW / 64) as usize) {
            *word &= !(1 << (counter % 64));
        }
    }

    fn mark(&mut self, counter: u64) -> bool {
        let Some(word) = self.seen.get_mut((counter % WINDOW / 64) as usize) else { return false };
        let fresh = *word & (1 << (counter % 64)) == 0;
        *word |= 1 << (counter % 64);
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(term: u64, counter: u64) -> Position {
        Position { office: Office { term, node: 1, index: 10 }, counter }
    }

    #[test]
    fn a_leader_that_restarts_in_its_old_term_is_heard_again() {
        let mut window = ReplayWindow::default();
        let restarted = Position { office: Office { term: 2, node: 1, index: 11 }, counter: 1 };
        assert!(window.take(at(2, 5000)) && window.take(restarted));
        assert!(!window.take(at(2, 5001)));
    }

    #[test]
    fn each_position_is_taken_once_in_any_order_within_the_window() {
        let mut window = ReplayWindow::default();
        assert!(window.take(at(1, 5)) && window.take(at(1, 3)) && window.take(at(1, 700)));
        assert!(!window.take(at(1, 5)) && !window.take(at(1, 3)) && !window.take(at(1, 700)));
        assert!(window.take(at(1, 4)));
    }

    #[test]
    fn positions_that_left_the_window_and_old_terms_are_refused() {
        let mut window = ReplayWindow::default();
        assert!(window.take(at(2, 2000)));
        assert!(!window.take(at(2, 2000 - 1024)) && window.take(at(2, 2000 - 1023)));
        assert!(!window.take(at(1, 9000)));
        assert!(window.take(at(3, 1)) && !window.take(at(2, 2001)));
        assert!(window.take(at(3, u64::MAX)) && !window.take(at(3, 1)));
    }

    #[test]
    fn agrees_with_a_set_over_a_long_shuffled_run() {
        let (mut window, mut seen, mut next) =
            (ReplayWindow::default(), std::collections::BTreeSet::new(), 1_u64);
        let mut highest = 0;
        for _ in 0..20_000 {
            next = next.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let counter = highest + 40 - (next >> 33) % 90_u64.min(highest + 40);
            highest = highest.max(counter);
            let fresh = highest - counter < WINDOW && seen.insert(counter);
            assert_eq!(window.take(at(1, counter)), fresh, "{counter}");
        }
    }
}
