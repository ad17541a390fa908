use kms_types::Entropy;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::*;
use crate::{
    entropy::OsEntropy,
    local::{
        generate::{self, Wish},
        layout::DataDir,
    },
};

/// Chance that repeats: splitmix64.
#[derive(Debug, Default)]
pub(super) struct Counting(u64);

impl Entropy for Counting {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// A cluster of two Regions with two nodes each; nothing of it runs.
pub(crate) fn cluster() -> Arc<Cluster> {
    let temp = tempfile::tempdir().unwrap();
    let dir = DataDir::new(&temp.path().join("cluster")).unwrap();
    let regions = vec!["us-east-1".parse().unwrap(), "eu-west-1".parse().unwrap()];
    let wish = Wish { regions, witness: None, nodes: 2, port: None, gateway: None };
    Arc::new(generate::create(&dir, &wish, &mut OsEntropy).unwrap())
}

pub(super) fn node(text: &str) -> NodeKey {
    let (region, id) = text.split_once('/').unwrap();
    NodeKey { region: region.parse().unwrap(), id: id.parse().unwrap() }
}

pub(super) fn sides(from: &str, to: &str) -> Sides {
    let nodes = |text: &str| text.split(',').map(node).collect();
    Sides { from: nodes(from), to: nodes(to) }
}

const NEAR: &str = "us-east-1/1";
const FAR: &str = "eu-west-1/2";
/// Long enough for loopback, short enough to be waited for in vain.
const SOON: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_secs(10);

/// A listener in the place of `FAR`, and the way out of `NEAR`.
struct Rig {
    links: Arc<Links>,
    server: TcpListener,
    exit: SocketAddr,
}

impl Rig {
    async fn start() -> Self {
        let mut cluster = Arc::unwrap_or_clone(cluster());
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let far = cluster.regions[1].nodes.iter_mut().find(|node| node.id == 2).unwrap();
        far.cluster = server.local_addr().unwrap().port();
        let links = Links::new(Arc::new(cluster), Carriage::Supervisor);
        let exits = links.open(&[node(NEAR)]).unwrap();
        let exit = exits.into_iter().find(|exit| exit.node == node(NEAR)).unwrap();
        let address = exit.address().unwrap().1;
        tokio::spawn(exit.serve());
        Self { links, server, exit: address }
    }

