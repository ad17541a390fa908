mod crash;
mod fixture;
mod group;
mod prop_replay;
mod snapshots;
mod standings;
mod suite;

pub(crate) use fixture::{FaultyDisk, blank, log_id, log_options, no_exit, normal};
