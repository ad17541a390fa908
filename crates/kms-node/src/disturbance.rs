//! What a cluster for tests does to one of its nodes on purpose (docs/adr/0016). A node that is not configured as part of one
//! has none of it.

use kms_types::Region;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};
use tokio::sync::watch;

/// Everything that is wrong with a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Disturbance {
    /// How far its clock is ahead of the machine's; negative if behind.
    pub skew_ms: i64,
    /// Its files cannot grow. The binary sees to it, since it is a matter of the whole process.
    pub disk_full: bool,
    /// By Region: how long key material from there waits before it is installed, and how long this node waits before it asks
    /// for promises, in milliseconds.
    pub slow_replication_ms: BTreeMap<Region, u64>,
}

/// Follows what is wrong.
pub type Disturbances = watch::Receiver<Disturbance>;

impl Disturbance {
    /// Nothing, for ever.
    pub fn none() -> Disturbances {
        watch::channel(Self::default()).1
    }

    /// How long material of `from` waits.
    pub(crate) fn slowness(&self, from: &Region) -> Duration {
        Duration::from_millis(self.slow_replication_ms.get(from).copied().unwrap_or_default())
    }

    /// How long this node waits before it asks other Regions for promises.
    pub(crate) fn candidate_slowness(&self) -> Duration {
        Duration::from_millis(self.slow_replication_ms.values().copied().max().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_the_supervisor_writes_it() {
        let text = r#"{"skew_ms":-90000,"disk_full":true,"slow_replication_ms":{"eu-west-1":20000}}"#;
        let disturbance: Disturbance = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&disturbance).unwrap(), text);
        assert_eq!(disturbance.slowness(&"eu-west-1".parse().unwrap()), Duration::from_secs(20));
        assert_eq!(disturbance.slowness(&"us-east-1".parse().unwrap()), Duration::ZERO);
        assert_eq!(disturbance.candidate_slowness(), Duration::from_secs(20));
        assert_eq!(serde_json::from_str::<Disturbance>("{}").unwrap(), Disturbance::default());
    }
}
