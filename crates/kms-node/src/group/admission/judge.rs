//! What a node that starts concludes from what the others say of it. A pure function: no clock, no network.

use kms_raft::{Forgotten, LogId, NodeIncarnation, Standing};
use kms_transport::{Found, Opinion};
use kms_types::NodeId;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// A node that starts, and what it knows by itself.
pub(super) struct Starting<'a> {
    pub(super) node: NodeId,
    pub(super) standing: &'a Standing,
    /// Its life as a member, and the entry that set the members, by its own log.
    pub(super) life: Option<(Option<LogId>, NodeIncarnation)>,
    /// Who votes, by its own log or else by its configuration.
    pub(super) voters: BTreeSet<NodeId>,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It takes part: in this life as a member, or in none while there are no members yet.
    Admitted(Option<NodeIncarnation>),
    /// It asks again soon.
    Waits(Wait),
    /// It takes no part. It asks again, rarely: it may be removed and added.
    Refused(Refusal),
}

/// Why a node waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// Too few of the others have answered.
    Answers {
        /// Nodes that have nothing against it, itself included.
        have: usize,
        /// How many it takes.
        need: usize,
    },
    /// It has no history, and is no member yet.
    Invitation,
}

/// Why a node is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its disk was set back to an earlier state, or emptied.
    WentBack {
        /// Who remembers.
        by: NodeId,
        /// What.
        forgotten: Forgotten,
    },
    /// Another process answers in its name at the address that the members have for it.
    Another,
    /// It has a history, and is a member no more.
    Removed,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answers { have, need } => write!(f, "{have} of {need} nodes agree that it takes part"),
            Self::Invitation => f.write_str("it is no member of its Region yet"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WentBack { by, forgotten } => {
                write!(f, "it went back to an earlier state of its disk: node {by} remembers {forgotten}")
            }
            Self::Another => {
                f.write_str("another process runs as this node, at the address that its Region has for it")
            }
            Self::Removed => f.write_str("it was removed from its Region"),
        }
    }
}

