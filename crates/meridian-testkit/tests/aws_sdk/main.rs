//! The AWS SDK for Rust against real processes: three Regions, every call through the typed client, every refusal as the
//! type that the SDK has for it.

#![expect(clippy::unwrap_used, reason = "a test whose call fails is to fail")]

mod asymmetric;
mod errors;
mod fixture;
mod grants;
mod imports;
mod lists;
mod regions;
mod symmetric;
