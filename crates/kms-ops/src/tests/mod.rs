//! Every operation against a state in memory: proposals are applied at once, and other Regions agree when told to.

mod aliases;
mod asymmetric;
mod authorization;
mod cryptography;
mod explaining;
mod fixture;
mod keys;
mod policies;
mod regions;
mod requests;
mod resolution;
mod rotation;
mod states;
mod tags;
