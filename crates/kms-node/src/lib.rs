//! One running node: it drives the pure core with a clock, randomness, keys, a log and a network.
//!
//! Deliberately absent: decisions about keys (kms-ops), about agreement between Regions (kms-region), and wire formats.

/// True while a known bug is built in, which only kms-sim's feature `seeded-bugs` can do.
#[cfg(feature = "seeded-bugs")]
macro_rules! seeded {
    ($bug:ident) => {
        $crate::seeded::is($crate::seeded::Bug::$bug)
    };
}
#[cfg(not(feature = "seeded-bugs"))]
macro_rules! seeded {
    ($bug:ident) => {
        false
    };
}

mod admin;
mod bootstrap;
pub mod clock;
pub mod config;
mod credentials;
mod decide;
pub mod disturbance;
pub mod entropy;
pub mod group;
mod heavy;
mod iam_audit;
mod identity;
mod invitation;
mod keyring;
mod metrics;
mod node;
mod opened_tokens;
pub mod rates;
mod readiness;
pub mod region_driver;
mod regions;
#[cfg(feature = "seeded-bugs")]
pub mod seeded;
mod service;
mod service_events;
#[cfg(feature = "simulation")]
pub mod simulation;
mod timers;
mod usage;

// The bugs that kms-model and kms-sim look for must not be in what serves: features of a workspace add up in one build.
const _: () = assert!(
    !kms_state::SEEDED_BUGS || cfg!(feature = "simulation"),
    "build without the feature `seeded-bugs`: it is for kms-model and kms-sim alone"
);

pub use config::{ConfigError, NodeConfig};
pub use keyring::RegionKeyRing;
pub use node::{NodeError, run_disturbed, run_node};
