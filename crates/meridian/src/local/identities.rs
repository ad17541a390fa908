//! Waits until every data Region of a new cluster holds the identity key. Nodes serve before that, but users and sessions
//! cannot call the Region yet, and the Region cannot take over from a home that is lost.

use futures::future::join_all;
use std::time::{Duration, Instant};

use crate::{
    admin::Operator,
    failure::Failure,
    local::layout::{Cluster, DataDir, RegionPlan},
};

const POLL: Duration = Duration::from_millis(50);

/// Returns when users can call every data Region; fails after `limit`, naming those where they cannot.
pub async fn everywhere(dir: &DataDir, cluster: &Cluster, limit: Duration) -> Result<(), Failure> {
    let operator = Operator::of_cluster(dir)?;
    let until = Instant::now() + limit;
    loop {
        let asked = cluster.data_regions().map(|region| missing(&operator, region));
        let missing: Vec<String> = join_all(asked).await.into_iter().flatten().collect();
        if missing.is_empty() {
            return Ok(());
        }
        if Instant::now() > until {
            let (seconds, regions) = (limit.as_secs(), missing.join(", "));
            return Err(Failure::Admin(format!("no identities after {seconds} s in {regions}")));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The Region's name, unless one of its nodes says that it is ready.
async fn missing(operator: &Operator, region: &RegionPlan) -> Option<String> {
    let addresses: Vec<String> = region.nodes.iter().map(|node| node.cluster().to_string()).collect();
    let views = join_all(addresses.iter().map(|address| operator.status(address))).await;
    let ready = views.into_iter().flatten().any(|view| view.identity.ready);
    (!ready).then(|| region.name.to_string())
}
