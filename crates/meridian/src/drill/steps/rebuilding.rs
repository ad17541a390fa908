//! `rebuild`, `replicate`: a Region that is done without comes back under its name with a new history, and gets its keys.

use kms_types::Region;
use std::time::Instant;

use crate::{
    drill::{
        definition::{Rebuild, Replicate},
        scene::{DrillKey, replicated, single_region_key},
        stage::Stage,
        steps::missed,
    },
    failure::Failure,
    local::{
        generate::Places,
        regions::{Newcomer, let_in, turn_out},
    },
};

impl Stage<'_> {
    /// As an operator would: the others remove the Region, what is left of it is deleted, and a new one of its name is let in,
    /// on the same ports.
    pub(super) async fn rebuild(&mut self, wanted: &Rebuild) -> Result<(), Failure> {
        let region = self.region(&wanted.region)?;
        if let Some(key) = self.keys.led_by(&region).first() {
            return Err(missed(format!(
                "{region} is the primary of `{}`: promote another Region first",
                key.id
            )));
        }
        let plan = self.scene.region(&region);
        let plan = plan.ok_or_else(|| missed(format!("there is no {region}")))?;
        self.disturbance_begins();
        // Until its keys are back, nothing that it says proves anything.
        self.observer.went_back(&region);
        self.excluded.insert(region.clone());
        self.tell_changes();
        turn_out(&self.scene.dir, &region, false).await?;
        let at_ms = self.observer.event(format!("{region} is removed, and its data deleted"));
        self.faults.mended(&self.nodes_of(&region), at_ms);
        let newcomer = Newcomer {
            region: region.clone(),
            role: plan.role,
            places: Places { gateway: plan.gateway, nodes: plan.nodes },
            wait: wanted.within.duration(),
        };
        let plan = let_in(&self.scene.dir, newcomer).await?;
        self.scene.refresh()?;
        self.observer
            .event(format!("{region} is let in as incarnation {}, serves and votes", plan.incarnation));
        Ok(())
    }

    /// Replicates every multi-Region key to the Region, which is one like the others from then on.
    pub(super) async fn replicate(&mut self, wanted: &Replicate) -> Result<(), Failure> {
        let (region, until) = (self.region(&wanted.to)?, Instant::now() + wanted.within.duration());
        let keys: Vec<DrillKey> = self.keys.all().into_iter().filter(|key| key.multi_region).collect();
        for key in keys.iter().filter(|key| key.primary != region) {
            let left = until.saturating_duration_since(Instant::now());
            replicated(&self.callers, &key.primary, &region, &key.id, left).await?;
        }
        self.observer.event(format!("{} keys Enabled in {region}", keys.len()));
        if self.excluded.remove(&region) {
            self.as_new(&region).await?;
        }
        Ok(())
    }

    /// What the Region had for itself is gone; it gets a key of its own again, and is checked like any other.
    async fn as_new(&mut self, region: &Region) -> Result<(), Failure> {
        self.keys.lost_with(region);
        self.changes.lost_with(region);
        let gone = self.observer.rebuilt(region);
        self.keys.add(single_region_key(&self.callers, region).await?);
        self.observer
            .event(format!("{gone} ciphertexts under {region}'s single-Region key are gone with it"));
        self.tell_changes();
        Ok(())
    }
}
