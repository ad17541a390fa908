//! What each key spec is for and which algorithms it takes [KMS:CreateKey]: the tables, and nothing that computes.

use crate::{
    DataKeyPairSpec, EncapsulationAlgorithm, EncryptionAlgorithm, KeyAgreementAlgorithm, KeySpec, KeyUsage,
    MacAlgorithm, SigningAlgorithm, limits,
};

impl KeySpec {
    /// The usages that a key of this spec may have; it has one of them for ever.
    pub const fn usages(self) -> &'static [KeyUsage] {
        use KeyUsage::{EncapsulateDecapsulate, EncryptDecrypt, GenerateVerifyMac, KeyAgreement, SignVerify};
        match self {
            Self::SymmetricDefault => &[EncryptDecrypt],
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => &[EncryptDecrypt, SignVerify],
            Self::EccNistP256 | Self::EccNistP384 | Self::EccNistP521 => &[SignVerify, KeyAgreement],
            Self::EccSecgP256k1 | Self::EccNistEdwards25519 => &[SignVerify],
            Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87 => &[SignVerify],
            Self::MlKem512 | Self::MlKem768 | Self::MlKem1024 => &[EncapsulateDecapsulate],
            Self::Hmac224 | Self::Hmac256 | Self::Hmac384 | Self::Hmac512 => &[GenerateVerifyMac],
            Self::Sm2 => &[EncryptDecrypt, SignVerify, KeyAgreement],
        }
    }

    /// True for specs that AWS offers in its China Regions only, and this service nowhere.
    pub const fn is_china_only(self) -> bool {
        matches!(self, Self::Sm2)
    }

    /// True for specs with a public key, which GetPublicKey gives away.
    pub const fn is_asymmetric(self) -> bool {
        match self {
            Self::SymmetricDefault | Self::Hmac224 | Self::Hmac256 | Self::Hmac384 | Self::Hmac512 => false,
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => true,
            Self::EccNistP256 | Self::EccNistP384 | Self::EccNistP521 => true,
            Self::EccSecgP256k1 | Self::EccNistEdwards25519 | Self::Sm2 => true,
            Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87 => true,
            Self::MlKem512 | Self::MlKem768 | Self::MlKem1024 => true,
        }
    }

    /// The RSA modulus, in bits; `None` for what is not RSA.
    pub const fn modulus_bits(self) -> Option<usize> {
        match self {
            Self::Rsa2048 => Some(2048),
            Self::Rsa3072 => Some(3072),
            Self::Rsa4096 => Some(4096),
            _ => None,
        }
    }

    /// The `EncryptionAlgorithms` of a key of this spec and usage, in DescribeKey's order; empty for other usages.
    pub const fn encryption_algorithms(self, usage: KeyUsage) -> &'static [EncryptionAlgorithm] {
        match (usage, self) {
            (KeyUsage::EncryptDecrypt, Self::SymmetricDefault) => &[EncryptionAlgorithm::SymmetricDefault],
            (KeyUsage::EncryptDecrypt, Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096) => {
                &[EncryptionAlgorithm::RsaesOaepSha1, EncryptionAlgorithm::RsaesOaepSha256]
            }
            (KeyUsage::EncryptDecrypt, Self::Sm2) => &[EncryptionAlgorithm::Sm2pke],
            _ => &[],
        }
    }

    /// The `SigningAlgorithms` of a key of this spec and usage, in DescribeKey's order; empty for other usages.
    pub const fn signing_algorithms(self, usage: KeyUsage) -> &'static [SigningAlgorithm] {
        match (usage, self) {
            (KeyUsage::SignVerify, Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096) => &[
                SigningAlgorithm::RsassaPkcs1V15Sha256,
                SigningAlgorithm::RsassaPkcs1V15Sha384,
                SigningAlgorithm::RsassaPkcs1V15Sha512,
                SigningAlgorithm::RsassaPssSha256,
                SigningAlgorithm::RsassaPssSha384,
                SigningAlgorithm::RsassaPssSha512,
            ],
            (KeyUsage::SignVerify, Self::EccNistP256 | Self::EccSecgP256k1) => {
                &[SigningAlgorithm::EcdsaSha256]
            }
            (KeyUsage::SignVerify, Self::EccNistP384) => &[SigningAlgorithm::EcdsaSha384],
            (KeyUsage::SignVerify, Self::EccNistP521) => &[SigningAlgorithm::EcdsaSha512],
            (KeyUsage::SignVerify, Self::EccNistEdwards25519) => {
                &[SigningAlgorithm::Ed25519Sha512, SigningAlgorithm::Ed25519PhSha512]
            }
            (KeyUsage::SignVerify, Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87) => {
                &[SigningAlgorithm::MlDsaShake256]
            }
            (KeyUsage::SignVerify, Self::Sm2) => &[SigningAlgorithm::Sm2dsa],
            _ => &[],
        }
    }

    /// The `MacAlgorithms` of a key of this spec and usage: the one of its own length.
    pub const fn mac_algorithms(self, usage: KeyUsage) -> &'static [MacAlgorithm] {
        match (usage, self) {
            (KeyUsage::GenerateVerifyMac, Self::Hmac224) => &[MacAlgorithm::HmacSha224],
            (KeyUsage::GenerateVerifyMac, Self::Hmac256) => &[MacAlgorithm::HmacSha256],
            (KeyUsage::GenerateVerifyMac, Self::Hmac384) => &[MacAlgorithm::HmacSha384],
            (KeyUsage::GenerateVerifyMac, Self::Hmac512) => &[MacAlgorithm::HmacSha512],
            _ => &[],
        }
    }

    /// The `KeyAgreementAlgorithms` of a key of this spec and usage.
    pub const fn key_agreement_algorithms(self, usage: KeyUsage) -> &'static [KeyAgreementAlgorithm] {
        match (usage, self) {
            (
                KeyUsage::KeyAgreement,
                Self::EccNistP256 | Self::EccNistP384 | Self::EccNistP521 | Self::Sm2,
            ) => &[KeyAgreementAlgorithm::Ecdh],
            _ => &[],
        }
    }

    /// The `EncapsulationAlgorithms` of a key of this spec and usage.
    pub const fn encapsulation_algorithms(self, usage: KeyUsage) -> &'static [EncapsulationAlgorithm] {
        match (usage, self) {
            (KeyUsage::EncapsulateDecapsulate, Self::MlKem512 | Self::MlKem768 | Self::MlKem1024) => {
                &[EncapsulationAlgorithm::MlKem]
            }
            _ => &[],
        }
    }
}

