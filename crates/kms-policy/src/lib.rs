//! Key policies: parse a document, evaluate a request against it.
//!
//! A pure function of its arguments: deny wins, absence denies, nothing unknown ever allows (invariant B3). Deliberately
//! absent: who the caller is allowed to be, grants, and where policies are kept.

mod error;

pub use error::MalformedPolicy;
