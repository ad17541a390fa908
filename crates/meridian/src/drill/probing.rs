//! How the drill itself notices that a Region is gone or back: it asks every node, all the time, and is told nothing.

use kms_types::Region;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{sync::watch, task::JoinSet};

use crate::{drill::scene::Scene, probe::Probe};

const INTERVAL: Duration = Duration::from_millis(100);
const TIMEOUT: Duration = Duration::from_millis(500);
/// So many rounds in a row without any ready node, and the Region counts as lost.
const ROUNDS: u32 = 3;

/// Since when all nodes of a Region are ready, and for how many rounds none was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Seen {
    silent_rounds: u32,
    /// Since when every node is ready.
    whole_since: Option<Instant>,
}

/// The API addresses of a Region's nodes, as they are now.
type Nodes = Arc<Mutex<Vec<SocketAddr>>>;

/// Watches every data Region until dropped.
pub struct Watchman {
    seen: BTreeMap<Region, watch::Receiver<Seen>>,
    nodes: BTreeMap<Region, Nodes>,
    _tasks: JoinSet<()>,
}

impl Watchman {
    /// Starts watching.
    pub fn start(scene: &Scene) -> Self {
        let (probe, mut tasks) = (Probe::new(), JoinSet::new());
        let (mut seen, mut addresses) = (BTreeMap::new(), BTreeMap::new());
        for region in scene.data_regions() {
            let (sender, receiver) = watch::channel(Seen::default());
            let nodes: Nodes = Arc::new(Mutex::new(scene.nodes(&region)));
            addresses.insert(region.clone(), nodes.clone());
            seen.insert(region, receiver);
            tasks.spawn(watch_region(probe.clone(), nodes, sender));
        }
        Self { seen, nodes: addresses, _tasks: tasks }
    }

    /// From now on another node is asked in the place of one.
    pub fn replace(&self, region: &Region, old: SocketAddr, new: SocketAddr) {
        if let Some(nodes) = self.nodes.get(region) {
            let mut nodes = nodes.lock().unwrap_or_else(PoisonError::into_inner);
            nodes.iter_mut().filter(|node| **node == old).for_each(|node| *node = new);
        }
    }

    /// Ends when none of the Region's nodes answers.
    pub async fn lost(&self, region: &Region) {
        let Some(seen) = self.seen.get(region) else { return };
        let _ = seen.clone().wait_for(|seen| seen.silent_rounds >= ROUNDS).await;
    }

    /// Ends when some node of `region` is not ready.
    pub async fn broken(&self, region: &Region) {
        let Some(seen) = self.seen.get(region) else { return };
        let _ = seen.clone().wait_for(|seen| seen.whole_since.is_none()).await;
    }

    /// Ends when every node of `region` is ready; the answer is since when.
    pub async fn whole(&self, region: &Region) -> Instant {
        let Some(seen) = self.seen.get(region) else { return Instant::now() };
        let mut seen = seen.clone();
        let whole = seen.wait_for(|seen| seen.whole_since.is_some()).await;
        whole.ok().and_then(|seen| seen.whole_since).unwrap_or_else(Instant::now)
    }
}

async fn watch_region(probe: Probe, nodes: Nodes, seen: watch::Sender<Seen>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let nodes = nodes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let answers = futures::future::join_all(nodes.iter().map(|node| probe.ready(*node, TIMEOUT))).await;
        let ready = answers.into_iter().filter(|answer| *answer == Some(true)).count();
        seen.send_modify(|seen| {
            let silent_rounds = if ready == 0 { seen.silent_rounds.saturating_add(1) } else { 0 };
            let whole = ready == nodes.len();
            let whole_since = whole.then(|| seen.whole_since.unwrap_or_else(Instant::now));
            *seen = Seen { silent_rounds, whole_since };
        });
    }
}
