//! Model checking of the protocol between Regions (docs/adr/0005-region-protocol.md), on the code that the server runs.
//!
//! Every Region is a [`Site`]: the real `kms_state::State` and the real `kms_region::Machine`. A [`World`] is all of
//! them, the letters between them, and what an observer remembers ([`history`]). The checker of the crate `stateright`
//! walks through every order of events that a [`Scenario`] allows, and asks in every state whether the invariants of
//! docs/spec/invariants.md hold ([`Rule`]). What is modelled, what is not, and the figures are in docs/verification.md.
//!
//! stateright's own actors are not used: they clone and hash the state of every actor in every step, and a machine with
//! its state is neither small nor hashable. So [`Protocol`] implements stateright's `Model` over fingerprints of the
//! parts, and a [`Book`] works out each step of each Region once.
//!
//! This crate is for tests: nothing that ships uses it.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a model that stops at a broken assumption is what is wanted; nothing of this crate ships"
)]

mod action;
mod book;
mod budget;
mod call;
mod converge;
mod deployment;
mod event;
mod fingerprint;
mod goal;
mod history;
mod judge;
mod letter;
mod names;
mod protocol;
mod rule;
mod run;
mod scenario;
mod seeded;
mod site;
mod trace;
mod view;
mod world;

pub use action::Action;
pub use book::Book;
pub use budget::{Budget, Cost};
pub use call::Call;
pub use event::Event;
pub use fingerprint::fingerprint;
pub use goal::Goal;
pub use history::History;
pub use letter::Letter;
pub use protocol::Protocol;
pub use rule::{Rule, Rules};
pub use run::{Counterexample, Limits, Progress, Report, Search, run};
pub use scenario::{Scenario, scenario, scenarios};
pub use seeded::Bug;
pub use site::{Log, Pause, Site, Step};
pub use view::View;
pub use world::World;
