//! Region time: the leader samples the voters' clocks and proposes their median.
//!
//! A wrong clock on one node moves Region time by nothing: the median of a majority lies between two right ones, and
//! `apply` never moves it back. Without answers of a majority Region time stands still.

use super::{Group, GroupParts, leader::Leader};
use kms_state::{Command, Origin, Proposal};
use kms_types::{Entropy, NodeId, ProposalId, Timestamp};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

const INTERVAL: Duration = Duration::from_secs(1);
const SAMPLE_TIMEOUT: Duration = Duration::from_millis(300);
/// A tick that is not committed by then is old anyway.
const TICK_DEADLINE: Duration = Duration::from_millis(800);

/// Runs until it is dropped. Every node runs it; only the leader does anything. `entropy` names the proposals.
pub async fn run_region_clock(group: Group, mut entropy: impl Entropy + Send) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if group.is_leader() && group.applied().state.is_bootstrapped() {
            tick(&group, &mut entropy).await;
        }
    }
}

async fn tick(group: &Group, entropy: &mut (dyn Entropy + Send)) {
    let Some(now) = group.core.median_clock().await else {
        tracing::warn!("no majority of the voters' clocks answers; Region time stands still");
        return;
    };
    if now <= group.applied().state.outside_time() {
        return;
    }
    let proposal = Proposal {
        id: proposal_id(entropy),
        origin: Origin::Service { node: group.core.node },
        expect: None,
        command: Command::Tick { now },
    };
    if let Err(error) = group.propose_within(proposal, TICK_DEADLINE).await {
        tracing::debug!(%error, "Region time did not move");
    }
}

fn proposal_id(entropy: &mut (dyn Entropy + Send)) -> ProposalId {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    ProposalId::from_random(bytes)
}

impl GroupParts {
    async fn median_clock(&self) -> Option<Timestamp> {
        let voters: Vec<NodeId> = self.raft.voter_ids().collect();
        let samples = futures::future::join_all(voters.iter().map(|voter| self.sample(*voter))).await;
        median(samples.into_iter().flatten().collect(), voters.len())
    }

    async fn sample(&self, voter: NodeId) -> Option<Timestamp> {
        match self.find_leader(Some(voter))? {
            Leader::Here => Some(self.clock.now()),
            Leader::There(id, peer) => self.client.clock(id, &peer, SAMPLE_TIMEOUT).await.ok(),
        }
    }
}

/// The lower median, if a majority of the voters answered.
fn median(mut samples: Vec<Timestamp>, voters: usize) -> Option<Timestamp> {
    if samples.len() * 2 <= voters {
        return None;
    }
    samples.sort_unstable();
    if seeded!(FastestClock) {
        return samples.last().copied();
    }
    samples.get((samples.len() - 1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn median_of(samples: &[u64], voters: usize) -> Option<u64> {
        median(samples.iter().map(|ms| Timestamp::from_millis(*ms)).collect(), voters)
            .map(Timestamp::as_millis)
    }

    #[test]
    fn the_median_is_the_lower_one() {
        assert_eq!(median_of(&[30, 10, 20], 3), Some(20));
        assert_eq!(median_of(&[30, 10], 3), Some(10));
        assert_eq!(median_of(&[10], 1), Some(10));
        assert_eq!(median_of(&[40, 30, 20, 10], 5), Some(20));
    }

    #[test]
    fn one_wrong_clock_moves_nothing() {
        assert_eq!(median_of(&[10, 11, u64::MAX], 3), Some(11));
        assert_eq!(median_of(&[0, 10, 11], 3), Some(10));
    }

    #[test]
    fn a_minority_has_no_median() {
        assert_eq!(median_of(&[10], 3), None);
        assert_eq!(median_of(&[10, 20], 4), None);
        assert_eq!(median_of(&[], 0), None);
    }
}
