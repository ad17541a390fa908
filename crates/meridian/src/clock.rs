//! The wall clock of the commands: for signatures, certificates and report names. Durations use `Instant`, never this.

use kms_node::clock::{Clock, SystemClock};
use kms_types::Timestamp;

/// Now.
pub fn now() -> Timestamp {
    SystemClock.now()
}
