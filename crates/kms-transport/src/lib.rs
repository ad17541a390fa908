//! Everything tonic: Raft RPC, node-to-node calls, the link between Regions, administration, mutual TLS.
//!
//! Decides nothing: consensus is openraft's, the Region protocol is `kms-region`'s, and handlers of kms-node answer.
//! What it does decide is who may speak to which service (invariant F3), in one place: `server.rs`.

mod admin;
mod backoff_gate;
mod call_error;
mod dialer;
mod history;
mod identity;
mod limits;
mod node_client;
mod node_service;
mod peer_links;
mod peer_memory;
pub mod pki;
mod proto;
mod raft_codec;
mod raft_network;
mod raft_service;
mod region_link;
mod region_service;
mod server;
mod snapshot_assembly;
mod snapshot_outbox;
mod tls;

pub use admin::{AdminClient, AdminError, AdminHandler};
pub use call_error::CallError;
pub use dialer::Dialer;
pub use identity::{IdentityError, PeerIdentity};
pub use limits::{MAX_APPEND_BYTES, MAX_REGION_MESSAGE_BYTES, MAX_SNAPSHOT_BYTES, SNAPSHOT_CHUNK_BYTES};
pub use node_client::{NodeCalls, NodeClient};
pub use node_service::{
    DeliverAnswer, ForwardAnswer, Found, MembersOpinion, NodeHandler, Opinion, ReadIndexAnswer,
};
pub use peer_links::PeerLinks;
pub use peer_memory::{Forgetful, PeerMemory, Purpose};
pub use proto::admin as admin_messages;
pub use raft_network::{RaftConnection, RaftNetwork};
pub use region_link::{LinkError, TonicRegionLink};
pub use region_service::{RegionHandler, RegionRefusal};
pub use server::{Access, ClusterServer, ServeError, Services};
pub use tls::{TlsError, TlsIdentity, certificate_from_pem};
pub use tonic::async_trait;
