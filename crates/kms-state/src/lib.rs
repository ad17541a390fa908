//! One Region's replicated state machine: `apply(&mut State, &Proposal) -> Outcome`.
//!
//! Pure and total: a committed proposal never fails to apply, its outcome may be a refusal. No clock, no
//! randomness, no file: the proposer decided everything, and time is Region time, moved by [`Command::Tick`].

/// True while a known bug is built in, which only kms-model's feature `seeded-bugs` can do.
#[cfg(feature = "seeded-bugs")]
macro_rules! seeded {
    ($($bug:ident)|+) => {
        $($crate::seeded::is($crate::seeded::Bug::$bug))||+
    };
}
#[cfg(not(feature = "seeded-bugs"))]
macro_rules! seeded {
    ($($bug:ident)|+) => {
        false
    };
}

mod apply;
mod codec;
mod command;
mod compiled;
mod directory;
mod grant;
mod history;
pub mod identity;
mod import;
mod key;
mod key_state;
mod outcome;
mod record;
mod record_import;
mod region_clock;
mod register;
mod resource_policy;
#[cfg(feature = "seeded-bugs")]
pub mod seeded;
mod service_event;
mod state;
mod usage;

pub use codec::{Change, DecodeError, decode, encode};
pub use command::{
    Command, CreateGrant, CreateKey, Expectation, ImportMaterial, InstallMaterial, NewMaterial, Origin,
    Proposal,
};
pub use directory::{Directory, DirectoryChange, DirectoryError, RegionRole, RemovedVoter, Voter};
pub use grant::{ComparedContext, ContextConstraint, Grant, GrantConstraints, GrantTerms, GrantUse};
pub use history::{MOST_OFFICES, Mark, Marks, OfficeId, PeerMark};
pub use identity::{
    CallerError, CredentialRef, Identity, IdentityChange, IdentityCopy, IdentityEntry, IdentityKey,
    IdentityRecord, Position, Session,
};
pub use import::ImportDetails;
pub use key::{
    Alias, Automatic, Enablement, Key, Lifecycle, MaterialInfo, MaterialStatus, MultiRegion, Rotation,
};
pub use key_state::{InvalidTransition, LifecycleEvent};
pub use outcome::{
    AcceptAnswer, DirectoryAnswer, DirectoryHold, Outcome, PromiseAnswer, ProposedDirectory, Refusal,
};
pub use record::{ControlRecord, Deletion, Membership, Phase, RecordError, ReplicaSeed};
pub use region_clock::RegionClock;
pub use register::Register;
pub use resource_policy::{KeyPolicy, OnKey, OnRole, PolicyHolder, ResourcePolicy, TrustPolicy};
pub use service_event::{Requested, ServiceAct, ServiceEvent, ServiceEventId};
pub use state::State;
pub use usage::{AccessKeyUsage, LastUsage, UsedAccessKey, UsedKey, UsedService};

/// True when known bugs are compiled in for kms-model. Nothing that ships may be built so.
pub const SEEDED_BUGS: bool = cfg!(feature = "seeded-bugs");
