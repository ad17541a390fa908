//! When keys and access keys were last used: noted in memory with every successful cryptographic call, and with every
//! verified one, and brought into the replicated state in batches, so that a call costs no log entry.
//!
//! What a node that is killed had noted since its last batch is lost; the audit log has it.

use kms_state::{AccessKeyUsage, Command, LastUsage, Origin, Outcome, Proposal, UsedAccessKey, UsedKey};
use kms_types::{Entropy, KeyId, ProposalId};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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
pub(crate) struct UsageLog(Mutex<Noted>);

#[derive(Default)]
struct Noted {
    keys: BTreeMap<KeyId, LastUsage>,
    access_keys: BTreeMap<String, AccessKeyUsage>,
}

/// One entry's worth.
#[derive(Debug, Clone, Default)]
struct Batch {
    keys: Vec<UsedKey>,
    access_keys: Vec<UsedAccessKey>,
}

impl UsageLog {
    /// Notes a use. An older one than what is noted changes nothing.
    pub(crate) fn note(&self, key: KeyId, last: LastUsage) {
        let mut noted = self.noted();
        let place = noted.keys.entry(key).or_insert(last);
        if last.at >= place.at {
            *place = last;
        }
    }

    /// Notes that a request was signed with an access key.
    pub(crate) fn note_access_key(&self, id: &str, last: AccessKeyUsage) {
        let mut noted = self.noted();
        match noted.access_keys.get_mut(id) {
            Some(place) if last.at >= place.at => *place = last,
            Some(_) => {}
            None => drop(noted.access_keys.insert(id.to_owned(), last)),
        }
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, most: usize) -> Batch {
        let (mut noted, mut batch) = (self.noted(), Batch::default());
        while batch.len() < most {
            let Some((key, last)) = noted.keys.pop_first() else { break };
            batch.keys.push(UsedKey { key, last });
        }
        while batch.len() < most {
            let Some((id, last)) = noted.access_keys.pop_first() else { break };
            batch.access_keys.push(UsedAccessKey { id, last });
        }
        batch
    }

    fn put_back(&self, batch: Batch) {
        batch.keys.into_iter().for_each(|used| self.note(used.key, used.last));
        batch.access_keys.into_iter().for_each(|used| self.note_access_key(&used.id, used.last));
    }
}

impl Batch {
    fn len(&self) -> usize {
        self.keys.len() + self.access_keys.len()
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
        let batch = log.take(BATCH);
        if batch.len() == 0 {
            return;
        }
        let full = batch.len() == BATCH;
        if !propose(group, batch.clone()).await {
            return log.put_back(batch);
        }
        if !full {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn propose(group: &Group, Batch { keys, access_keys }: Batch) -> bool {
    let entropy: &mut dyn Entropy = &mut OsEntropy;
    let proposal = Proposal {
        id: ProposalId::from_random(entropy.array()),
        origin: Origin::Service { node: group.node() },
        expect: None,
        command: Command::RecordUsage { keys, access_keys },
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
    use kms_state::UsedService;
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
        let times: Vec<u64> = log.take(10).keys.iter().map(|k| k.last.at.as_millis()).collect();
        assert_eq!(times, [30, 20]);
        assert_eq!(log.take(10).len(), 0);
    }

    #[test]
    fn a_batch_is_bounded_and_leaves_the_rest() {
        let log = UsageLog::default();
        (0..5).for_each(|n| log.note(key(n), used(1)));
        assert_eq!(log.take(3).len(), 3);
        assert_eq!(log.take(3).len(), 2);
    }

    #[test]
    fn access_keys_fill_what_keys_leave_and_come_back_when_nothing_was_recorded() {
        let log = UsageLog::default();
        (0..2).for_each(|n| log.note(key(n), used(1)));
        let at = |ms| AccessKeyUsage { at: Timestamp::from_millis(ms), service: UsedService::Kms };
        for (id, ms) in [("AKIA1", 5), ("AKIA2", 6), ("AKIA1", 9), ("AKIA1", 7)] {
            log.note_access_key(id, at(ms));
        }
        let batch = log.take(3);
        assert_eq!((batch.keys.len(), batch.access_keys.len()), (2, 1));
        assert_eq!(batch.access_keys, [UsedAccessKey { id: "AKIA1".into(), last: at(9) }]);
        log.put_back(batch);
        assert_eq!(log.take(10).len(), 4);
    }
}
