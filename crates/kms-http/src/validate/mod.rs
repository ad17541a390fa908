//! Members of a JSON request, checked against the API model: every broken constraint is collected, and the values that
//! the audit record may show are noted on the way.
//!
//! Deliberately absent: rules that relate members to each other or to state; those are in `kms-ops`.

mod constraint;
mod json;
mod members;
mod violation;

#[cfg(test)]
mod tests;

pub(crate) use constraint::{Length, Show, Text};
pub(crate) use json::parse_object;
pub(crate) use members::Members;
pub use violation::{InputError, SerializationError, Violation};
