//! Whole deployments in memory: real machines, real states, a network that the test controls.

mod delivery;
mod directory;
mod failure_cases;
mod identity;
mod imports;
mod orphans;
mod rules;
mod unfinished;
mod world;
