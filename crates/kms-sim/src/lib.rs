//! Deterministic simulation: whole deployments in one thread from one seed, with faults, clients and checks.
//!
//! What is real: consensus (openraft), the log and its files, the applied state, snapshots, the Region machines and their
//! driver, Region time, what falls due, and the operations that clients call. What is not, and what a seed decides, is in
//! docs/adr/0020-simulation.md and docs/verification.md. Ships nothing.

mod address;
mod answer;
mod bug;
mod clients;
mod clock;
mod deployment;
mod disk;
mod draw;
mod faults;
mod history;
mod host;
mod invariants;
mod key_model;
mod linear;
mod links;
mod message;
mod net;
mod opening;
mod overtaken;
mod rebuild;
mod regions;
mod repair;
mod rollback;
mod run;
mod standing;
mod sweep;
mod trace;
mod workload;

pub use bug::Bug;
pub use clients::Clients;
pub use deployment::Shape;
pub use faults::Fault;
pub use invariants::Violation;
pub use run::{Options, Report, run};
pub use sweep::{Summary, Sweep, sweep};
pub use trace::Show;
pub use workload::CallCounts;
