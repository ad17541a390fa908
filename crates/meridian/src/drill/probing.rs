//! How the drill itself notices that a Region is gone or back: it asks every node, all the time, and is told nothing.

use kms_types::Region;
use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet};

use crate::{drill::scene::Scene, probe::Probe};

const INTERVAL: Duration = Duration::from_millis(100);
const TIMEOUT: Duration = Duration::from_millis(500);
/// So many rounds in a row without any ready node, and the Region counts as lost.
const ROUNDS: u32 = 3;

/// How many nodes of a Region are ready, and for how many rounds none was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Seen {
    ready: usize,
    silent_rounds: u32,
}

/// Watches every data Region until dropped.
pub struct Watchman {
    seen: BTreeMap<Region, (usize, watch::Receiver<Seen>)>,
    _tasks: JoinSet<()>,
}

impl Watchman {
    /// Starts watching.
    pub fn start(scene: &Scene) -> Self {
        let (probe, mut tasks) = (Probe::new(), JoinSet::new());
        let mut seen = BTreeMap::new();
        for region in scene.data_regions() {
            let (sender, receiver) = watch::channel(Seen::default());
            let nodes = scene.nodes(&region);
            seen.insert(region, (nodes.len(), receiver));
            tasks.spawn(watch_region(probe.clone(), nodes, sender));
        }
        Self { seen, _tasks: tasks }
    }

    /// Ends when some Region is lost, with its name.
    pub async fn first_loss(&self) -> Region {
        let waits = self.seen.iter().map(|(region, (_, seen))| {
            let mut seen = seen.clone();
            Box::pin(async move {
                let _ = seen.wait_for(|seen| seen.silent_rounds >= ROUNDS).await;
                region.clone()
            })
        });
        futures::future::select_all(waits).await.0
    }

    /// Ends when every node of `region` is ready.
    pub async fn whole(&self, region: &Region) {
        let Some((nodes, seen)) = self.seen.get(region) else { return };
        let _ = seen.clone().wait_for(|seen| seen.ready == *nodes).await;
    }
}

async fn watch_region(probe: Probe, nodes: Vec<SocketAddr>, seen: watch::Sender<Seen>) {
    let nodes = Arc::new(nodes);
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let answers = futures::future::join_all(nodes.iter().map(|node| probe.ready(*node, TIMEOUT))).await;
        let ready = answers.into_iter().filter(|answer| *answer == Some(true)).count();
        seen.send_modify(|seen| {
            let silent_rounds = if ready == 0 { seen.silent_rounds.saturating_add(1) } else { 0 };
            *seen = Seen { ready, silent_rounds };
        });
    }
}