impl EncryptionAlgorithm {
    /// The longest plaintext that a key of `spec` encrypts with this algorithm, in bytes; `None` when the two do not go
    /// together. OAEP takes the modulus less two hashes and two bytes [RFC8017 §7.1.1].
    pub const fn max_plaintext_bytes(self, spec: KeySpec) -> Option<usize> {
        let hash_bytes = match (self, spec) {
            (Self::SymmetricDefault, KeySpec::SymmetricDefault) => return Some(limits::MAX_PLAINTEXT_BYTES),
            (Self::Sm2pke, KeySpec::Sm2) => return Some(limits::MAX_SM2_PLAINTEXT_BYTES),
            (Self::SymmetricDefault | Self::Sm2pke, _) => return None,
            (Self::RsaesOaepSha1, _) => 20,
            (Self::RsaesOaepSha256, _) => 32,
        };
        match spec.modulus_bits() {
            Some(bits) => Some(bits / 8 - 2 * hash_bytes - 2),
            None => None,
        }
    }
}

impl MacAlgorithm {
    /// The length of a MAC, in bytes; never truncated.
    pub const fn mac_bytes(self) -> usize {
        match self {
            Self::HmacSha224 => 28,
            Self::HmacSha256 => 32,
            Self::HmacSha384 => 48,
            Self::HmacSha512 => 64,
        }
    }
}

