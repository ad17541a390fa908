//! Three real openraft nodes on this storage, in one process: restart, catch-up by snapshot, equal states.

use super::fixture::{self, bootstrap, create_key};
use crate::{
    AppendRequest, AppendResponse, Peer, Raft, SnapshotFile, SnapshotInbox, Storage, StorageError, Tuning,
    TypeConfig, Vote, VoteRequest, VoteResponse, raft_config,
};
use kms_state::{Command, Origin, Outcome, Proposal};
use kms_types::{ProposalId, Timestamp};
use openraft::error::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::SnapshotResponse;
use openraft::type_config::alias::SnapshotOf;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;

/// One running node.
#[derive(Clone)]
struct Node {
    raft: Raft,
    inbox: SnapshotInbox,
    applied: watch::Receiver<Arc<crate::Applied>>,
}

/// Who can be reached.
#[derive(Clone, Default)]
struct Net(Arc<Mutex<BTreeMap<u64, Node>>>);

struct Link(Net, u64);

impl Net {
    fn node(&self, id: u64) -> Option<Node> {
        self.0.lock().unwrap().get(&id).cloned()
    }
}

impl Link {
    fn target(&self) -> Result<Node, Unreachable<TypeConfig>> {
        self.0.node(self.1).ok_or_else(|| unreachable_now(&io::Error::other("stopped")))
    }
}

