//! Who there is: users, groups, roles, managed policies and access keys of every account of the deployment (ADR 0013).
//!
//! ```text
//!   IAM call ──► home Region: change = guards, puts, deletes ──► one entry, position (epoch, sequence)
//!                                                                   │ tail of the newest entries
//!   other Regions: pull after a position ──► the same entries in the same order, or a whole copy
//! ```
//!
//! The home is the primary of the identity key, a multi-Region key that no API reaches. An entry is taken only after the
//! one before it, so that every Region passes through the states of the home and no others. Deliberately absent: what
//! an IAM call may do, and how policies are evaluated.

mod caller;
mod change;
mod documents;
mod key_id;
mod record;
mod table;

pub use caller::{CallerError, CredentialRef, Session};
pub use change::{Guard, IdentityChange, IdentityCopy, IdentityEntry, Position};
pub use documents::PolicyDocument;
pub use key_id::identity_key_id;
pub use record::{
    AccessKey, AccessKeyOwner, AccessKeyStatus, Group, IdentityKey, IdentityRecord, ManagedPolicy,
    PolicyVersion, Role, User,
};
pub(crate) use table::TABLE;
pub use table::{Identity, Stored};
