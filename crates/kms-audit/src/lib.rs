//! CloudTrail-format records, durable before the answer leaves (G1), and the append-only file that holds them.
//!
//! Does not decide what is recorded and for whom: `kms-node` builds one record per call. Not here yet: the hash chain.

mod active_file;
mod error;
mod event;
mod identity;
mod log;
mod members;
mod record;
mod writer;

pub use error::AuditError;
pub use event::{Event, ServiceEvent};
pub use identity::{SessionIssuer, UserIdentity};
pub use log::{AuditLog, AuditOptions, AuditStats};
pub use members::human_date;
pub use record::{Record, RecordBuilder, TlsDetails};