impl Starting<'_> {
    /// One node that has seen it further is enough to refuse it; a majority, itself included, has to have nothing
    /// against it. Who goes by an older list of members knows nothing of a life that began since, and has nothing against it.
    pub(super) fn judge(&self, opinions: &BTreeMap<NodeId, Opinion>) -> Verdict {
        let members = opinions.values().filter_map(|opinion| opinion.members.as_ref());
        let newest = members.max_by_key(|members| members.set_by);
        // Its own list counts where it is the newer one: those who answer may have been away when it was added again.
        let own = self.life.filter(|(set_by, _)| newest.is_none_or(|newest| newest.set_by < *set_by));
        let (life, voters) = match (own, newest) {
            (Some((_, life)), _) => (Some(life), self.voters.clone()),
            (None, None) => (None, self.voters.clone()),
            (None, Some(newest)) => match newest.incarnation {
                Some(life) => (Some(life), newest.voters.iter().copied().collect()),
                None if self.standing.last.is_some() => return Verdict::Refused(Refusal::Removed),
                None => return Verdict::Waits(Wait::Invitation),
            },
        };
        self.count(opinions, life, voters)
    }

    fn count(
        &self,
        opinions: &BTreeMap<NodeId, Opinion>,
        life: Option<NodeIncarnation>,
        voters: BTreeSet<NodeId>,
    ) -> Verdict {
        let (mut agree, mut another) = (BTreeSet::from([self.node]), false);
        for (by, opinion) in opinions {
            let members = opinion.members.as_ref().filter(|members| members.incarnation == life);
            let seen = opinion.seen.filter(|_| members.is_some());
            if let Some(forgotten) = seen.and_then(|seen| self.standing.forgotten(&seen)) {
                return Verdict::Refused(Refusal::WentBack { by: *by, forgotten });
            }
            match members.map_or(Found::Unasked, |members| members.found) {
                Found::It | Found::Unasked => drop(agree.insert(*by)),
                Found::Another => another = true,
                Found::Nobody => {}
            }
        }
        if another {
            return Verdict::Refused(Refusal::Another);
        }
        let electorate: BTreeSet<NodeId> = voters.into_iter().chain([self.node]).collect();
        let (have, need) = (agree.intersection(&electorate).count(), electorate.len() / 2 + 1);
        match have >= need {
            true => Verdict::Admitted(life),
            false => Verdict::Waits(Wait::Answers { have, need }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kms_raft::{Boot, LeaderId};
    use kms_transport::MembersOpinion;

    const FIRST: NodeIncarnation = NodeIncarnation([0; 16]);
    const SECOND: NodeIncarnation = NodeIncarnation([1; 16]);

    fn log_id(term: u64, index: u64) -> LogId {
        LogId::new(LeaderId { term, node_id: 1 }, index)
    }

    fn standing(number: u64, term: u64, index: u64) -> Standing {
        let last = log_id(term, index);
        let boot = Boot { number, nonce: [number as u8; 16] };
        Standing { boot, voted: Some(last.leader_id), last: Some(last) }
    }

    fn empty() -> Standing {
        Standing { boot: Boot { number: 1, nonce: [7; 16] }, voted: None, last: None }
    }

    fn opinion(set_at: u64, life: Option<NodeIncarnation>, seen: Option<Standing>) -> Opinion {
        let seen = seen.map(|seen| seen.seen_in(life.unwrap_or_default()));
        let members = MembersOpinion {
            set_by: Some(log_id(1, set_at)),
            voters: vec![1, 2, 3],
            incarnation: life,
            found: Found::It,
        };
        Opinion { members: Some(members), seen }
    }

    fn found(mut opinion: Opinion, found: Found) -> Opinion {
        opinion.members.as_mut().unwrap().found = found;
        opinion
    }

    fn judge(own: &Standing, opinions: &[(NodeId, Opinion)]) -> Verdict {
        judge_in(None, own, opinions)
    }

    fn judge_in(
        life: Option<(u64, NodeIncarnation)>,
        own: &Standing,
        opinions: &[(NodeId, Opinion)],
    ) -> Verdict {
        let life = life.map(|(set_at, life)| (Some(log_id(1, set_at)), life));
        let starting = Starting { node: 3, standing: own, life, voters: BTreeSet::from([1, 2, 3]) };
        starting.judge(&opinions.iter().cloned().collect())
    }

    fn went_back(verdict: Verdict) -> bool {
        matches!(verdict, Verdict::Refused(Refusal::WentBack { .. }))
    }

    #[test]
    fn a_majority_with_itself_is_enough() {
        let own = standing(5, 2, 9);
        let agrees = (1, opinion(0, Some(FIRST), Some(standing(4, 2, 9))));
        assert_eq!(judge(&own, &[agrees]), Verdict::Admitted(Some(FIRST)));
        assert_eq!(judge(&own, &[]), Verdict::Waits(Wait::Answers { have: 1, need: 2 }));
    }

    #[test]
    fn one_that_remembers_more_is_enough_to_refuse() {
        let own = standing(5, 2, 8);
        let agrees = (1, opinion(0, Some(FIRST), None));
        let remembers = (2, opinion(0, Some(FIRST), Some(standing(4, 2, 9))));
        assert!(went_back(judge(&own, &[agrees, remembers])));
    }

    #[test]
    fn an_emptied_member_is_refused() {
        let remembers = (1, opinion(0, Some(FIRST), Some(standing(1, 2, 9))));
        assert!(went_back(judge(&empty(), &[remembers])));
    }

    #[test]
    fn a_new_region_begins_with_a_majority_of_empty_nodes() {
        let blank = Opinion { members: None, seen: None };
        assert_eq!(judge(&empty(), &[]), Verdict::Waits(Wait::Answers { have: 1, need: 2 }));
        assert_eq!(judge(&empty(), &[(2, blank)]), Verdict::Admitted(None));
    }

    #[test]
    fn a_new_node_waits_until_it_is_added() {
        let before = [(1, opinion(0, None, None)), (2, opinion(0, None, None))];
        assert_eq!(judge(&empty(), &before), Verdict::Waits(Wait::Invitation));
        let after = [(1, opinion(5, Some(SECOND), None)), (2, opinion(0, None, None))];
        assert_eq!(judge(&empty(), &after), Verdict::Admitted(Some(SECOND)));
    }

    #[test]
    fn a_removed_node_is_refused() {
        let gone = [(1, opinion(9, None, None)), (2, opinion(0, Some(FIRST), Some(standing(4, 2, 8))))];
        assert_eq!(judge(&standing(5, 2, 9), &gone), Verdict::Refused(Refusal::Removed));
    }

    #[test]
    fn a_member_that_was_added_again_is_not_held_to_its_earlier_life() {
        let lags = (2, opinion(0, Some(FIRST), Some(standing(9, 9, 9))));
        let knows = (1, opinion(5, Some(SECOND), None));
        assert_eq!(judge(&empty(), &[lags.clone(), knows]), Verdict::Admitted(Some(SECOND)));
        assert!(went_back(judge(&empty(), &[lags])), "nobody says that it was added again");
    }

    /// The one that answers was away when the node was removed and added again; the third is silent.
    #[test]
    fn its_own_list_of_members_counts_where_it_is_newer() {
        let own = standing(2, 5, 40);
        let was_away = (1, opinion(0, Some(FIRST), Some(standing(9, 4, 30))));
        assert!(went_back(judge_in(Some((0, FIRST)), &own, std::slice::from_ref(&was_away))));
        assert_eq!(judge_in(Some((5, SECOND)), &own, &[was_away]), Verdict::Admitted(Some(SECOND)));
        let newer = (1, opinion(9, None, None));
        assert_eq!(judge_in(Some((5, SECOND)), &own, &[newer]), Verdict::Refused(Refusal::Removed));
    }

    #[test]
    fn a_copy_elsewhere_is_refused_while_the_node_runs() {
        let own = standing(5, 2, 9);
        let same = opinion(0, Some(FIRST), Some(standing(4, 2, 9)));
        let sees_another = (1, found(same.clone(), Found::Another));
        assert_eq!(judge(&own, &[sees_another]), Verdict::Refused(Refusal::Another));
        let sees_nobody = [(1, found(same.clone(), Found::Nobody)), (2, found(same, Found::Nobody))];
        assert_eq!(judge(&own, &sees_nobody), Verdict::Waits(Wait::Answers { have: 1, need: 2 }));
    }
}
