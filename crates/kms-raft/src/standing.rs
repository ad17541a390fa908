//! How far a node has come, and whether it has forgotten some of it: its disk was set back to an earlier state
//! (invariant A5, docs/adr/0021-admission.md).
//!
//! Compares only. Who remembers what of whom is in [`crate::Standings`].

use crate::{LeaderId, LogId, Vote};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One life of a node as a member of its Region: drawn anew each time the node is added. What was seen of an earlier
/// one says nothing of this one. All zero for the members that a Region begins with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeIncarnation(pub [u8; 16]);

/// One start of a node that was admitted. The number counts, the nonce tells two starts of one number apart: one disk
/// that was copied, or one that went back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Boot {
    /// One more than the last start that was admitted.
    pub number: u64,
    /// Random.
    pub nonce: [u8; 16],
}

/// What a node has promised, as far as its own disk holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// This start.
    pub boot: Boot,
    /// Whom it voted for last.
    pub voted: Option<LeaderId>,
    /// The end of its log.
    pub last: Option<LogId>,
}

/// The furthest that another node has seen of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// In which life as a member.
    pub incarnation: NodeIncarnation,
    /// The newest start that it announced.
    pub boot: Option<Boot>,
    /// The highest vote.
    pub voted: Option<LeaderId>,
    /// The end of its log under that vote.
    pub last: Option<LogId>,
}

/// What a node has forgotten that another has seen of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgotten {
    /// A later start, or another one of the same number.
    Boot {
        /// The number that was seen.
        seen: u64,
    },
    /// A vote.
    Vote {
        /// The vote that was seen.
        seen: LeaderId,
    },
    /// Entries of the leader it voted for.
    Entries {
        /// The end that was seen.
        seen: LogId,
    },
}

impl fmt::Display for Forgotten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boot { seen } => write!(f, "its start number {seen}"),
            Self::Vote { seen } => write!(f, "its vote {seen}"),
            Self::Entries { seen } => write!(f, "its log up to {seen}"),
        }
    }
}

impl Standing {
    /// What this node has forgotten of what was seen of it.
    ///
    /// The log is compared under one vote only, and only where it ends with an entry of that vote's leader. Under a
    /// higher vote the log may have become shorter, and so it may until the leader's first own entry is there: a leader
    /// makes entries void that its predecessors did not commit. From then on it only grows.
    pub fn forgotten(&self, seen: &Seen) -> Option<Forgotten> {
        if let Some(boot) = seen.boot.filter(|boot| !self.goes_on_from(boot)) {
            return Some(Forgotten::Boot { seen: boot.number });
        }
        match seen.voted {
            Some(vote) if self.voted < seen.voted => Some(Forgotten::Vote { seen: vote }),
            Some(vote) if self.voted == seen.voted => {
                let end = seen.last.filter(|last| last.leader_id == vote && self.last < seen.last);
                end.map(|seen| Forgotten::Entries { seen })
            }
            _ => None,
        }
    }

    fn goes_on_from(&self, seen: &Boot) -> bool {
        self.boot == *seen || self.boot.number > seen.number
    }

    /// As another node sees it.
    pub fn seen_in(self, incarnation: NodeIncarnation) -> Seen {
        Seen { incarnation, boot: Some(self.boot), voted: self.voted, last: self.last }
    }
}

impl Seen {
    /// What a node shows by what it acknowledged to, or voted for, a leader.
    pub fn of_answer(incarnation: NodeIncarnation, vote: &Vote, last: Option<LogId>) -> Self {
        Self { incarnation, boot: None, voted: Some(vote.leader_id), last }
    }

    /// Takes along what is further than this. Messages may be late: what is behind changes nothing.
    pub fn learn(&mut self, now: &Self) {
        if self.incarnation != now.incarnation {
            *self = *now;
            return;
        }
        self.boot = self.boot.max(now.boot);
        if now.voted > self.voted {
            (self.voted, self.last) = (now.voted, now.last);
        } else if now.voted == self.voted {
            self.last = self.last.max(now.last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leader(term: u64) -> LeaderId {
        LeaderId { term, node_id: 1 }
    }

    fn end(term: u64, index: u64) -> Option<LogId> {
        Some(LogId::new(leader(term), index))
    }

    fn boot(number: u64) -> Boot {
        Boot { number, nonce: [number as u8; 16] }
    }

    fn standing(number: u64, term: u64, last: Option<LogId>) -> Standing {
        Standing { boot: boot(number), voted: Some(leader(term)), last }
    }

    fn seen(number: u64, term: u64, last: Option<LogId>) -> Seen {
        standing(number, term, last).seen_in(NodeIncarnation::default())
    }

    #[test]
    fn a_node_that_goes_on_has_forgotten_nothing() {
        let was = seen(3, 5, end(5, 20));
        for now in [standing(4, 5, end(5, 20)), standing(4, 5, end(5, 21)), standing(4, 6, end(4, 3))] {
            assert_eq!(now.forgotten(&was), None, "{now:?}");
        }
    }

    #[test]
    fn an_earlier_vote_is_noticed() {
        let now = standing(4, 4, end(4, 90));
        assert_eq!(now.forgotten(&seen(3, 5, end(4, 90))), Some(Forgotten::Vote { seen: leader(5) }));
        let empty = Standing { voted: None, last: None, ..now };
        assert_eq!(empty.forgotten(&seen(3, 5, None)), Some(Forgotten::Vote { seen: leader(5) }));
    }

    #[test]
    fn entries_of_the_same_leader_are_missed() {
        let (now, was) = (standing(4, 5, end(5, 19)), seen(3, 5, end(5, 20)));
        assert_eq!(now.forgotten(&was), Some(Forgotten::Entries { seen: end(5, 20).unwrap() }));
    }

    #[test]
    fn entries_that_a_new_leader_made_void_are_not_missed() {
        // It voted for leader 5, which cut its log at 17 before sending its own first entry.
        assert_eq!(standing(4, 5, end(4, 17)).forgotten(&seen(3, 5, end(4, 20))), None);
    }

    #[test]
    fn another_start_of_the_same_number_is_a_copy() {
        let was = seen(4, 5, None);
        let same = standing(4, 5, None);
        assert_eq!(same.forgotten(&was), None);
        let copy = Standing { boot: Boot { nonce: [9; 16], ..same.boot }, ..same };
        assert_eq!(copy.forgotten(&was), Some(Forgotten::Boot { seen: 4 }));
        assert_eq!(standing(3, 9, None).forgotten(&was), Some(Forgotten::Boot { seen: 4 }));
    }

    #[test]
    fn late_messages_change_nothing() {
        let mut memory = seen(4, 5, end(5, 20));
        for late in [seen(3, 5, end(5, 19)), seen(4, 4, end(4, 90)), seen(4, 5, None)] {
            memory.learn(&late);
            assert_eq!(memory, seen(4, 5, end(5, 20)));
        }
        let vote = Vote { leader_id: leader(6), committed: false };
        memory.learn(&Seen::of_answer(NodeIncarnation::default(), &vote, None));
        assert_eq!(memory, seen(4, 6, None));
    }

    #[test]
    fn a_new_life_begins_with_nothing() {
        let mut memory = seen(9, 9, end(9, 99));
        let fresh = Seen { incarnation: NodeIncarnation([1; 16]), ..seen(1, 1, None) };
        memory.learn(&fresh);
        assert_eq!(memory, fresh);
    }
}
