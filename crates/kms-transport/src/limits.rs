//! Sizes and times of the cluster port.

use std::time::Duration;

/// Entries of one AppendEntries message are packed up to this size; one larger entry travels alone.
pub const MAX_APPEND_BYTES: usize = 4 << 20;
/// Largest message that the Raft and node services decode: one entry of the largest size that kms-state decodes.
pub(crate) const MAX_RAFT_MESSAGE_BYTES: usize = 20 << 20;
/// Largest chunk of a snapshot.
pub const SNAPSHOT_CHUNK_BYTES: usize = 1 << 20;
/// Largest snapshot that is received.
pub const MAX_SNAPSHOT_BYTES: u64 = 64 << 30;
/// Largest message between Regions.
pub const MAX_REGION_MESSAGE_BYTES: usize = 4 << 20;
/// Largest message of the administration service.
pub(crate) const MAX_ADMIN_MESSAGE_BYTES: usize = 4 << 20;
/// Room for the frame around a payload of the largest size.
pub(crate) const FRAME_BYTES: usize = 1024;

/// A connection, TLS included, that is not up by then counts as failed.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The same to another Region, which may be a satellite away: TCP and TLS take two round trips. Letters that wait for it are given
/// up earlier (DELIVER_TIMEOUT), the connection is not.
pub(crate) const FAR_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A TLS handshake that a client does not finish by then is dropped.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(3);
/// HTTP/2 pings on every connection, so that a vanished peer is noticed without traffic.
pub(crate) const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// A ping without an answer by then ends the connection.
pub(crate) const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(3);
/// Entries that are not acknowledged by then are sent again.
pub(crate) const APPEND_TIMEOUT: Duration = Duration::from_secs(1);
/// One attempt to deliver a message to one node of a peer Region.
pub(crate) const DELIVER_TIMEOUT: Duration = Duration::from_secs(2);
/// Deliveries in flight to one peer Region.
pub(crate) const DELIVERIES_IN_FLIGHT: usize = 64;
/// One administration call; adding a node waits until it has caught up.
pub(crate) const ADMIN_TIMEOUT: Duration = Duration::from_secs(60);
/// Calls in progress on one connection.
pub(crate) const STREAMS_PER_CONNECTION: u32 = 4096;
/// How long open calls may take to finish when the server stops.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
