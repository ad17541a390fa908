//! Regions that come and go while the cluster runs.

use serde_json::Value;

use crate::{cluster::Cluster, error::Error};

impl Cluster {
    /// Lets another data Region in, with as many nodes as the first one has. It serves and votes when this returns, and
    /// holds no key until keys are replicated to it. A Region that was removed begins anew under its name.
    pub async fn add_region(&mut self, region: &str) -> Result<(), Error> {
        self.ask::<Value>(&["local", "add-region", region]).await?;
        self.regions.push(region.to_owned());
        Ok(())
    }

    /// Lets a Region in that votes and holds no key material.
    pub async fn add_witness(&self, region: &str) -> Result<(), Error> {
        self.ask::<Value>(&["local", "add-region", region, "--witness"]).await.map(drop)
    }

    /// Has the others remove a Region, ends its nodes and deletes what it had. Refused while it is the primary of keys:
    /// [`Cluster::promote`] another one first.
    pub async fn remove_region(&mut self, region: &str) -> Result<(), Error> {
        self.ask::<Value>(&["local", "remove-region", region]).await?;
        self.regions.retain(|known| known != region);
        Ok(())
    }
}