    /// As the transport does it: the connection, once the exit says that there is one.
    async fn ask(&self, target: SocketAddr) -> (TcpStream, Vec<u8>) {
        let mut stream = TcpStream::connect(self.exit).await.unwrap();
        stream
            .write_all(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") && stream.read_buf(&mut answer).await.unwrap() > 0 {}
        (stream, answer)
    }

    async fn connect(&self) -> TcpStream {
        let (stream, answer) = self.ask(self.server.local_addr().unwrap()).await;
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{answer:?}");
        stream
    }

    async fn pair(&self) -> (TcpStream, TcpStream) {
        let near = self.connect().await;
        (near, self.server.accept().await.unwrap().0)
    }

    fn disturb(&self, fault: LinkFault, from: &str, to: &str, way: Way) {
        self.links.disturb(fault, &sides(from, to), way).unwrap();
    }
}

async fn says(stream: &mut TcpStream, text: &[u8]) {
    let mut heard = vec![0; text.len()];
    timeout(LONG, stream.read_exact(&mut heard)).await.expect("nothing arrives").unwrap();
    assert_eq!(heard, text);
}

async fn is_silent(stream: &mut TcpStream) {
    assert!(timeout(SOON, stream.read(&mut [0])).await.is_err(), "something arrives");
}

#[tokio::test]
async fn without_faults_bytes_and_closes_pass_both_ways() {
    let rig = Rig::start().await;
    let (mut near, mut far) = rig.pair().await;
    near.write_all(b"question").await.unwrap();
    says(&mut far, b"question").await;
    far.write_all(b"answer").await.unwrap();
    says(&mut near, b"answer").await;
    near.shutdown().await.unwrap();
    assert_eq!(timeout(LONG, far.read(&mut [0])).await.unwrap().unwrap(), 0);
    far.write_all(b"last").await.unwrap();
    says(&mut near, b"last").await;
    drop(far);
    assert_eq!(timeout(LONG, near.read(&mut [0])).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn megabytes_arrive_as_they_were() {
    let rig = Rig::start().await;
    let (mut near, mut far) = rig.pair().await;
    let sent: Vec<u8> = (0..5_000_000_u32).map(|i| (i % 251) as u8).collect();
    let copy = sent.clone();
    let sending = tokio::spawn(async move { near.write_all(&copy).await.map(|()| near) });
    let mut received = vec![0; sent.len()];
    timeout(LONG, far.read_exact(&mut received)).await.unwrap().unwrap();
    assert!(received == sent);
    drop(sending.await.unwrap().unwrap());
}

#[tokio::test]
async fn partition_holds_bytes_both_ways_and_heal_delivers_them() {
    let rig = Rig::start().await;
    let (mut near, mut far) = rig.pair().await;
    rig.disturb(LinkFault::Partition, NEAR, FAR, Way::Both);
    near.write_all(b"there").await.unwrap();
    far.write_all(b"back").await.unwrap();
    is_silent(&mut near).await;
    is_silent(&mut far).await;
    rig.links.heal(None).unwrap();
    says(&mut far, b"there").await;
    says(&mut near, b"back").await;
}

#[tokio::test]
async fn close_is_not_heard_across_a_partition() {
    let rig = Rig::start().await;
    let (near, mut far) = rig.pair().await;
    rig.disturb(LinkFault::Partition, NEAR, FAR, Way::Both);
    drop(near);
    is_silent(&mut far).await;
    rig.links.heal(Some(&sides(FAR, NEAR))).unwrap();
    assert_eq!(timeout(LONG, far.read(&mut [0])).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn one_way_partition_holds_that_way_only() {
    let rig = Rig::start().await;
    let (mut near, mut far) = rig.pair().await;
    rig.disturb(LinkFault::Partition, FAR, NEAR, Way::OneWay);
    near.write_all(b"there").await.unwrap();
    says(&mut far, b"there").await;
    far.write_all(b"back").await.unwrap();
    is_silent(&mut near).await;
    rig.links.heal(None).unwrap();
    says(&mut near, b"back").await;
}

#[tokio::test]
async fn nobody_connects_across_a_partition_in_either_direction() {
    for (from, to) in [(NEAR, FAR), (FAR, NEAR)] {
        let rig = Rig::start().await;
        rig.disturb(LinkFault::Partition, from, to, Way::OneWay);
        assert!(timeout(SOON, rig.connect()).await.is_err(), "connected across a partition");
        assert!(timeout(SOON, rig.server.accept()).await.is_err(), "the other end saw the attempt");
        let waiting = rig.connect();
        let healed = async {
            tokio::time::sleep(SOON).await;
            rig.links.heal(None).unwrap();
        };
        let (mut near, ()) = timeout(LONG, futures::future::join(waiting, healed)).await.unwrap();
        let mut far = rig.server.accept().await.unwrap().0;
        near.write_all(b"hello").await.unwrap();
        says(&mut far, b"hello").await;
    }
}

#[tokio::test]
async fn other_pairs_are_not_disturbed() {
    let rig = Rig::start().await;
    let (mut near, mut far) = rig.pair().await;
    rig.disturb(LinkFault::Partition, "us-east-1/2", FAR, Way::Both);
    rig.disturb(LinkFault::Partition, NEAR, "eu-west-1/1", Way::Both);
    near.write_all(b"through").await.unwrap();
    says(&mut far, b"through").await;
}

#[tokio::test]
async fn dead_node_refuses_and_its_connections_end() {
    let rig = Rig::start().await;
    let (mut near, far) = rig.pair().await;
    drop(far);
    assert_eq!(timeout(LONG, near.read(&mut [0])).await.unwrap().unwrap(), 0);
    let gone = rig.server.local_addr().unwrap();
    let Rig { links, server, exit } = rig;
    drop(server);
    let rig = Rig { links, server: TcpListener::bind("127.0.0.1:0").await.unwrap(), exit };
    assert!(rig.ask(gone).await.1.starts_with(b"HTTP/1.1 502 "));
}

#[tokio::test]
async fn delay_applies_to_connecting_and_to_bytes() {
    let rig = Rig::start().await;
    rig.disturb(LinkFault::Delay { delay_us: 40_000, jitter_us: 0 }, NEAR, FAR, Way::Both);
    let start = std::time::Instant::now();
    let (mut near, mut far) = rig.pair().await;
    assert!(start.elapsed() >= Duration::from_millis(80), "a handshake takes a round trip");
    let start = std::time::Instant::now();
    near.write_all(b"ping").await.unwrap();
    says(&mut far, b"ping").await;
    assert!(start.elapsed() >= Duration::from_millis(40));
}

#[tokio::test]
async fn unknown_nodes_and_senseless_faults_are_refused() {
    let links = Links::new(cluster(), Carriage::Supervisor);
    let refused =
        |fault, from, to| links.disturb(fault, &sides(from, to), Way::Both).unwrap_err().to_string();
    assert!(refused(LinkFault::Partition, NEAR, "eu-west-1/3").contains("no node `eu-west-1/3`"));
    assert!(refused(LinkFault::Partition, NEAR, NEAR).contains("to itself"));
    assert!(refused(LinkFault::Loss { ppm: 1_000_000 }, NEAR, FAR).contains("partition"));
    assert!(links.report().is_empty());
}
