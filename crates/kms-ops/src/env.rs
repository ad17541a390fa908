//! What a decision may use besides the call and the view: randomness and the domain keys. No clock: time is Region time.

use kms_crypto::DomainKey;
use kms_types::Entropy;
use std::sync::Arc;

use crate::Settings;

/// The environment of one decision.
pub struct Env<'a> {
    /// Randomness.
    pub entropy: &'a mut dyn Entropy,
    /// The domain keys that this node could open.
    pub keyring: &'a dyn KeyRing,
    /// What this deployment is configured to allow.
    pub settings: &'a Settings,
}

/// The Region's domain keys, as far as this node could open them.
pub trait KeyRing {
    /// The domain key of this version.
    fn domain_key(&self, version: u32) -> Option<Arc<DomainKey>>;

    /// The newest domain key, under which new material is wrapped.
    fn current_domain_key(&self) -> Option<Arc<DomainKey>>;
}
