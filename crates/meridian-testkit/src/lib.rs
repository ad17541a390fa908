//! Multi-Region Meridian clusters inside tests: real processes on free ports, ready AWS clients, failures by name,
//! everything gone when the [`Cluster`] is dropped. The README has an example to paste.
//!
//! What it deliberately does not do: sleep for a while and hope. Every method returns when what it names has happened,
//! and [`wait_until`] waits for anything else. It knows nothing of Meridian's insides either: it drives the `meridian`
//! program with the commands that people type, so what passes here passes by hand.

mod binary;
mod builder;
mod client;
mod cluster;
mod command;
mod error;
mod faults;
mod keys;
mod regions;
mod status;
mod supervisor;
mod wait;

pub use aws_sdk_kms;
pub use builder::Builder;
pub use cluster::Cluster;
pub use error::Error;
pub use status::{NodeStatus, RegionStatus, Status};
pub use wait::wait_until;
