use super::cluster::{TestCluster, history, tick};
use kms_raft::Peer;
use kms_transport::{
    AdminClient, AdminError, CallError, Dialer, LinkError, NodeCalls, NodeClient, PeerLinks, TlsIdentity,
    TonicRegionLink, admin_messages as admin, pki::Authority,
};
use kms_types::{Incarnation, NodeId, Region};
use std::{collections::BTreeMap, time::Duration};

const TIMEOUT: Duration = Duration::from_secs(3);

fn region(name: &str) -> Region {
    name.parse().unwrap()
}

/// A client that expects nodes of the cluster's Region and shows the given certificate.
fn client(cluster: &TestCluster, tls: TlsIdentity) -> NodeClient {
    NodeClient::new(PeerLinks::new(cluster.region.clone(), history(), Dialer::direct(tls)))
}

fn peer(cluster: &TestCluster, node: NodeId) -> Peer {
    cluster.node(node).peer.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f3_only_nodes_of_the_own_region_are_answered() {
    let cluster = TestCluster::start(1).await;
    let own = client(&cluster, cluster.tls(&cluster.region, 9));
    own.clock(1, &peer(&cluster, 1), TIMEOUT).await.unwrap();
    let foreign = client(&cluster, cluster.tls(&region("eu-west-1"), 1));
    let operator = client(&cluster, cluster.operator());
    for stranger in [foreign, operator] {
        let refused = stranger.clock(1, &peer(&cluster, 1), TIMEOUT).await;
        assert!(matches!(refused, Err(CallError::Refused(_))), "{refused:?}");
        let refused = stranger.forward(1, &peer(&cluster, 1), &tick(1), TIMEOUT).await;
        assert!(matches!(refused, Err(CallError::Refused(_))), "{refused:?}");
    }
}

/// A5: the certificate and the address of a node outlive the history that it was of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a5_a_node_of_another_history_of_the_region_is_not_heard() {
    let cluster = TestCluster::start(1).await;
    let dialer = || Dialer::direct(cluster.tls(&cluster.region, 9));
    let before = Incarnation::from_random([4; 16]);
    let old = NodeClient::new(PeerLinks::new(cluster.region.clone(), before, dialer()));
    let refused = old.clock(1, &peer(&cluster, 1), TIMEOUT).await;
    assert!(matches!(&refused, Err(CallError::Refused(why)) if why.contains("rebuilt")), "{refused:?}");
    let refused = old.forward(1, &peer(&cluster, 1), &tick(1), TIMEOUT).await;
    assert!(matches!(refused, Err(CallError::Refused(_))), "{refused:?}");
    let present = NodeClient::new(PeerLinks::new(cluster.region.clone(), history(), dialer()));
    present.clock(1, &peer(&cluster, 1), TIMEOUT).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f3_a_certificate_of_another_authority_gets_no_connection() {
    let cluster = TestCluster::start(1).await;
    let now = kms_types::Timestamp::from_millis(super::cluster::NOW.as_millis());
    let stranger = Authority::generate(now).unwrap();
    let issued = stranger.issue_node(&cluster.region, 1, now).unwrap();
    let trusting = cluster.authority.certificate_pem();
    let tls = TlsIdentity::from_pem(trusting, &issued.certificate_pem, &issued.key_pem).unwrap();
    let refused = client(&cluster, tls).clock(1, &peer(&cluster, 1), TIMEOUT).await;
    assert!(matches!(refused, Err(CallError::Unreachable(_))), "{refused:?}");
}

/// An address that another node took over is not mistaken for the node that was there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_known_by_its_certificate_and_not_by_its_address() {
    let cluster = TestCluster::start(1).await;
    let own = client(&cluster, cluster.tls(&cluster.region, 9));
    let wrong = own.clock(2, &peer(&cluster, 1), TIMEOUT).await;
    assert!(matches!(wrong, Err(CallError::Unreachable(_))), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f3_administration_is_for_operators() {
    let cluster = TestCluster::start(1).await;
    let address = &cluster.node(1).peer.cluster;
    let mut operator = AdminClient::connect(address, &cluster.operator()).await.unwrap();
    let status = operator.status(admin::StatusRequest::default()).await.unwrap();
    assert_eq!((status.node, status.role(), status.leader), (1, admin::Role::Leader, Some(1)));
    for tls in [cluster.tls(&cluster.region, 1), cluster.tls(&region("eu-west-1"), 1)] {
        let mut node = AdminClient::connect(address, &tls).await.unwrap();
        let refused = node.status(admin::StatusRequest::default()).await;
        assert!(matches!(refused, Err(AdminError::NotOperator(_))), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_another_region_reaches_the_leader_through_any_node() {
    let mut cluster = TestCluster::start(3).await;
    let (leader, follower) = (cluster.leader().await, cluster.follower().await);
    let addresses = vec!["127.0.0.1:1".to_owned(), cluster.node(follower).peer.cluster.clone()];
    let peers = BTreeMap::from([(cluster.region.clone(), addresses)]);
    let link = TonicRegionLink::new(peers, &Dialer::direct(cluster.tls(&region("eu-west-1"), 1)));
    for message in [b"first".to_vec(), vec![7; 3 << 20]] {
        link.send(&cluster.region, message.clone()).await.unwrap();
        let inbox = &mut cluster.nodes.get_mut(&leader).unwrap().inbox;
        let received = tokio::time::timeout(TIMEOUT, inbox.recv()).await.unwrap().unwrap();
        assert_eq!(received, message);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_region_link_refuses_strangers_and_oversize() {
    let cluster = TestCluster::start(1).await;
    let peers = BTreeMap::from([(cluster.region.clone(), vec![cluster.node(1).peer.cluster.clone()])]);
    let stranger =
        TonicRegionLink::new(peers.clone(), &Dialer::direct(cluster.tls(&region("ap-southeast-2"), 1)));
    let refused = stranger.send(&cluster.region, b"hello".to_vec()).await;
    assert!(
        matches!(refused, Err(LinkError::Unreachable { last: CallError::Refused(_), .. })),
        "{refused:?}"
    );
    let link = TonicRegionLink::new(peers, &Dialer::direct(cluster.tls(&region("eu-west-1"), 1)));
    let oversize = link.send(&cluster.region, vec![0; (4 << 20) + 1]).await;
    assert!(matches!(oversize, Err(LinkError::TooLarge { .. })));
    assert!(matches!(link.send(&region("sa-east-1"), Vec::new()).await, Err(LinkError::UnknownRegion(_))));
}
