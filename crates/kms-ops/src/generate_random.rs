//! GenerateRandom [KMS:GenerateRandom].

use zeroize::Zeroizing;

use crate::Recipient;

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// 1 to 1,024.
    pub number_of_bytes: Option<u32>,
    /// A custom key store.
    pub custom_key_store_id: Option<String>,
    /// An attestation document, for an answer that only an enclave can read.
    pub recipient: Option<Recipient>,
}

/// The answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The random bytes.
    pub plaintext: Zeroizing<Vec<u8>>,
}
