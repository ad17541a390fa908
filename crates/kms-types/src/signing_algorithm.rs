//! What a signing algorithm takes as its message [KMS:Sign].

use crate::{MessageType, SigningAlgorithm, limits};

impl SigningAlgorithm {
    /// The message types that the algorithm takes.
    ///
    /// Ed25519 hashes the message twice and so cannot take a digest; Ed25519ph is offered for digests only.
    pub const fn message_types(self) -> &'static [MessageType] {
        match self {
            Self::RsassaPssSha256 | Self::RsassaPssSha384 | Self::RsassaPssSha512 => RAW_OR_DIGEST,
            Self::RsassaPkcs1V15Sha256 | Self::RsassaPkcs1V15Sha384 | Self::RsassaPkcs1V15Sha512 => {
                RAW_OR_DIGEST
            }
            Self::EcdsaSha256 | Self::EcdsaSha384 | Self::EcdsaSha512 | Self::Sm2dsa => RAW_OR_DIGEST,
            Self::Ed25519Sha512 => &[MessageType::Raw],
            Self::Ed25519PhSha512 => &[MessageType::Digest],
            Self::MlDsaShake256 => &[MessageType::Raw, MessageType::ExternalMu],
        }
    }

    /// The length of the hash that the algorithm signs, in bytes; for ML-DSA that of the message representative mu.
    pub const fn digest_bytes(self) -> usize {
        match self {
            Self::RsassaPssSha256 | Self::RsassaPkcs1V15Sha256 | Self::EcdsaSha256 | Self::Sm2dsa => 32,
            Self::RsassaPssSha384 | Self::RsassaPkcs1V15Sha384 | Self::EcdsaSha384 => 48,
            Self::RsassaPssSha512 | Self::RsassaPkcs1V15Sha512 | Self::EcdsaSha512 => 64,
            Self::Ed25519Sha512 | Self::Ed25519PhSha512 | Self::MlDsaShake256 => 64,
        }
    }

    /// Whether a message of `length_bytes` bytes may be signed as `message_type`: 1 to [`limits::MAX_MESSAGE_BYTES`] bytes
    /// when raw, else exactly [`Self::digest_bytes`].
    pub const fn admits_length(self, message_type: MessageType, length_bytes: usize) -> bool {
        match message_type {
            MessageType::Raw => length_bytes >= 1 && length_bytes <= limits::MAX_MESSAGE_BYTES,
            MessageType::Digest | MessageType::ExternalMu => length_bytes == self.digest_bytes(),
        }
    }
}

const RAW_OR_DIGEST: &[MessageType] = &[MessageType::Raw, MessageType::Digest];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_types_are_the_documented_ones() {
        for &algorithm in SigningAlgorithm::ALL {
            let expected: &[MessageType] = match algorithm.as_str() {
                "ED25519_SHA_512" => &[MessageType::Raw],
                "ED25519_PH_SHA_512" => &[MessageType::Digest],
                "ML_DSA_SHAKE_256" => &[MessageType::Raw, MessageType::ExternalMu],
                _ => &[MessageType::Raw, MessageType::Digest],
            };
            assert_eq!(algorithm.message_types(), expected, "{algorithm}");
        }
    }

    #[test]
    fn digest_lengths_follow_the_names_of_the_hashes() {
        for &algorithm in SigningAlgorithm::ALL {
            let bytes = match algorithm.as_str().rsplit('_').next().unwrap() {
                "256" if algorithm != SigningAlgorithm::MlDsaShake256 => 32,
                "384" => 48,
                "SM2DSA" => 32,
                _ => 64,
            };
            assert_eq!(algorithm.digest_bytes(), bytes, "{algorithm}");
            assert!(algorithm.admits_length(MessageType::Digest, bytes));
            assert!(!algorithm.admits_length(MessageType::Digest, bytes - 1));
            assert!(
                algorithm.admits_length(MessageType::Raw, 1)
                    && algorithm.admits_length(MessageType::Raw, 4096)
            );
            assert!(
                !algorithm.admits_length(MessageType::Raw, 0)
                    && !algorithm.admits_length(MessageType::Raw, 4097)
            );
        }
    }
}
