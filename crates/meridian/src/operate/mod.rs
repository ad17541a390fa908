//! Operators' commands against a Region: `meridian region`, `meridian node` and `meridian authz`. Passes them on; the nodes decide.

pub mod access;
pub mod authz;
pub mod node;
pub mod region;
