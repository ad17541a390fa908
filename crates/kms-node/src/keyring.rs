//! The Region's domain keys, opened once with the root key and kept in memory only.
//!
//! The root-key provider is needed at start; running nodes serve without it (failure case 23).

use kms_crypto::{DomainKey, RootKey};
use kms_ops::KeyRing;
use kms_state::State;
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

/// The domain keys that this node could open.
pub struct RegionKeyRing {
    root: Option<Arc<RootKey>>,
    opened: RwLock<BTreeMap<u32, Arc<DomainKey>>>,
}

impl RegionKeyRing {
    /// An empty ring; a witness has no root key and opens nothing.
    pub fn new(root: Option<Arc<RootKey>>) -> Self {
        Self { root, opened: RwLock::default() }
    }

    /// Opens the domain keys of `state` that are not open yet. Cheap when there is nothing new.
    pub fn follow(&self, state: &State) {
        let Some(root) = &self.root else { return };
        let recipient = root.recipient();
        for wrapped in state.domain_keys().filter(|w| w.recipient == recipient) {
            if self.domain_key(wrapped.version).is_some() {
                continue;
            }
            match root.unwrap_domain_key(wrapped) {
                Ok(key) => self.insert(key),
                Err(error) => tracing::error!(version = wrapped.version, %error, "domain key does not open"),
            }
        }
    }

    fn insert(&self, key: DomainKey) {
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        opened.insert(key.version(), Arc::new(key));
    }
}

impl KeyRing for RegionKeyRing {
    fn domain_key(&self, version: u32) -> Option<Arc<DomainKey>> {
        self.opened.read().unwrap_or_else(PoisonError::into_inner).get(&version).cloned()
    }

    fn current_domain_key(&self) -> Option<Arc<DomainKey>> {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        opened.last_key_value().map(|(_, key)| key.clone())
    }
}
