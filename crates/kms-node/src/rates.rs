//! Request-rate quotas [KMS:requests-per-second]: token buckets per account and request class.
//!
//! Each node counts for itself, so that a Region of three nodes lets through up to three times a quota when calls are
//! spread. Nothing is replicated: a bucket is full again after a second, and after a restart.

mod bucket;
mod class;

use kms_ops::iam::Action;
use kms_state::State;
use kms_types::{AccountId, Operation};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};
use tokio::time::Instant;

use bucket::Bucket;
pub(crate) use class::Class;

/// The rates of one node.
pub(crate) struct Rates {
    /// Calls per second by class; `None` lets everything through.
    limits: Option<BTreeMap<String, f64>>,
    buckets: Mutex<HashMap<(AccountId, Class), Bucket>>,
}

/// How rates are limited, from the configuration.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestRates {
    /// Whether requests are counted at all.
    #[serde(default)]
    pub mode: RateMode,
    /// Calls per second and account on one node, by class, in the place of AWS's default.
    #[serde(default)]
    pub per_second: BTreeMap<String, f64>,
}

/// Whether requests are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RateMode {
    /// Nothing is refused for its rate.
    #[default]
    Off,
    /// AWS's default quotas, unless `per_second` says otherwise.
    Aws,
}

impl RequestRates {
    /// The first entry that names no class, or is no rate.
    pub(crate) fn wrong_entry(&self) -> Option<&str> {
        let wrong =
            |(name, rate): &(&String, &f64)| !Class::exists(name) || !rate.is_finite() || **rate < 0.0;
        self.per_second.iter().find(wrong).map(|(name, _)| name.as_str())
    }
}

impl Rates {
    /// From the configuration.
    pub(crate) fn new(config: &RequestRates) -> Self {
        let limits = match config.mode {
            RateMode::Off => None,
            RateMode::Aws => Some(config.per_second.clone()),
        };
        Self { limits, buckets: Mutex::default() }
    }

    /// Takes the share of one call of IAM or STS; false when the account has used up its class.
    pub(crate) fn admit_query(&self, account: AccountId, action: Action) -> bool {
        let Some(limits) = &self.limits else { return true };
        self.take(limits, account, Class::of_query(action))
    }

    /// Takes one call's share; false when the account has used up its class.
    ///
    /// `object` is the request's body: the class of some operations depends on the key it names. An old view of the
    /// state serves for that, since a key never changes its spec.
    pub(crate) fn admit(
        &self,
        state: &State,
        account: AccountId,
        operation: Operation,
        object: &Map<String, Value>,
    ) -> bool {
        let Some(limits) = &self.limits else { return true };
        self.take(limits, account, Class::of(state, account, operation, object))
    }

    fn take(&self, limits: &BTreeMap<String, f64>, account: AccountId, class: Class) -> bool {
        let rate = limits.get(class.name()).copied().unwrap_or_else(|| class.aws_default());
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.entry((account, class)).or_insert_with(|| Bucket::full(rate, now)).take(rate, now)
    }
}

#[cfg(test)]
mod tests;
