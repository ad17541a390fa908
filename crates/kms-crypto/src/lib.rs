//! Secret types, key wrapping and derivation, the ciphertext format and the Region envelopes.

mod wrapped;

pub use wrapped::{Commitment, RecipientId, WrappedDomainKey, WrappedMaterial};
