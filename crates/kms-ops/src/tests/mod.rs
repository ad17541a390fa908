//! Every operation against a state in memory: proposals are applied at once, and other Regions agree when told to.

mod aliases;
mod asymmetric;
mod authorization;
mod cryptography;
mod custom_key_stores;
mod explaining;
mod fixture;
mod grant_scale;
mod grants;
mod identities;
mod imports;
mod keys;
mod lists;
mod managed;
mod policies;
mod quotas;
mod regions;
mod requests;
mod resolution;
mod rotation;
mod states;
mod tags;
mod usage;