fn unreachable_now(error: &(impl std::error::Error + 'static)) -> Unreachable<TypeConfig> {
    Unreachable::new(error)
}

impl RaftNetworkFactory<TypeConfig> for Net {
    type Network = Link;
    async fn new_client(&mut self, target: u64, _: &Peer) -> Link {
        Link(self.clone(), target)
    }
}

impl RaftNetworkV2<TypeConfig> for Link {
    type SnapshotData = SnapshotFile;

    async fn append_entries(
        &mut self,
        rpc: AppendRequest,
        _: RPCOption,
    ) -> Result<AppendResponse, RPCError<TypeConfig>> {
        Ok(self.target()?.raft.append_entries(rpc).await.map_err(|e| unreachable_now(&e))?)
    }

    async fn vote(&mut self, rpc: VoteRequest, _: RPCOption) -> Result<VoteResponse, RPCError<TypeConfig>> {
        Ok(self.target()?.raft.vote(rpc).await.map_err(|e| unreachable_now(&e))?)
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest,
        _: RPCOption,
    ) -> Result<VoteResponse, RPCError<TypeConfig>> {
        Ok(self.target()?.raft.pre_vote(rpc).await.map_err(|e| unreachable_now(&e))?)
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        mut snapshot: SnapshotOf<TypeConfig, SnapshotFile>,
        _: impl Future<Output = ReplicationClosed> + Send + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let target = self.target()?;
        let file = transfer(&mut snapshot.snapshot, &target.inbox).await.map_err(|e| unreachable_now(&e))?;
        let received = SnapshotOf::<TypeConfig, SnapshotFile> { meta: snapshot.meta, snapshot: file };
        Ok(target.raft.install_full_snapshot(vote, received).await.map_err(|e| unreachable_now(&e))?)
    }
}

async fn transfer(from: &mut SnapshotFile, inbox: &SnapshotInbox) -> io::Result<SnapshotFile> {
    let mut to = inbox.receive()?;
    loop {
        let chunk = from.read_chunk(1000).await?;
        if chunk.is_empty() {
            return Ok(to);
        }
        to.write_chunk(&chunk).await?;
    }
}

async fn start(net: &Net, dir: &Path, id: u64) {
    let tuning = Tuning {
        heartbeat_ms: 100,
        election_min_ms: 600,
        election_max_ms: 1200,
        snapshot_every_entries: 50,
        kept_entries: 10,
        ..Tuning::default()
    };
    let config = Arc::new(raft_config("us-east-1", tuning).unwrap());
    let Storage { log, machine, applied, inbox } = reopen(&dir.join(id.to_string()), id).await;
    let raft = Raft::new(id, config, net.clone(), log, machine).await.unwrap();
    net.0.lock().unwrap().insert(id, Node { raft, inbox, applied });
}

/// openraft's replication tasks may outlive `shutdown` for a moment, and with them the lock of the directory.
async fn reopen(dir: &Path, id: u64) -> Storage {
    for _ in 0..200 {
        match Storage::open_on(dir, id, fixture::options(8 << 10)) {
            Err(StorageError::InUse { .. }) => tokio::time::sleep(Duration::from_millis(25)).await,
            opened => return opened.unwrap(),
        }
    }
    panic!("the directory stays in use");
}

async fn stop(net: &Net, id: u64) {
    let node = net.0.lock().unwrap().remove(&id).unwrap();
    tokio::time::timeout(Duration::from_secs(20), node.raft.shutdown())
        .await
        .expect("shutdown ends")
        .unwrap();
}

/// Proposes on whichever node leads.
async fn propose(net: &Net, number: u16, command: Command) -> Outcome {
    let mut id = [9; 16];
    id[..2].copy_from_slice(&number.to_le_bytes());
    let proposal = Proposal {
        id: ProposalId::from_random(id),
        origin: Origin::Service { node: 1 },
        expect: None,
        command,
    };
    for _ in 0..200 {
        let nodes: Vec<Node> = net.0.lock().unwrap().values().cloned().collect();
        for node in nodes {
            // A leader that lost its majority keeps a write waiting; repeating the proposal has one effect (B4).
            let write = node.raft.client_write(proposal.clone());
            if let Ok(Ok(done)) = tokio::time::timeout(Duration::from_secs(3), write).await {
                return done.data;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no leader");
}

async fn wait_equal(net: &Net) {
    for _ in 0..400 {
        let nodes: Vec<Node> = net.0.lock().unwrap().values().cloned().collect();
        let seen: Vec<_> = nodes.iter().map(|n| n.applied.borrow().clone()).collect();
        if seen.iter().all(|a| a.index == seen[0].index) {
            assert!(seen.iter().all(|a| a.state.hash() == seen[0].state.hash()));
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("nodes did not become equal");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a1_a3_restarted_nodes_catch_up_by_snapshot_and_become_equal() {
    let dir = TempDir::new().unwrap();
    let net = Net::default();
    for id in 1..=3 {
        start(&net, dir.path(), id).await;
    }
    let peers: BTreeMap<u64, Peer> = (1..=3).map(|id| (id, Peer::default())).collect();
    net.node(1).unwrap().raft.initialize(peers).await.unwrap();
    assert_eq!(propose(&net, 0, bootstrap()).await, Outcome::Applied);
    assert_eq!(propose(&net, 1, create_key(1)).await, Outcome::Applied);
    wait_equal(&net).await;

    stop(&net, 3).await;
    for number in 2..160 {
        let outcome = match number {
            2..40 => propose(&net, number, create_key(number as u8)).await,
            _ => {
                propose(&net, number, Command::Tick { now: Timestamp::from_millis(u64::from(number)) }).await
            }
        };
        assert_eq!(outcome, Outcome::Applied, "proposal {number}");
    }
    start(&net, dir.path(), 3).await;
    wait_equal(&net).await;
    let snapshots = std::fs::read_dir(dir.path().join("3/snapshots")).unwrap().count();
    assert!(snapshots > 0, "the log it missed was purged");

    // All nodes at once: every acknowledged write is there again.
    let before = net.node(1).unwrap().applied.borrow().state.clone();
    for id in 1..=3 {
        stop(&net, id).await;
    }
    for id in 1..=3 {
        start(&net, dir.path(), id).await;
    }
    assert_eq!(propose(&net, 500, create_key(200)).await, Outcome::Applied);
    wait_equal(&net).await;
    let after = net.node(2).unwrap().applied.borrow().state.clone();
    assert!(before.keys().all(|key| after.key(&key.id) == Some(key)));
    assert_eq!(after.keys().count(), before.keys().count() + 1);
    for id in 1..=3 {
        stop(&net, id).await;
    }
}
