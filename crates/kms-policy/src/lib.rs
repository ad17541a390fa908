//! Policies: parse a document, evaluate a request against all that have a say in it.
//!
//! A pure function of its arguments: deny wins, absence denies, nothing unknown ever allows (invariant B3). Deliberately
//! absent: which principals exist and what is attached to them, how grants match, and where policies are kept.
//!
//! ```
//! use kms_policy::{Caller, Context, Guarded, NoGrants, Policy, PolicyKind, Request, Target, evaluate};
//! let policy = Policy::parse(
//!     PolicyKind::Key,
//!     r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kms:Enc*","Resource":"*"}}"#,
//! )?;
//! let account = "111122223333".parse()?;
//! let caller = Caller::bare(kms_types::Principal::Root { account });
//! let context = Context::default();
//! let allows = |action| {
//!     let target = Target::Guarded(Guarded {
//!         arn: "arn:aws:kms:eu-west-1:111122223333:key/mrk-0f1e2d3c4b5a69788796a5b4c3d2e1f0",
//!         owner: account,
//!         policy_name: "default",
//!         policy: Some(&policy),
//!         grants: &NoGrants,
//!     });
//!     evaluate(&Request { caller: &caller, action, target, context: &context }).is_allowed()
//! };
//! assert!(allows("kms:Encrypt"));
//! assert!(!allows("kms:Decrypt"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arn_pattern;
mod bindings;
mod caller;
mod condition;
mod context;
mod decision;
mod error;
mod evaluate;
mod explain;
mod glob;
mod json;
mod keys;
mod kind;
mod operator;
mod parse;
mod policy;
mod principal;
mod template;
#[cfg(test)]
mod tests;

pub use bindings::{Bindings, PrincipalDirectory};
pub use caller::{Caller, NamedPolicy, Permissions, SessionFacts};
pub use context::{Context, Value};
pub use decision::{Consent, Decision, Findings, GrantRef, Ground, PolicySource, StatementRef, Verdict};
pub use error::MalformedPolicy;
pub use evaluate::{Grants, Guarded, NoGrants, Request, Target, evaluate};
pub use explain::{Miss, PolicyTrace, StatementTrace, trace};
pub use kind::PolicyKind;
pub use policy::{Effect, Policy};
pub use principal::{NamedPrincipal, PrincipalPattern};
