//! Where a drill plays: a cluster of its own or the one that runs, and the keys it makes there.

use kms_types::Region;
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use crate::{
    drill::callers::{Callers, text},
    entropy::OsEntropy,
    failure::Failure,
    local::{
        control,
        faults::wipe,
        generate::{self, Wish},
        identities,
        layout::{Cluster, DataDir, RegionPlan},
        links::Carriage,
        running::{self, Running},
        supervisor::Restart,
    },
};

/// Generous: nine nodes of a debug build share this machine's processors with everything else.
const UP_TIMEOUT: Duration = Duration::from_secs(120);
const SETUP_PATIENCE: Duration = Duration::from_secs(30);
const REPLICATION_TIMEOUT: Duration = Duration::from_secs(60);

/// A cluster for a drill.
pub struct Scene {
    /// Its directory.
    pub dir: DataDir,
    /// What it consists of; nodes can be replaced.
    cluster: RwLock<Arc<Cluster>>,
    own: Option<Running>,
}

impl Scene {
    /// Makes and starts a cluster that ends with the drill. Faults of the network need a `carriage` by the supervisor;
    /// benchmarks go without, because it costs.
    pub async fn of_its_own(
        dir: DataDir,
        wish: &Wish,
        carriage: Carriage,
        interrupt: &CancellationToken,
    ) -> Result<Self, Failure> {
        let cluster = generate::create(&dir, wish, &mut OsEntropy)?;
        let running = running::start(&dir, cluster, Restart::Never, carriage).await?;
        let serving = async {
            running.serves(UP_TIMEOUT, |_| {}).await?;
            identities::everywhere(&dir, &running.cluster, UP_TIMEOUT).await
        };
        let served = interrupt.run_until_cancelled(serving).await;
        if let Err(failure) = served.unwrap_or(Err(Failure::Interrupted)) {
            running.stop().await;
            return Err(failure);
        }
        Ok(Self { dir, cluster: RwLock::new(running.cluster.clone()), own: Some(running) })
    }

    /// Uses the cluster that runs in `dir`, all of which must serve.
    pub async fn running(dir: DataDir) -> Result<Self, Failure> {
        let cluster = RwLock::new(Arc::new(Cluster::open(&dir)?));
        let report = control::report(&dir).await?;
        if !report.serves() {
            let failure = "the running cluster does not serve as a whole; `meridian local status` shows why";
            return Err(Failure::DrillStopped(failure.into()));
        }
        Ok(Self { dir, cluster, own: None })
    }

    /// What the cluster consists of now.
    pub fn cluster(&self) -> Arc<Cluster> {
        self.cluster.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One of its Regions.
    pub fn region(&self, name: &Region) -> Option<RegionPlan> {
        self.cluster().region(name).cloned()
    }

    /// Looks at it anew, after a change of its nodes or Regions.
    pub fn refresh(&self) -> Result<(), Failure> {
        let now = Arc::new(Cluster::open(&self.dir)?);
        *self.cluster.write().unwrap_or_else(PoisonError::into_inner) = now;
        Ok(())
    }

    /// True if the cluster ends with the drill.
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// The data Regions.
    pub fn data_regions(&self) -> Vec<Region> {
        self.cluster().data_regions().map(|region| region.name.clone()).collect()
    }

    /// The API addresses of a Region's nodes.
    pub fn nodes(&self, region: &Region) -> Vec<SocketAddr> {
        self.cluster()
            .region(region)
            .map(|r| r.nodes.iter().map(|node| node.api()).collect())
            .unwrap_or_default()
    }

    /// Stops a cluster of the drill's own; its data goes with it, unless somebody may want to look.
    pub async fn close(self, keep: bool) -> Result<(), Failure> {
        let Some(running) = self.own else { return Ok(()) };
        running.stop().await;
        if keep { Ok(()) } else { wipe(&self.dir, &Cluster::open(&self.dir)?) }
    }
}

/// A key of the drill.
#[derive(Debug, Clone, Serialize)]
pub struct DrillKey {
    /// Its id, the same in every Region.
    pub id: String,
    /// The Regions that can use it.
    pub regions: Vec<Region>,
    /// True for multi-Region keys.
    pub multi_region: bool,
    /// The Region that may change shared properties.
    pub primary: Region,
}

/// The keys of a drill; a promotion changes their primaries.
#[derive(Debug, Clone)]
pub struct Keys(Arc<Mutex<Vec<DrillKey>>>);

impl Keys {
    /// The keys as they are now.
    pub fn all(&self) -> Vec<DrillKey> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The multi-Region keys whose primary is `region`.
    pub fn led_by(&self, region: &Region) -> Vec<DrillKey> {
        self.all().into_iter().filter(|key| key.multi_region && key.primary == *region).collect()
    }