impl DataKeyPairSpec {
    /// The key spec with the same keys.
    pub const fn key_spec(self) -> KeySpec {
        match self {
            Self::Rsa2048 => KeySpec::Rsa2048,
            Self::Rsa3072 => KeySpec::Rsa3072,
            Self::Rsa4096 => KeySpec::Rsa4096,
            Self::EccNistP256 => KeySpec::EccNistP256,
            Self::EccNistP384 => KeySpec::EccNistP384,
            Self::EccNistP521 => KeySpec::EccNistP521,
            Self::EccSecgP256k1 => KeySpec::EccSecgP256k1,
            Self::Sm2 => KeySpec::Sm2,
            Self::EccNistEdwards25519 => KeySpec::EccNistEdwards25519,
            Self::MlKem512 => KeySpec::MlKem512,
            Self::MlKem768 => KeySpec::MlKem768,
            Self::MlKem1024 => KeySpec::MlKem1024,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Display;

    /// Every usage of a spec has algorithms, and of one kind only; every other usage has none.
    #[test]
    fn algorithms_exist_for_exactly_the_usages_of_a_spec() {
        for &spec in KeySpec::ALL {
            for &usage in KeyUsage::ALL {
                let kinds = [
                    !spec.encryption_algorithms(usage).is_empty(),
                    !spec.signing_algorithms(usage).is_empty(),
                    !spec.mac_algorithms(usage).is_empty(),
                    !spec.key_agreement_algorithms(usage).is_empty(),
                    !spec.encapsulation_algorithms(usage).is_empty(),
                ];
                let expected = usize::from(spec.usages().contains(&usage));
                assert_eq!(kinds.iter().filter(|k| **k).count(), expected, "{spec} {usage}");
            }
        }
    }

    #[test]
    fn table_of_specs_is_the_documented_one() {
        fn join<T: Display>(items: &[T]) -> String {
            items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        }
        let line = |spec: KeySpec, usage: KeyUsage| {
            let algorithms = [
                join(spec.encryption_algorithms(usage)),
                join(spec.signing_algorithms(usage)),
                join(spec.mac_algorithms(usage)),
                join(spec.key_agreement_algorithms(usage)),
                join(spec.encapsulation_algorithms(usage)),
            ];
            format!("{spec} {usage}: {}", algorithms.concat())
        };
        let lines: Vec<String> =
            KeySpec::ALL.iter().flat_map(|s| s.usages().iter().map(|u| line(*s, *u))).collect();
        let rsa_sign = "RSASSA_PKCS1_V1_5_SHA_256 RSASSA_PKCS1_V1_5_SHA_384 RSASSA_PKCS1_V1_5_SHA_512 \
                        RSASSA_PSS_SHA_256 RSASSA_PSS_SHA_384 RSASSA_PSS_SHA_512";
        let rsa = |bits: u32| {
            [
                format!("RSA_{bits} ENCRYPT_DECRYPT: RSAES_OAEP_SHA_1 RSAES_OAEP_SHA_256"),
                format!("RSA_{bits} SIGN_VERIFY: {rsa_sign}"),
            ]
        };
        let ecc = |curve: &str, hash: u32| {
            [
                format!("ECC_NIST_{curve} SIGN_VERIFY: ECDSA_SHA_{hash}"),
                format!("ECC_NIST_{curve} KEY_AGREEMENT: ECDH"),
            ]
        };
        let mut expected: Vec<String> = [2048, 3072, 4096].into_iter().flat_map(rsa).collect();
        expected
            .extend([("P256", 256), ("P384", 384), ("P521", 512)].into_iter().flat_map(|(c, h)| ecc(c, h)));
        expected.push("ECC_SECG_P256K1 SIGN_VERIFY: ECDSA_SHA_256".to_owned());
        expected.push("SYMMETRIC_DEFAULT ENCRYPT_DECRYPT: SYMMETRIC_DEFAULT".to_owned());
        expected.extend([224, 256, 384, 512].map(|n| format!("HMAC_{n} GENERATE_VERIFY_MAC: HMAC_SHA_{n}")));
        expected.extend(
            ["ENCRYPT_DECRYPT: SM2PKE", "SIGN_VERIFY: SM2DSA", "KEY_AGREEMENT: ECDH"]
                .map(|row| format!("SM2 {row}")),
        );
        expected.extend([44, 65, 87].map(|n| format!("ML_DSA_{n} SIGN_VERIFY: ML_DSA_SHAKE_256")));
        expected.push("ECC_NIST_EDWARDS25519 SIGN_VERIFY: ED25519_SHA_512 ED25519_PH_SHA_512".to_owned());
        expected.extend([512, 768, 1024].map(|n| format!("ML_KEM_{n} ENCAPSULATE_DECAPSULATE: ML_KEM")));
        assert_eq!(lines, expected);
    }

    #[test]
    fn plaintext_limits_are_the_documented_ones() {
        use EncryptionAlgorithm::{RsaesOaepSha1, RsaesOaepSha256, SymmetricDefault};
        let limits =
            |spec| (RsaesOaepSha1.max_plaintext_bytes(spec), RsaesOaepSha256.max_plaintext_bytes(spec));
        assert_eq!(limits(KeySpec::Rsa2048), (Some(214), Some(190)));
        assert_eq!(limits(KeySpec::Rsa3072), (Some(342), Some(318)));
        assert_eq!(limits(KeySpec::Rsa4096), (Some(470), Some(446)));
        assert_eq!(limits(KeySpec::SymmetricDefault), (None, None));
        assert_eq!(SymmetricDefault.max_plaintext_bytes(KeySpec::SymmetricDefault), Some(4096));
        assert_eq!(SymmetricDefault.max_plaintext_bytes(KeySpec::Rsa2048), None);
    }

    #[test]
    fn a_spec_has_a_public_key_unless_its_keys_are_shared_secrets() {
        for &spec in KeySpec::ALL {
            let shared = spec == KeySpec::SymmetricDefault || spec.as_str().starts_with("HMAC_");
            assert_eq!(spec.is_asymmetric(), !shared, "{spec}");
        }
    }

    #[test]
    fn key_pair_specs_name_the_key_spec_of_the_same_spelling() {
        assert!(DataKeyPairSpec::ALL.iter().all(|pair| pair.as_str() == pair.key_spec().as_str()));
    }
}
