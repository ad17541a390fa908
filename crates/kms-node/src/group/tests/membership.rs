use super::cluster::{TestCluster, eventually, tick};
use crate::group::ChangeError;
use kms_raft::Tuning;
use kms_types::Timestamp;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);

/// Snapshots every few entries, and nearly nothing kept in the log: whoever is behind needs a snapshot.
fn eager_snapshots() -> Tuning {
    Tuning { snapshot_every_entries: 20, kept_entries: 2, ..Tuning::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_learner_catches_up_is_promoted_and_an_old_voter_removed() {
    let mut cluster = TestCluster::start(3).await;
    cluster.group(1).propose(tick(1)).await.unwrap();
    let leader = cluster.leader().await;
    cluster.run(4).await;
    let address = cluster.node(4).peer.cluster.clone();
    cluster.group(leader).add_learner(4, address, String::new()).await.unwrap();
    let view = cluster.group(4).read_view_within(LONG).await.unwrap();
    assert_eq!(view.state.region_time(), Timestamp::from_millis(1));
    cluster.group(leader).promote(4).await.unwrap();
    let old = cluster.follower().await;
    cluster.group(leader).remove(old).await.unwrap();
    let status = cluster.group(leader).status();
    assert!(status.members.iter().any(|member| member.node == 4 && member.voter));
    assert!(!status.members.iter().any(|member| member.node == old));
    cluster.stop(old).await;
    cluster.group(4).propose_within(tick(2), LONG).await.unwrap();
    cluster.converge().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_disk_was_replaced_is_removed_and_added_again() {
    let mut cluster = TestCluster::start_tuned(3, eager_snapshots()).await;
    let lost = cluster.follower().await;
    let leader = cluster.leader().await;
    cluster.stop(lost).await;
    cluster.wipe(lost);
    for value in 1..=100 {
        cluster.group(leader).propose_within(tick(value), LONG).await.unwrap();
    }
    let leader = cluster.leader().await;
    cluster.group(leader).remove(lost).await.unwrap();
    cluster.run(lost).await;
    let address = cluster.node(lost).peer.cluster.clone();
    cluster.group(leader).add_learner(lost, address, String::new()).await.unwrap();
    cluster.group(leader).promote(lost).await.unwrap();
    let status = cluster.group(leader).status();
    assert!(status.snapshot_index.is_some_and(|index| index > 20), "the log must not reach back: {status:?}");
    let view = cluster.group(lost).read_view_within(LONG).await.unwrap();
    assert_eq!(view.state.region_time(), Timestamp::from_millis(100));
    cluster.converge().await;
}

/// The leader remembers what the node acknowledged; the group goes on without it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a5_a_voter_that_forgot_acknowledged_entries_is_not_talked_to() {
    let mut cluster = TestCluster::start(3).await;
    let (leader, lost) = (cluster.leader().await, cluster.follower().await);
    cluster.group(leader).propose(tick(1)).await.unwrap();
    cluster.converge().await;
    cluster.stop(lost).await;
    cluster.wipe(lost);
    cluster.run(lost).await;
    for value in 2..=30 {
        cluster.group(leader).propose_within(tick(value), LONG).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(cluster.group(leader).leader(), Some(leader));
    assert_eq!(cluster.group(lost).applied().index, 0);
    cluster.group(leader).remove(lost).await.unwrap();
    let address = cluster.node(lost).peer.cluster.clone();
    cluster.group(leader).add_learner(lost, address, String::new()).await.unwrap();
    cluster.converge().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_members_are_refused_with_a_reason() {
    let cluster = TestCluster::start(3).await;
    let (leader, follower) = (cluster.leader().await, cluster.follower().await);
    let expected = Some((leader, cluster.node(leader).peer.cluster.clone()));
    assert_eq!(cluster.group(follower).promote(3).await, Err(ChangeError::NotLeader { leader: expected }));
    assert!(matches!(cluster.group(leader).promote(9).await, Err(ChangeError::Refused(_))));
    assert!(matches!(cluster.group(leader).remove(9).await, Err(ChangeError::Refused(_))));
    assert!(matches!(cluster.group(leader).transfer_leader(Some(9)).await, Err(ChangeError::Refused(_))));
    let moved = cluster.group(leader).add_learner(follower, "127.0.0.1:1".to_owned(), String::new()).await;
    assert!(matches!(moved, Err(ChangeError::Refused(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removing_the_leader_hands_over_first() {
    let cluster = TestCluster::start(3).await;
    let leader = cluster.leader().await;
    let Err(ChangeError::NotLeader { leader: Some((next, _)) }) = cluster.group(leader).remove(leader).await
    else {
        panic!("expected a hint to the successor");
    };
    eventually("the successor knows that it leads", || cluster.group(next).is_leader()).await;
    cluster.group(next).remove(leader).await.unwrap();
    eventually("the old leader is gone", || cluster.group(next).status().members.len() == 2).await;
    cluster.group(next).propose_within(tick(3), LONG).await.unwrap();
}
