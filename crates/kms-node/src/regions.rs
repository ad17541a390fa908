//! Keeps this node's view of the other Regions with the directory: where they are reached, and whose nodes may use the
//! link to this one.

use kms_state::{Directory, State};
use kms_transport::TonicRegionLink;
use kms_types::Region;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::group::Group;

/// What changes with the directory.
pub(crate) struct Followers {
    pub(crate) group: Group,
    pub(crate) link: Arc<TonicRegionLink>,
    /// Of the configuration and of the invitation: used for Regions that the directory gives no addresses for.
    pub(crate) configured: BTreeMap<Region, Vec<String>>,
    /// Read by the cluster port.
    pub(crate) admitted: watch::Sender<BTreeSet<Region>>,
}

impl Followers {
    /// Follows until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut applied = self.group.watch_applied();
        let mut seen = None;
        loop {
            let state = applied.borrow_and_update().state.clone();
            let now = (state.directory().cloned(), state.next_directory().map(|next| next.directory.clone()));
            if seen.as_ref() != Some(&now) {
                self.follow(&state);
                seen = Some(now);
            }
            match stop.run_until_cancelled(applied.changed()).await {
                Some(Ok(())) => {}
                Some(Err(_)) | None => return,
            }
        }
    }

    fn follow(&self, state: &State) {
        self.link.set_peers(addresses(state, &self.configured));
        self.admitted.send_replace(admitted(state, &self.configured));
    }
}

fn directories(state: &State) -> impl Iterator<Item = &Directory> {
    // The one in force comes last: its addresses count.
    state.next_directory().map(|next| &next.directory).into_iter().chain(state.directory())
}

/// Where each other Region is reached. Regions that were removed are kept as far as they are configured: they are told.
pub(crate) fn addresses(
    state: &State,
    configured: &BTreeMap<Region, Vec<String>>,
) -> BTreeMap<Region, Vec<String>> {
    let mut addresses = configured.clone();
    for directory in directories(state) {
        addresses.extend(directory.links.clone());
    }
    addresses.retain(|region, nodes| state.region() != Some(region) && !nodes.is_empty());
    addresses
}

/// Whose letters are taken at all; what they may do depends on their signatures.
fn admitted(state: &State, configured: &BTreeMap<Region, Vec<String>>) -> BTreeSet<Region> {
    let mut names: BTreeSet<Region> = state.region().into_iter().cloned().collect();
    for directory in directories(state) {
        names.extend(directory.voters.keys().cloned());
        names.extend(directory.removed.values().map(|removed| removed.region.clone()));
    }
    if !state.is_bootstrapped() {
        names.extend(configured.keys().cloned());
    }
    names
}
