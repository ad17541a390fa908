//! Why a cryptographic operation was refused. Carries no secret, and as little as possible about the reason.

use kms_types::{KeySpec, MessageType, SigningAlgorithm, WrappingAlgorithm, WrappingKeySpec};

use crate::{RecipientId, attestation::AttestationFault};

/// A refused cryptographic operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// Any failure to read or open a ciphertext blob: one variant, so that nothing tells the causes apart (E3).
    #[error("ciphertext does not open")]
    InvalidCiphertext,
    /// A plaintext above the format's limit.
    #[error("plaintext has {length_bytes} bytes, at most {most_bytes} fit")]
    PlaintextTooLong {
        /// The plaintext's length.
        length_bytes: usize,
        /// [`kms_types::limits::MAX_PLAINTEXT_BYTES`].
        most_bytes: usize,
    },
    /// A wrapped material or domain key that does not unwrap: altered, or bound to another key, material or version.
    #[error("wrapped key does not unwrap")]
    InvalidWrappedKey,
    /// A material that another version of the domain key wraps.
    #[error("material is wrapped under domain key version {wrapped}, this is version {held}")]
    WrongDomainVersion {
        /// The version that wraps the material.
        wrapped: u32,
        /// The version of the key that was asked.
        held: u32,
    },
    /// A domain key that another root key wraps.
    #[error("domain key is wrapped for {wrapped:?}, this root key is {held:?}")]
    WrongRecipient {
        /// The root key that opens it.
        wrapped: RecipientId,
        /// The root key that was asked.
        held: RecipientId,
    },
    /// An envelope that does not open for this receiver under this binding (F2).
    #[error("envelope does not open")]
    InvalidEnvelope,
    /// An envelope whose content is not the material that its binding names (C4, failure case 22).
    #[error("material differs from its id or commitment")]
    MaterialMismatch,
    /// Bytes that are not a receiver's public key.
    #[error("not a receiver public key")]
    InvalidReceiverPublic,
    /// A grant token that this domain key did not issue, or that is none.
    #[error("not a grant token of this Region")]
    InvalidGrantToken,
    /// A signature that does not verify.
    #[error("signature does not verify")]
    InvalidSignature,
    /// Bytes that are not a signature.
    #[error("signature has {length_bytes} bytes, not 64")]
    InvalidSignatureLength {
        /// The length given.
        length_bytes: usize,
    },
    /// A key spec that this service does not offer.
    #[error("key spec `{spec}` is not offered")]
    UnsupportedSpec {
        /// The spec.
        spec: KeySpec,
    },
    /// An algorithm that keys of this spec do not have.
    #[error("algorithm `{algorithm}` does not go with key spec `{spec}`")]
    WrongAlgorithm {
        /// The key's spec.
        spec: KeySpec,
        /// The algorithm, as the API spells it.
        algorithm: &'static str,
    },
    /// A message type that the signing algorithm does not take.
    #[error("message type `{message_type}` does not go with algorithm `{algorithm}`")]
    WrongMessageType {
        /// The algorithm.
        algorithm: SigningAlgorithm,
        /// The message type.
        message_type: MessageType,
    },
    /// Bytes that are no material of this spec, or a private key whose parts do not belong together.
    #[error("not the material of a `{spec}` key")]
    InvalidKeyMaterial {
        /// The spec.
        spec: KeySpec,
    },
    /// Bytes that are no public key of the kind that is needed.
    #[error("not a public key of the right kind")]
    InvalidPublicKey,
    /// A wrapping algorithm or wrapping key spec that is not offered.
    #[error("wrapping with `{algorithm}` under a `{wrapping_key_spec}` key is not offered")]
    UnsupportedWrapping {
        /// The algorithm.
        algorithm: WrappingAlgorithm,
        /// The size of the wrapping key.
        wrapping_key_spec: WrappingKeySpec,
    },
    /// An import token that was not made under this domain key, or was altered.
    #[error("not an import token of this domain key")]
    InvalidImportToken,
    /// An attestation document that proves nothing.
    #[error("attestation document is refused")]
    InvalidAttestation {
        /// What is wrong with it.
        #[source]
        fault: AttestationFault,
    },
    /// A message that is empty or longer than the API admits.
    #[error("message has {length_bytes} bytes")]
    MessageLength {
        /// The message's length.
        length_bytes: usize,
    },
    /// A MAC that is not the message's.
    #[error("mac does not verify")]
    InvalidMac,
    /// The primitive itself refused; no input of this crate's callers reaches this.
    #[error("cryptographic primitive `{primitive}` failed")]
    Primitive {
        /// Which primitive.
        primitive: &'static str,
    },
}
