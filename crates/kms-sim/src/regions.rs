//! What has to hold before a whole Region is taken away, and all disks of one at an earlier moment.

use crate::address::{Address, RegionNumber};
use crate::deployment::Deployment;
use crate::disk::DiskImage;
use crate::standing::Standing;
use kms_raft::Applied;
use std::collections::BTreeMap;
use std::sync::Arc;

/// True when every Region lives and has agreed on who votes: a majority survives the loss of one.
pub(crate) fn has_settled(deployment: &Deployment) -> bool {
    (0..deployment.regions()).all(|region| {
        let applied = deployment.newest(region);
        let reads = |applied: &Arc<Applied>| applied.state.has_vote() && !applied.state.is_survey_open();
        deployment.standings.is_living(region) && applied.as_ref().is_some_and(reads)
    })
}

/// A Region as it was.
pub(crate) struct Earlier {
    pub(crate) region: RegionNumber,
    history: u32,
    images: BTreeMap<Address, DiskImage>,
    applied: Arc<Applied>,
}

impl Earlier {
    /// Copies of all disks at this moment, as a storage array takes them. Only while all its nodes run.
    pub(crate) fn take(deployment: &Deployment, region: RegionNumber) -> Option<Self> {
        let whole = deployment.of_region(region).all(|host| host.is_up() && !host.has_failed());
        let applied =
            deployment.newest(region).filter(|_| whole && deployment.standings.is_living(region))?;
        let images = deployment.of_region(region).map(|host| (host.address, host.disk.image())).collect();
        Some(Self { region, history: deployment.standings.history(region), images, applied })
    }

    /// False once the Region is another one.
    pub(crate) fn is_of_present(&self, deployment: &Deployment) -> bool {
        deployment.standings.history(self.region) == self.history
            && deployment.standings.is_living(self.region)
    }

    /// True when a peer has heard more of the Region than it knew then, so that the peer will miss it.
    pub(crate) fn is_missed(&self, deployment: &Deployment) -> bool {
        let Some(own) = self.applied.state.region() else { return false };
        let others = (0..deployment.regions()).filter(|other| *other != self.region);
        others.filter_map(|other| deployment.newest(other)).any(|applied| {
            let heard = applied.state.peer_mark(own);
            heard.is_some_and(|mark| !self.applied.state.has_been_at(mark))
        })
    }

    /// Stops the Region and sets all its disks back; names the nodes to start.
    pub(crate) fn restore(&self, deployment: &mut Deployment) -> Vec<Address> {
        deployment.standings.set(self.region, Standing::SetBack);
        deployment.net.break_connections(self.region);
        for (address, image) in &self.images {
            deployment.paused.remove(address);
            if let Some(host) = deployment.hosts.get_mut(address) {
                host.kill();
                host.broken = false;
                host.disk.restore(image.clone());
            }
        }
        self.images.keys().copied().collect()
    }
}
