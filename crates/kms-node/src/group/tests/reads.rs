use super::cluster::{TestCluster, tick};
use crate::group::{Group, ReadError};
use kms_types::Timestamp;
use std::time::{Duration, Instant};

/// Each write goes through one node and is looked for at once on the next, while other calls keep confirmations on
/// their way that began before the write was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b1_a_read_on_any_node_sees_every_acknowledged_write() {
    let cluster = TestCluster::start(3).await;
    let readers: Vec<_> =
        cluster.nodes.values().map(|node| tokio::spawn(read_for_ever(node.group.clone()))).collect();
    for round in 1..=1000_u64 {
        let (writer, reader) = (round % 3 + 1, (round + 1) % 3 + 1);
        cluster.group(writer).propose(tick(round)).await.unwrap();
        let view = cluster.group(reader).read_view().await.unwrap();
        assert_eq!(
            view.state.region_time(),
            Timestamp::from_millis(round),
            "written on {writer}, read on {reader}"
        );
    }
    readers.iter().for_each(|reader| reader.abort());
}

async fn read_for_ever(group: Group) {
    loop {
        let _ = group.read_view().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_wait_together_share_confirmations() {
    let cluster = TestCluster::start(3).await;
    let reader = cluster.group(cluster.follower().await);
    reader.read_view().await.unwrap();
    let started = Instant::now();
    let views = futures::future::join_all((0..5000).map(|_| reader.read_view())).await;
    assert!(views.iter().all(Result::is_ok));
    // One confirmation each would be thousands of round trips of the leader and a quorum.
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b1_without_a_quorum_there_is_no_view() {
    let mut cluster = TestCluster::start(3).await;
    let survivor = cluster.leader().await;
    for node in [1, 2, 3].into_iter().filter(|node| *node != survivor) {
        cluster.stop(node).await;
    }
    let limit = Duration::from_millis(1500);
    let read = cluster.group(survivor).read_view_within(limit).await;
    assert_eq!(read.map(|view| view.index), Err(ReadError::NotConfirmed(limit)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_go_on_after_the_leader_stopped() {
    let mut cluster = TestCluster::start(3).await;
    cluster.group(1).propose(tick(7)).await.unwrap();
    let leader = cluster.leader().await;
    cluster.stop(leader).await;
    for node in cluster.nodes.values() {
        let view = node.group.read_view_within(Duration::from_secs(10)).await.unwrap();
        assert_eq!(view.state.region_time(), Timestamp::from_millis(7));
    }
}

/// Reads run on every node while leadership moves; no read may be older than a write acknowledged before it began.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b1_holds_while_leadership_moves() {
    let cluster = TestCluster::start(3).await;
    for round in 1..=60_u64 {
        cluster.group(round % 3 + 1).propose_within(tick(round), Duration::from_secs(20)).await.unwrap();
        if round % 10 == 0 {
            let leader = cluster.leader().await;
            let _ = cluster.group(leader).transfer_leader(None).await;
        }
        for node in cluster.nodes.values() {
            let view = node.group.read_view_within(Duration::from_secs(20)).await.unwrap();
            assert!(view.state.region_time() >= Timestamp::from_millis(round));
        }
    }
}

/// Nobody acknowledges anything to the only voter; that is no lost quorum.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_only_voter_keeps_its_quorum() {
    let cluster = TestCluster::start(1).await;
    let leader = cluster.leader().await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(!cluster.group(leader).has_lost_its_quorum());
}
