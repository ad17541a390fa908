//! The receiver's short-lived key pair. Its expiry travels in the binding; this type knows no time.

use hpke::{Deserializable, Kem as _, Serializable, kem::XWing};
use kms_types::Entropy;
use serde::{Deserialize, Serialize};
use std::fmt;

use crate::{CryptoError, entropy_rng::EntropyRng};

pub(super) type Private = <XWing as hpke::Kem>::PrivateKey;
pub(super) type Public = <XWing as hpke::Kem>::PublicKey;

/// The private half of a receiver key; wiped on drop, lives in memory only.
///
/// ```compile_fail
/// fn copy(k: &kms_crypto::ReceiverKey) -> kms_crypto::ReceiverKey { k.clone() }
/// ```
/// ```compile_fail
/// fn write(k: &kms_crypto::ReceiverKey) -> String { serde_json::to_string(k).unwrap() }
/// ```
pub struct ReceiverKey {
    private: Private,
    public: ReceiverPublic,
}

/// The public half of a receiver key: 1,216 bytes that are a valid X-Wing encapsulation key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct ReceiverPublic(Vec<u8>);

impl ReceiverKey {
    /// A fresh random receiver key.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        let (private, public) = XWing::gen_keypair_with_rng(&mut EntropyRng(entropy));
        Self { private, public: ReceiverPublic(public.to_bytes().to_vec()) }
    }

    /// What an offer publishes.
    pub fn public(&self) -> &ReceiverPublic {
        &self.public
    }

    pub(super) fn private(&self) -> &Private {
        &self.private
    }
}

impl ReceiverPublic {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn parsed(&self) -> Result<Public, CryptoError> {
        Public::from_bytes(&self.0).map_err(|_| CryptoError::InvalidReceiverPublic)
    }
}

impl TryFrom<Vec<u8>> for ReceiverPublic {
    type Error = CryptoError;
    fn try_from(bytes: Vec<u8>) -> Result<Self, CryptoError> {
        let public = Self(bytes);
        public.parsed()?;
        Ok(public)
    }
}

impl From<ReceiverPublic> for Vec<u8> {
    fn from(public: ReceiverPublic) -> Self {
        public.0
    }
}

impl fmt::Debug for ReceiverKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReceiverKey({:?}, ..)", self.public)
    }
}

impl fmt::Debug for ReceiverPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ReceiverPublic({}…)",
            self.0.iter().take(8).map(|b| format!("{b:02x}")).collect::<String>()
        )
    }
}
