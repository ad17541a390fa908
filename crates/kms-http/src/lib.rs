//! AWS JSON 1.1 over HTTP: SigV4, the shapes of each operation, and the map from errors to AWS codes.
//!
//! Deliberately absent: deciding anything about keys. A verified, typed request goes to the service.

pub mod sigv4;

pub use sigv4::Authenticated;
