//! Secret types, key wrapping and derivation, the ciphertext format and the Region envelopes.
//!
//! Everything here is a function of its arguments. Deliberately absent: a clock, a randomness source (callers hand
//! in [`kms_types::Entropy`]), files, and any decision about who may use a key.
//!
//! ```text
//! RootKey ──wraps──► DomainKey ──wraps──► KeyMaterial ──derives──► one key, nonce and commitment per message
//!   (provider)         (versioned)          (one per rotation)        (ciphertext)
//!                                               └── travels between Regions only inside an Envelope
//! ```

mod aead;
pub mod agreement;
mod asymmetric;
pub mod attestation;
pub mod ciphertext;
pub mod cms;
mod domain_key;
mod entropy_rng;
pub mod envelope;
mod error;
mod grant_token;
pub mod import;
pub mod kem;
pub mod key_pair;
pub mod mac;
mod material;
mod root_key;
pub mod rsa_oaep;
mod secret_text;
mod self_test;
pub mod signature;
pub mod signing;
mod transcript;
mod wrapped;
#[cfg(test)]
mod wycheproof_tests;

pub use ciphertext::{Header, SealRequest};
pub use domain_key::DomainKey;
pub use envelope::{Envelope, EnvelopeBinding, ReceiverKey, ReceiverPublic, seal_envelope};
pub use error::CryptoError;
pub use grant_token::GrantToken;
pub use material::{KeyMaterial, commitment, material_id};
pub use root_key::RootKey;
pub use secret_text::SecretText;
pub use self_test::{SelfTestCheck, SelfTestError, self_test};
pub use signing::{Signature, SigningKey, VerifyingKey};
pub use wrapped::{Commitment, RecipientId, WrappedDomainKey, WrappedMaterial};
