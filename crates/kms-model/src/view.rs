use kms_state::{ControlRecord, Key, Register};
use std::sync::Arc;

use crate::{Scenario, Site, World, history::History, names};

/// The parts of one state of the deployment.
#[derive(Debug)]
pub struct View<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// The state.
    pub world: &'a World,
    /// The Regions, in the order of the scenario's voters.
    pub sites: Vec<Arc<Site>>,
    /// What happened so far.
    pub history: Arc<History>,
}

impl View<'_> {
    /// The Region with a short name.
    pub fn site(&self, name: &str) -> &Site {
        let place = self.scenario.voters.iter().position(|voter| *voter == name);
        &self.sites[place.expect("the Region is a voter of the scenario")]
    }

    /// The register there.
    pub fn register(&self, name: &str) -> Option<&Register> {
        self.site(name).state.register(&names::key_id()).map(Arc::as_ref)
    }

    /// The record that the Region goes by.
    pub fn committed(&self, name: &str) -> Option<&ControlRecord> {
        self.register(name)?.committed.as_deref()
    }

    /// The key there.
    pub fn key(&self, name: &str) -> Option<&Key> {
        self.site(name).state.key(&names::key_id()).map(Arc::as_ref)
    }

    /// The newest record that is committed.
    pub fn latest(&self) -> &ControlRecord {
        self.history.latest().expect("the key exists")
    }
}
