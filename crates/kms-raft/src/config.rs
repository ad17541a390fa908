//! openraft's run-time settings with the values that were measured for a Region (design, section 5).

use openraft::{Config, ConfigError, SnapshotPolicy};

/// What an operator may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuning {
    /// Time between heartbeats.
    pub heartbeat_ms: u64,
    /// Shortest wait for a leader before an election.
    pub election_min_ms: u64,
    /// Longest wait for a leader before an election.
    pub election_max_ms: u64,
    /// Entries between two snapshots.
    pub snapshot_every_entries: u64,
    /// Entries kept in the log although a snapshot covers them, for followers that are a little behind.
    pub kept_entries: u64,
    /// Most entries in one replication message.
    pub message_entries: u64,
    /// Longest time to send and install a snapshot.
    pub install_timeout_ms: u64,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            heartbeat_ms: 50,
            election_min_ms: 150,
            election_max_ms: 300,
            snapshot_every_entries: 4096,
            kept_entries: 1024,
            message_entries: 64,
            install_timeout_ms: 30_000,
        }
    }
}

/// The settings of a Region's group; an impossible tuning is refused.
pub fn raft_config(region: &str, tuning: Tuning) -> Result<Config, ConfigError> {
    Config {
        cluster_name: region.to_owned(),
        heartbeat_interval: tuning.heartbeat_ms,
        election_timeout_min: tuning.election_min_ms,
        election_timeout_max: tuning.election_max_ms,
        // A node that comes back from a partition must not depose a working leader.
        enable_pre_vote: Some(true),
        // A leader sends entries before its own disk has them, so after a crash its log may end before what a quorum of
        // followers holds. Restored in its old term it would give the same log ids to other entries, which followers
        // take for those they have: acknowledged writes lost, nodes that differ (A1, A3). A new term overwrites nothing.
        enable_leader_restore: Some(seeded!(RestoreLeader)),
        snapshot_policy: SnapshotPolicy::LogsSinceLast(tuning.snapshot_every_entries),
        max_in_snapshot_log_to_keep: tuning.kept_entries,
        // A follower this far behind is better served by a snapshot; must exceed the snapshot interval.
        replication_lag_threshold: tuning.snapshot_every_entries.saturating_add(tuning.kept_entries),
        max_payload_entries: tuning.message_entries,
        install_snapshot_timeout: tuning.install_timeout_ms,
        ..Config::default()
    }
    .validate()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid() {
        let config = raft_config("us-east-1", Tuning::default()).unwrap();
        assert_eq!(config.heartbeat_interval, 50);
        assert_eq!(config.enable_pre_vote, Some(true));
        assert_eq!(config.enable_leader_restore, Some(false));
    }

    #[test]
    fn elections_faster_than_heartbeats_are_refused() {
        let tuning = Tuning { election_min_ms: 40, ..Tuning::default() };
        assert!(raft_config("us-east-1", tuning).is_err());
    }
}
