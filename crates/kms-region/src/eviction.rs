//! Rule 6: removing a member by a committed record; its own acknowledgement is not needed.

use kms_types::{KeyId, Region, Timestamp};

use crate::{EvictScope, KeyResult, Machine};

#[derive(Debug, Clone, Default)]
pub(crate) struct Evictions(Vec<Eviction>);

#[derive(Debug, Clone)]
struct Eviction {
    key: KeyId,
    region: Region,
    request: u64,
    deadline: Timestamp,
}

impl Evictions {
    pub(crate) fn is_idle(&self) -> bool {
        self.0.is_empty()
    }
}

impl Machine {
    pub(crate) fn evict(&mut self, region: Region, scope: EvictScope, request: u64) {
        let keys = match scope {
            EvictScope::Key(key) => vec![key],
            EvictScope::All => self.keys_evicting(&region),
        };
        self.open_request(request, &keys);
        let deadline = self.now.plus_millis(self.config.majority_ms);
        for key in keys {
            match self.refuses_eviction(&key, &region) {
                Some(result) => self.finish_key(Some(request), key, result),
                None => self.evictions.0.push(Eviction { key, region: region.clone(), request, deadline }),
            }
        }
    }

    fn keys_evicting(&self, region: &Region) -> Vec<KeyId> {
        let committed = self.state.registers().filter_map(|(_, register)| register.committed.as_ref());
        let own = committed.filter(|c| c.primary == self.region && c.is_member(region));
        own.map(|c| c.key).collect()
    }

    fn refuses_eviction(&self, key: &KeyId, region: &Region) -> Option<KeyResult> {
        let Some(record) = self.committed(key) else { return Some(KeyResult::NotFound) };
        match () {
            () if record.is_destroyed() => Some(KeyResult::Destroyed),
            () if record.primary != self.region => Some(KeyResult::NotPrimary),
            () if record.primary == *region => Some(KeyResult::IsPrimary),
            () if !record.is_member(region) => Some(KeyResult::NotMember),
            () => None,
        }
    }

    pub(crate) fn run_evictions(&mut self) {
        for eviction in std::mem::take(&mut self.evictions.0) {
            match self.eviction_result(&eviction) {
                None => {
                    self.primary.want_removal(eviction.key, eviction.region.clone());
                    self.evictions.0.push(eviction);
                }
                Some(result) => {
                    self.primary.drop_removal(&eviction.key, &eviction.region);
                    self.finish_key(Some(eviction.request), eviction.key, result);
                }
            }
        }
    }

    fn eviction_result(&self, eviction: &Eviction) -> Option<KeyResult> {
        let record = self.committed(&eviction.key)?;
        match self.refuses_eviction(&eviction.key, &eviction.region) {
            Some(KeyResult::NotMember) => Some(KeyResult::Removed { version: record.version.clone() }),
            None if self.now >= eviction.deadline => Some(self.unconfirmed(&eviction.key)),
            other => other,
        }
    }

    /// Proposed or not, it was not agreed in time.
    pub(crate) fn unconfirmed(&self, key: &KeyId) -> KeyResult {
        KeyResult::Unconfirmed { missing: self.silent_in_round(key) }
    }
}
