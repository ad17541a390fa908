//! Key policies: parse a document, evaluate a request against it.
//!
//! A pure function of its arguments: deny wins, absence denies, nothing unknown ever allows (invariant B3). Deliberately
//! absent: which principals exist, identity policies and grants, and where policies are kept.
//!
//! ```
//! use kms_policy::{Context, Decision, Policy, Request, evaluate};
//! let policy = Policy::parse(
//!     r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kms:Enc*","Resource":"*"}}"#,
//! )?;
//! let caller = kms_types::Principal::Root { account: "111122223333".parse()? };
//! let resource = "arn:aws:kms:eu-west-1:111122223333:key/mrk-0f1e2d3c4b5a69788796a5b4c3d2e1f0";
//! let decide = |action| {
//!     evaluate(&Request { caller: &caller, action, resource, context: &Context::default() }, &policy)
//! };
//! assert!(matches!(decide("kms:Encrypt"), Decision::Allow(_)));
//! assert_eq!(decide("kms:Decrypt"), Decision::ImplicitDeny);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod condition;
mod context;
mod error;
mod evaluate;
mod json;
mod operator;
mod parse;
mod policy;
mod principal;
mod template;
#[cfg(test)]
mod tests;

pub use context::{Context, Value};
pub use error::MalformedPolicy;
pub use evaluate::{Decision, Request, StatementRef, evaluate};
pub use policy::{Effect, Policy, PrincipalPattern};
