//! When keys were last used: noted in memory with every successful cryptographic call, and brought into the replicated
//! state in batches, so that a call costs no log entry.
//!
//! What a node that is killed had noted since its last batch is lost; the audit log has it.

use kms_state::{Command, LastUsage, Origin, Outcome, Proposal, UsedKey};
use kms_types::{Entropy, KeyId, ProposalId};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

use crate::{entropy::OsEntropy, group::Group};

/// Keys in one entry.
const BATCH: usize = 1_000;
/// Between two entries of one node, so that callers' writes keep their share of the log.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a batch may take; it stays noted when it takes longer.
const DEADLINE: Duration = Duration::from_secs(2);

/// The uses that are not in the state yet; one per key, the newest.
#[derive(Default)]
pub(crate) struct UsageLog(Mutex<BTreeMap<KeyId, LastUsage>>);

impl UsageLog {
    /// Notes a use. An older one than what is noted changes nothing.
    pub(crate) fn note(&self, key: KeyId, last: LastUsage) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = noted.entry(key).or_insert(last);
        if last.at >= place.at {
            *place = last;
        }
    }

    fn take(&self, most: usize) -> Vec<UsedKey> {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = Vec::new();
        while taken.len() < most {
            let Some((key, last)) = noted.pop_first() else { break };
            taken.push(UsedKey { key, last });
        }
        taken
    }
}

/// Brings notes into the state every `interval`, until `stop`.
pub(crate) async fn run(group: Group, log: Arc<UsageLog>, interval: Duration, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        flush(&group, &log).await;
    }
}

/// Brings everything noted into the state, a batch at a time. Stops at the first batch that does not get there.
pub(crate) async fn flush(group: &Group, log: &UsageLog) {
    loop {
        let keys = log.take(BATCH);
        if keys.is_empty() {
            return;
        }
        let full = keys.len() == BATCH;
        if !propose(group, keys.clone()).await {
            keys.into_iter().for_each(|used| log.note(used.key, used.last));
            return;
        }
        if !full {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn propose(group: &Group, keys: Vec<UsedKey>) -> bool {
    let entropy: &mut dyn Entropy = &mut OsEntropy;
    let proposal = Proposal {
        id: ProposalId::from_random(entropy.array()),
        origin: Origin::Service { node: group.node() },
        expect: None,
        command: Command::RecordUsage { keys },
    };
    match group.propose_within(proposal, DEADLINE).await {
        Ok(Outcome::Refused(refusal)) => {
            tracing::warn!(%refusal, "uses of keys not recorded");
            true
        }
        Ok(_) => true,
        Err(error) => {
            tracing::debug!(%error, "uses of keys not recorded yet");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kms_types::{KeyIdKind, RequestId, Timestamp, UsageOperation};

    fn key(n: u8) -> KeyId {
        KeyId::from_parts(KeyIdKind::SingleRegion, [n; 16])
    }

    fn used(ms: u64) -> LastUsage {
        let id = RequestId::from_random([7; 16]);
        LastUsage {
            at: Timestamp::from_millis(ms),
            operation: UsageOperation::Encrypt,
            request: id,
            event: id,
        }
    }

    #[test]
    fn the_newest_use_of_each_key_is_kept() {
        let log = UsageLog::default();
        for (n, ms) in [(1, 10), (2, 20), (1, 30), (2, 5)] {
            log.note(key(n), used(ms));
        }
        let times: Vec<u64> = log.take(10).iter().map(|k| k.last.at.as_millis()).collect();
        assert_eq!(times, [30, 20]);
        assert!(log.take(10).is_empty());
    }

    #[test]
    fn a_batch_is_bounded_and_leaves_the_rest() {
        let log = UsageLog::default();
        (0..5).for_each(|n| log.note(key(n), used(1)));
        assert_eq!(log.take(3).len(), 3);
        assert_eq!(log.take(3).len(), 2);
    }
}
