//! Replication between Regions: one sans-IO [`Machine`] per Region, run by the node that leads it.
//!
//! ```text
//!   committed state ──┐                          ┌──► Propose (to the own Region's log)
//!   peer messages   ──┼──► handle ─► Machine ─►  ├──► Send (to a peer Region, signed by the driver)
//!   outcomes, ticks ──┘                          └──► materials to seal or open, reports, alarms
//! ```
//!
//! All that must survive is in the Region's replicated state; the machine keeps timers and counts of votes, and is
//! dropped with the leadership (failure case 12). It reads no clock, draws no randomness, and sees no key material.
//! The rules are those of docs/adr/0005-region-protocol.md.

/// True while a known bug is built in, which only kms-model's feature `seeded-bugs` can do.
#[cfg(feature = "seeded-bugs")]
macro_rules! seeded {
    ($($bug:ident)|+) => {
        $(kms_state::seeded::is(kms_state::seeded::Bug::$bug))||+
    };
}
#[cfg(not(feature = "seeded-bugs"))]
macro_rules! seeded {
    ($($bug:ident)|+) => {
        false
    };
}

mod config;
mod deletion;
mod directory;
mod eviction;
mod hearing;
mod identity;
mod input;
mod install;
mod learn;
mod machine;
mod memory;
mod message;
mod output;
mod primary;
mod promotion;
mod proposals;
mod pull;
mod requests;
mod rounds;
mod status;
mod survey;
#[cfg(test)]
mod tests;
mod voter;
mod watch;

pub use config::Config;
pub use hearing::{NotHeard, Sender, hear};
pub use identity::IdentityStatus;
pub use input::{EvictScope, Force, Input, Losses, PromoteScope};
pub use machine::Machine;
pub use message::{Ack, Delivery, MAX_ITEMS, Message, MessageError, Offer, SealedMaterial, Want};
pub use output::{Alarm, DirectoryResult, KeyResult, Output};
pub use promotion::UnfinishedPromotions;
pub use status::{HeldUp, PeerStatus, Status};
