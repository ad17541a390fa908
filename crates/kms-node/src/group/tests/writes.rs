use super::cluster::{NOW, TestCluster, bootstrap, eventually, tick};
use crate::{
    entropy::OsEntropy,
    group::{ProposeError, run_region_clock},
};
use kms_state::{Outcome, Refusal};
use kms_types::Timestamp;
use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

const LONG: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_on_a_follower_is_forwarded_and_its_refusal_comes_back() {
    let cluster = TestCluster::start(3).await;
    let follower = cluster.group(cluster.follower().await);
    assert!(!follower.is_leader());
    assert_eq!(follower.propose(tick(1)).await, Ok(Outcome::Applied));
    let again = bootstrap(&cluster.region);
    assert_eq!(follower.propose(again).await, Ok(Outcome::Refused(Refusal::AlreadyBootstrapped)));
    cluster.converge().await;
}

/// The second answer is the remembered one, not a second attempt's, whichever node is asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b4_a_repeated_proposal_has_one_effect_and_one_outcome() {
    let cluster = TestCluster::start(3).await;
    let refused = bootstrap(&cluster.region);
    let first = cluster.group(1).propose(refused.clone()).await.unwrap();
    for node in [1, 2, 3] {
        assert_eq!(cluster.group(node).propose(refused.clone()).await.unwrap(), first);
    }
    cluster.converge().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a1_no_acknowledged_write_is_lost_when_the_leader_stops() {
    let mut cluster = TestCluster::start(3).await;
    let mut acknowledged = 0;
    for _ in 0..3 {
        let leader = cluster.leader().await;
        let writer = cluster.group(cluster.follower().await).clone();
        let first = acknowledged + 1;
        let writing = tokio::spawn(async move {
            let mut last = first - 1;
            for value in first..first + 200 {
                match writer.propose_within(tick(value), LONG).await {
                    Ok(_) => last = value,
                    Err(error) => panic!("{error}"),
                }
            }
            last
        });
        tokio::time::sleep(Duration::from_millis(150)).await;
        cluster.stop(leader).await;
        acknowledged = writing.await.unwrap();
        cluster.run(leader).await;
        for node in cluster.nodes.values() {
            let view = node.group.read_view_within(LONG).await.unwrap();
            assert!(view.state.region_time() >= Timestamp::from_millis(acknowledged));
        }
    }
    cluster.converge().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a1_all_nodes_restart_with_every_acknowledged_write() {
    let mut cluster = TestCluster::start(3).await;
    for value in 1..=50 {
        cluster.group(1).propose_within(tick(value), LONG).await.unwrap();
    }
    for node in [1, 2, 3] {
        cluster.stop(node).await;
    }
    for node in [1, 2, 3] {
        cluster.run(node).await;
    }
    let view = cluster.group(2).read_view_within(LONG).await.unwrap();
    assert_eq!(view.state.region_time(), Timestamp::from_millis(50));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b4_without_a_quorum_a_sent_write_is_unknown_and_not_failed() {
    let mut cluster = TestCluster::start(3).await;
    let leader = cluster.leader().await;
    for node in [1, 2, 3].into_iter().filter(|node| *node != leader) {
        cluster.stop(node).await;
    }
    let limit = Duration::from_millis(700);
    let sent = cluster.group(leader).propose_within(tick(5), limit).await;
    assert_eq!(sent, Err(ProposeError::OutcomeUnknown(limit)));
    // The others come back, and what was unknown may turn out committed; the same id settles it.
    for node in [1, 2, 3].into_iter().filter(|node| *node != leader) {
        cluster.run(node).await;
    }
    assert_eq!(cluster.group(leader).propose_within(tick(6), LONG).await, Ok(Outcome::Applied));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn region_time_is_the_median_and_one_wrong_clock_moves_nothing() {
    let cluster = TestCluster::start(3).await;
    let leader = cluster.leader().await;
    let clock = |node: u64| &cluster.node(node).clock.0;
    clock(leader).store(u64::MAX / 2, Ordering::Relaxed);
    let tickers: Vec<_> = cluster
        .nodes
        .values()
        .map(|node| tokio::spawn(run_region_clock(node.group.clone(), OsEntropy)))
        .collect();
    let group = cluster.group(leader);
    group.wait_until(|state| state.region_time() == NOW, LONG).await.unwrap();
    let later = NOW.plus_millis(5000);
    for node in [1, 2, 3].into_iter().filter(|node| *node != leader) {
        clock(node).store(later.as_millis(), Ordering::Relaxed);
    }
    group.wait_until(|state| state.region_time() == later, LONG).await.unwrap();
    tickers.iter().for_each(|ticker| ticker.abort());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planned_transfer_moves_leadership_and_writes_go_on() {
    let cluster = TestCluster::start(3).await;
    let leader = cluster.leader().await;
    let started = Instant::now();
    let next = cluster.group(leader).transfer_leader(None).await.unwrap();
    assert_ne!(next, leader);
    assert_eq!(cluster.group(leader).propose_within(tick(9), LONG).await, Ok(Outcome::Applied));
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    eventually("everybody knows the new leader", || {
        cluster.nodes.values().all(|n| n.group.leader() == Some(next))
    })
    .await;
}
