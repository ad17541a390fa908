//! The few keys that need attention: something is to be installed, handed over or adopted.

use kms_state::{ControlRecord, MaterialInfo, Phase};
use kms_types::{KeyId, MaterialId, RecordVersion, Timestamp};

use crate::Machine;

/// One key that needs attention, and since when this machine has seen the same need.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    version: RecordVersion,
    awaited: Option<MaterialId>,
    /// When the need was noticed; the same awaited material is the same need under every version.
    pub(crate) since: Timestamp,
    /// When an alarm about it was last raised.
    pub(crate) alarmed_at: Option<Timestamp>,
}

impl Machine {
    /// Looks at a key whose committed record or material has changed.
    pub(crate) fn rewatch(&mut self, key: KeyId) {
        let Some(record) = self.committed(&key).filter(|record| self.needs_watch(record)) else {
            self.watch.remove(&key);
            self.primary.forget(&key);
            return;
        };
        let awaited = record.staged().or_else(|| record.pending_import()).map(|m| m.id);
        match self.watch.get_mut(&key) {
            Some(watch) if watch.version == record.version => {}
            Some(watch) if awaited.is_some() && watch.awaited == awaited => {
                watch.version = record.version.clone()
            }
            _ => {
                let version = record.version.clone();
                self.watch.insert(key, Watch { version, awaited, since: self.now, alarmed_at: None });
            }
        }
    }

    fn needs_watch(&self, record: &ControlRecord) -> bool {
        let displaced = self.register(&record.key).is_some_and(|r| !r.displaced.is_empty());
        let shared = record.is_member(&self.region)
            && (record.awaits_installation()
                || matches!(record.phase, Phase::Updating { .. })
                || self.missing(record).next().is_some());
        !record.is_destroyed() && (displaced || shared)
    }

    /// The materials that this Region should get from other members under `record` and does not hold. Imported ones
    /// come from the caller, never from another Region.
    pub(crate) fn missing<'a>(&'a self, record: &'a ControlRecord) -> impl Iterator<Item = &'a MaterialInfo> {
        let member = record.is_member(&self.region) && !record.is_destroyed();
        let key = self.state.key(&record.key).filter(|_| member);
        record.transferable_materials().filter(move |m| key.is_some_and(|k| !k.held.contains_key(&m.id)))
    }

    /// How long the same need of `key` has been watched.
    pub(crate) fn watched_ms(&self, key: &KeyId) -> u64 {
        self.watch.get(key).map_or(0, |watch| self.now.millis_since(watch.since))
    }
}
