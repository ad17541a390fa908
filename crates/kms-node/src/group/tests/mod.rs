//! Groups of real nodes against the invariants that the group has to keep.

mod access;
mod cluster;
mod membership;
mod reads;
mod writes;