    /// `to` is the primary of this key.
    pub fn led(&self, id: &str, to: &Region) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.iter_mut().filter(|key| key.id == id).for_each(|key| key.primary = to.clone());
    }

    /// The single-Region keys of `region` are gone with what it had.
    pub fn lost_with(&self, region: &Region) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|key| key.multi_region || key.primary != *region);
    }

    /// One more key.
    pub fn add(&self, key: DrillKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(key);
    }
}

/// Makes `count` multi-Region keys led by `leader`, one led by another Region, and one single-Region key in each Region.
pub async fn make_keys(
    callers: &Callers,
    regions: &[Region],
    leader: &Region,
    count: usize,
) -> Result<Keys, Failure> {
    let other = regions.iter().find(|region| *region != leader).unwrap_or(leader);
    let mut keys = Vec::new();
    for primary in std::iter::repeat_n(leader, count).chain([other]) {
        keys.push(multi_region_key(callers, regions, primary).await?);
    }
    for region in regions {
        keys.push(single_region_key(callers, region).await?);
    }
    Ok(Keys(Arc::new(Mutex::new(keys))))
}

/// Makes a key that only `region` can use.
pub async fn single_region_key(callers: &Callers, region: &Region) -> Result<DrillKey, Failure> {
    let id = create(callers, region, json!({ "Description": "drill, single-Region" })).await?;
    Ok(DrillKey { id, regions: vec![region.clone()], multi_region: false, primary: region.clone() })
}

/// Makes a multi-Region key, usable in every Region.
pub async fn multi_region_key(
    callers: &Callers,
    regions: &[Region],
    primary: &Region,
) -> Result<DrillKey, Failure> {
    let id = create(callers, primary, json!({ "Description": "drill", "MultiRegion": true })).await?;
    for replica in regions.iter().filter(|region| *region != primary) {
        replicated(callers, primary, replica, &id, REPLICATION_TIMEOUT).await?;
    }
    Ok(DrillKey { id, regions: regions.to_vec(), multi_region: true, primary: primary.clone() })
}

async fn create(callers: &Callers, region: &Region, body: Value) -> Result<String, Failure> {
    let answer = callers
        .persist(region, "CreateKey", body, SETUP_PATIENCE)
        .await
        .map_err(|e| stopped("CreateKey", region, &e))?;
    let id = text(&answer, "/KeyMetadata/KeyId").map(str::to_owned);
    id.ok_or_else(|| Failure::DrillStopped(format!("CreateKey in {region} named no key: {answer}")))
}

/// Replicates the key and waits until it can be used there.
pub async fn replicated(
    callers: &Callers,
    primary: &Region,
    replica: &Region,
    id: &str,
    within: Duration,
) -> Result<(), Failure> {
    replicate(callers, primary, json!({ "KeyId": id, "ReplicaRegion": replica })).await?;
    enabled(callers, replica, id, within).await
}

/// A repeated call whose first attempt had its effect finds the replica there.
async fn replicate(callers: &Callers, primary: &Region, body: Value) -> Result<(), Failure> {
    match callers.persist(primary, "ReplicateKey", body, SETUP_PATIENCE).await {
        Ok(_) => Ok(()),
        Err(error) if error.code == "AlreadyExistsException" => Ok(()),
        Err(error) => Err(stopped("ReplicateKey", primary, &error)),
    }
}

async fn enabled(callers: &Callers, region: &Region, id: &str, within: Duration) -> Result<(), Failure> {
    let until = Instant::now() + within;
    loop {
        let answer = callers.once(region, "DescribeKey", json!({ "KeyId": id })).await;
        if answer.as_ref().is_ok_and(|answer| text(answer, "/KeyMetadata/KeyState") == Some("Enabled")) {
            return Ok(());
        }
        if Instant::now() > until {
            let seen = answer.map_or_else(|error| error.to_string(), |answer| answer.to_string());
            let failure = format!("key `{id}` is not Enabled in {region} after {within:?}: {seen}");
            return Err(Failure::DrillStopped(failure));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn stopped(operation: &str, region: &Region, error: &dyn std::fmt::Display) -> Failure {
    Failure::DrillStopped(format!("{operation} in {region}: {error}"))
}
