//! Operators' commands against a Region: `meridian region` and `meridian node`. Passes them on; the nodes decide.

pub mod access;
pub mod node;
pub mod region;
