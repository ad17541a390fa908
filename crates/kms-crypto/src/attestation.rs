//! Attestation documents of a Recipient: COSE_Sign1 [RFC9052 §4.2] over a CBOR map, as the Nitro hypervisor and NitroTPM make
//! them [NITRO]. Verifies signature and certificates at a given time against a given root; decides nothing from what the
//! document says.
//!
//! Lengths, counts and nesting are bounded before anything is allocated, and what the format does not know is refused.

mod chain;
mod cose;
mod payload;

use kms_types::Timestamp;
use std::collections::BTreeMap;

use crate::CryptoError;

/// Largest document that is looked at, in bytes: the API's limit.
const MAX_DOCUMENT_BYTES: usize = 262_144;

/// What a verified document says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttestationDocument {
    /// The module, for example `i-0123456789abcdef0-enc0123456789abcdef`.
    pub module_id: String,
    /// When the document was made, by the hypervisor's clock.
    pub timestamp: Timestamp,
    /// The enclave's measurements by register, 0 to 31, of 32, 48 or 64 bytes. Register 0 is the image digest.
    pub pcrs: BTreeMap<u8, Vec<u8>>,
    /// The measurements of a NitroTPM by register, 0 to 23.
    pub nitro_tpm_pcrs: BTreeMap<u8, Vec<u8>>,
    /// The public key that the module wants its answer encrypted to: SubjectPublicKeyInfo in DER.
    pub public_key: Option<Vec<u8>>,
    /// Whatever the module added.
    pub user_data: Option<Vec<u8>>,
    /// Whatever the module was asked to add.
    pub nonce: Option<Vec<u8>>,
}

/// What is wrong with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AttestationFault {
    /// Not a COSE_Sign1 of an attestation document, or beyond its bounds.
    #[error("document is malformed")]
    Malformed,
    /// The certificates do not lead to the root at this time.
    #[error("certificates do not lead to the root")]
    Certificates,
    /// The signature is not the leaf certificate's.
    #[error("signature does not verify")]
    Signature,
}

impl AttestationDocument {
    /// Verifies a document against the root certificate `root` (DER) at the time `at`.
    ///
    /// # Errors
    /// [`CryptoError::InvalidAttestation`] with the first fault found.
    pub fn verify(document: &[u8], root: &[u8], at: Timestamp) -> Result<Self, CryptoError> {
        verify(document, root, at).map_err(|fault| CryptoError::InvalidAttestation { fault })
    }
}

fn verify(document: &[u8], root: &[u8], at: Timestamp) -> Result<AttestationDocument, AttestationFault> {
    if document.len() > MAX_DOCUMENT_BYTES {
        return Err(AttestationFault::Malformed);
    }
    let envelope = cose::parse(document).ok_or(AttestationFault::Malformed)?;
    let payload = payload::parse(envelope.payload).ok_or(AttestationFault::Malformed)?;
    let key = chain::leaf_key(payload.certificate, &payload.cabundle, root, at)
        .ok_or(AttestationFault::Certificates)?;
    envelope.verify(&key).ok_or(AttestationFault::Signature)?;
    Ok(payload.document)
}

#[cfg(test)]
mod tests;
