//! The `meridian` program as a library: one node, local clusters, drills, benchmarks and operator commands.
//!
//! Wires the other crates together and talks to people; decides nothing about keys.

pub mod admin;
pub mod api;
pub mod bench;
pub mod cli;
pub mod clock;
mod disturbances;
pub mod drill;
pub mod entropy;
pub mod failure;
pub mod local;
pub mod operate;
pub mod probe;
mod say;
pub mod server;
