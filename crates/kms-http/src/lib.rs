//! AWS JSON 1.1 over HTTP: SigV4, the shapes of each operation, and the map from errors to AWS codes.
//!
//! Deliberately absent: deciding anything about keys. A verified, typed request goes to the service.

pub mod client;
pub mod error;
mod query;
pub mod server;
pub mod service;
pub mod shapes;
pub mod sigv4;
pub mod target;
pub mod validate;

pub use client::{ClientError, KmsClient};
pub use error::{ApiError, TransportError};
pub use server::{ServerOptions, serve, serve_with};
pub use service::{
    Admission, Answer, ApiCall, AuditFailure, IamAnswer, KmsService, Origin, QueryCall, Refused, RefusedCall,
    Reply, Throttled,
};
pub use shapes::response_json;
pub use sigv4::{Api, Authenticated, Authenticator, Credential, Credentials, SignatureError, Validity};
pub use target::TargetError;
pub use validate::InputError;
