//! The operating system's generator for what the commands make: ids, keys, ports. Never for seeded choices of a drill.

pub use kms_node::entropy::OsEntropy;
