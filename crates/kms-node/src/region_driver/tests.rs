//! The driver with real signatures and envelopes, over logs and links in memory.

mod deployment;
mod envelopes;
mod letters;
mod regions;
