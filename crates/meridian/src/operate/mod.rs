//! Operators' commands against a Region: `meridian region`, `key`, `rotation`, `node` and `authz`. Passes them on; the nodes decide.

pub mod access;
pub mod authz;
pub mod key;
pub mod node;
pub mod region;
pub mod rotation;
