//! One running node: it drives the pure core with a clock, randomness, keys, a log and a network.
//!
//! Deliberately absent: decisions about keys (kms-ops), about agreement between Regions (kms-region), and wire formats.

mod admin;
mod bootstrap;
pub mod clock;
pub mod config;
mod credentials;
mod decide;
pub mod entropy;
pub mod group;
mod heavy;
mod iam_audit;
mod identity;
mod keyring;
mod node;
pub mod rates;
mod readiness;
pub mod region_driver;
mod service;
mod service_events;
mod timers;
mod usage;

pub use config::{ConfigError, NodeConfig};
pub use keyring::RegionKeyRing;
pub use node::{NodeError, run_node};
