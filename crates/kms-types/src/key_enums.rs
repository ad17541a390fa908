use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

use crate::ParseError;

/// An enumeration of the API: its variants print and parse as AWS spells them.
macro_rules! api_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value, in the API model's order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The API's spelling.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.as_str()) }
        }

        impl FromStr for $name {
            type Err = ParseError;
            fn from_str(text: &str) -> Result<Self, ParseError> {
                match text {
                    $($text => Ok($name::$variant),)+
                    _ => Err(ParseError::new(stringify!($name), "a value of the enumeration", text)),
                }
            }
        }
    };
}

api_enum! {
    /// `KeySpec` [KMS:CreateKey].
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    KeySpec {
        Rsa2048 = "RSA_2048", Rsa3072 = "RSA_3072", Rsa4096 = "RSA_4096",
        EccNistP256 = "ECC_NIST_P256", EccNistP384 = "ECC_NIST_P384", EccNistP521 = "ECC_NIST_P521",
        EccSecgP256k1 = "ECC_SECG_P256K1", SymmetricDefault = "SYMMETRIC_DEFAULT",
        Hmac224 = "HMAC_224", Hmac256 = "HMAC_256", Hmac384 = "HMAC_384", Hmac512 = "HMAC_512",
        Sm2 = "SM2", MlDsa44 = "ML_DSA_44", MlDsa65 = "ML_DSA_65", MlDsa87 = "ML_DSA_87",
        EccNistEdwards25519 = "ECC_NIST_EDWARDS25519",
        MlKem512 = "ML_KEM_512", MlKem768 = "ML_KEM_768", MlKem1024 = "ML_KEM_1024",
    }
}
api_enum! {
    /// `KeyUsageType`.
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    KeyUsage {
        SignVerify = "SIGN_VERIFY", EncryptDecrypt = "ENCRYPT_DECRYPT", GenerateVerifyMac = "GENERATE_VERIFY_MAC",
        KeyAgreement = "KEY_AGREEMENT", EncapsulateDecapsulate = "ENCAPSULATE_DECAPSULATE",
    }
}
api_enum! {
    /// `OriginType`.
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    KeyOrigin {
        AwsKms = "AWS_KMS", External = "EXTERNAL", AwsCloudHsm = "AWS_CLOUDHSM", ExternalKeyStore = "EXTERNAL_KEY_STORE",
    }
}
api_enum! {
    /// `CustomKeyStoreType`.
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    CustomKeyStoreType { AwsCloudHsm = "AWS_CLOUDHSM", ExternalKeyStore = "EXTERNAL_KEY_STORE" }
}
api_enum! {
    /// `KeyLastUsageTrackingOperation`: the operations that count as use of a key [KMS:GetKeyLastUsage].
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    UsageOperation {
        Decrypt = "Decrypt", DeriveSharedSecret = "DeriveSharedSecret", Encrypt = "Encrypt",
        GenerateDataKey = "GenerateDataKey", GenerateDataKeyPair = "GenerateDataKeyPair",
        GenerateDataKeyPairWithoutPlaintext = "GenerateDataKeyPairWithoutPlaintext",
        GenerateDataKeyWithoutPlaintext = "GenerateDataKeyWithoutPlaintext", GenerateMac = "GenerateMac",
        ReEncrypt = "ReEncrypt", Sign = "Sign", Verify = "Verify", VerifyMac = "VerifyMac",
        Encapsulate = "Encapsulate", Decapsulate = "Decapsulate",
    }
}

impl UsageOperation {
    /// The operation as a use of a key, if it is one.
    pub fn of(operation: crate::Operation) -> Option<Self> {
        operation.name().parse().ok()
    }
}

api_enum! {
    /// `KeyManagerType`.
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    CustomerKeyManager { Aws = "AWS", Customer = "CUSTOMER" }
}
api_enum! {
    /// `KeyState`, as DescribeKey shows it.
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    KeyState {
        Creating = "Creating", Enabled = "Enabled", Disabled = "Disabled", PendingDeletion = "PendingDeletion",
        PendingImport = "PendingImport", PendingReplicaDeletion = "PendingReplicaDeletion",
        Unavailable = "Unavailable", Updating = "Updating",
    }
}
api_enum! {
    /// `MultiRegionKeyType`.
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    MultiRegionKeyType { Primary = "PRIMARY", Replica = "REPLICA" }
}
api_enum! {
    /// `RotationType`.
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    RotationType { Automatic = "AUTOMATIC", OnDemand = "ON_DEMAND" }
}
api_enum! {
    /// `EncryptionAlgorithmSpec`.
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    EncryptionAlgorithm {
        SymmetricDefault = "SYMMETRIC_DEFAULT", RsaesOaepSha1 = "RSAES_OAEP_SHA_1", RsaesOaepSha256 = "RSAES_OAEP_SHA_256",
        Sm2pke = "SM2PKE",
    }
}
api_enum! {
    /// `SigningAlgorithmSpec` [KMS:Sign].
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    SigningAlgorithm {
        RsassaPssSha256 = "RSASSA_PSS_SHA_256", RsassaPssSha384 = "RSASSA_PSS_SHA_384",
        RsassaPssSha512 = "RSASSA_PSS_SHA_512", RsassaPkcs1V15Sha256 = "RSASSA_PKCS1_V1_5_SHA_256",
        RsassaPkcs1V15Sha384 = "RSASSA_PKCS1_V1_5_SHA_384", RsassaPkcs1V15Sha512 = "RSASSA_PKCS1_V1_5_SHA_512",
        EcdsaSha256 = "ECDSA_SHA_256", EcdsaSha384 = "ECDSA_SHA_384", EcdsaSha512 = "ECDSA_SHA_512",
        Sm2dsa = "SM2DSA", MlDsaShake256 = "ML_DSA_SHAKE_256", Ed25519Sha512 = "ED25519_SHA_512",
        Ed25519PhSha512 = "ED25519_PH_SHA_512",
    }
}
api_enum! {
    /// `MessageType` [KMS:Sign].
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    MessageType { Raw = "RAW", Digest = "DIGEST", ExternalMu = "EXTERNAL_MU" }
}
api_enum! {
    /// `MacAlgorithmSpec` [KMS:GenerateMac].
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    MacAlgorithm {
        HmacSha224 = "HMAC_SHA_224", HmacSha256 = "HMAC_SHA_256", HmacSha384 = "HMAC_SHA_384",
        HmacSha512 = "HMAC_SHA_512",
    }
}
api_enum! {
    /// `KeyAgreementAlgorithmSpec` [KMS:DeriveSharedSecret].
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    KeyAgreementAlgorithm { Ecdh = "ECDH" }
}
api_enum! {
    /// `EncapsulationAlgorithmSpec` [KMS:Encapsulate].
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    EncapsulationAlgorithm { MlKem = "ML_KEM" }
}
api_enum! {
    /// `DataKeyPairSpec` [KMS:GenerateDataKeyPair].
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    DataKeyPairSpec {
        Rsa2048 = "RSA_2048", Rsa3072 = "RSA_3072", Rsa4096 = "RSA_4096",
        EccNistP256 = "ECC_NIST_P256", EccNistP384 = "ECC_NIST_P384", EccNistP521 = "ECC_NIST_P521",
        EccSecgP256k1 = "ECC_SECG_P256K1", Sm2 = "SM2", EccNistEdwards25519 = "ECC_NIST_EDWARDS25519",
        MlKem512 = "ML_KEM_512", MlKem768 = "ML_KEM_768", MlKem1024 = "ML_KEM_1024",
    }
}
api_enum! {
    /// `AlgorithmSpec`, the WrappingAlgorithm of GetParametersForImport [KMS:GetParametersForImport].
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    WrappingAlgorithm {
        RsaesPkcs1V15 = "RSAES_PKCS1_V1_5", RsaesOaepSha1 = "RSAES_OAEP_SHA_1", RsaesOaepSha256 = "RSAES_OAEP_SHA_256",
        RsaAesKeyWrapSha1 = "RSA_AES_KEY_WRAP_SHA_1", RsaAesKeyWrapSha256 = "RSA_AES_KEY_WRAP_SHA_256",
        Sm2pke = "SM2PKE",
    }
}
api_enum! {
    /// `WrappingKeySpec` [KMS:GetParametersForImport].
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    WrappingKeySpec { Rsa2048 = "RSA_2048", Rsa3072 = "RSA_3072", Rsa4096 = "RSA_4096", Sm2 = "SM2" }
}
api_enum! {
    /// `KeyEncryptionMechanism` of a Recipient [KMS:Decrypt].
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    KeyEncryptionMechanism { RsaesOaepSha256 = "RSAES_OAEP_SHA_256" }
}
api_enum! {
    /// `DataKeySpec` [KMS:GenerateDataKey].
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    DataKeySpec { Aes256 = "AES_256", Aes128 = "AES_128" }
}
api_enum! {
    /// `DryRunModifierType` [KMS:Decrypt].
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    DryRunModifier { IgnoreCiphertext = "IGNORE_CIPHERTEXT" }
}
api_enum! {
    /// `IncludeKeyMaterial` [KMS:ListKeyRotations].
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    IncludeKeyMaterial { AllKeyMaterial = "ALL_KEY_MATERIAL", RotationsOnly = "ROTATIONS_ONLY" }
}
api_enum! {
    /// `KeyMaterialState` [KMS:ListKeyRotations].
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    KeyMaterialState {
        NonCurrent = "NON_CURRENT", Current = "CURRENT", PendingRotation = "PENDING_ROTATION",
        PendingMultiRegionImportAndRotation = "PENDING_MULTI_REGION_IMPORT_AND_ROTATION",
    }
}
api_enum! {
    /// `ImportType` [KMS:ImportKeyMaterial].
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    ImportType { NewKeyMaterial = "NEW_KEY_MATERIAL", ExistingKeyMaterial = "EXISTING_KEY_MATERIAL" }
}
api_enum! {
    /// `ExpirationModelType` [KMS:ImportKeyMaterial].
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    ExpirationModel {
        KeyMaterialExpires = "KEY_MATERIAL_EXPIRES", KeyMaterialDoesNotExpire = "KEY_MATERIAL_DOES_NOT_EXPIRE",
    }
}
api_enum! {
    /// `ImportState` [KMS:ListKeyRotations].
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    ImportState { Imported = "IMPORTED", PendingImport = "PENDING_IMPORT" }
}
api_enum! {
    /// `ResourceOwner` [KMS:ListKeys].
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    ResourceOwner { Own = "SELF", OtherAccountsViaRam = "OTHER_ACCOUNTS_VIA_RAM" }
}
api_enum! {
    /// `GrantOperation` [KMS:CreateGrant]: the permissions that a grant can give, named as in policies without `kms:`.
    #[allow(missing_docs, reason = "each variant is AWS's own name")]
    GrantOperation {
        Decrypt = "Decrypt", Encrypt = "Encrypt", GenerateDataKey = "GenerateDataKey",
        GenerateDataKeyWithoutPlaintext = "GenerateDataKeyWithoutPlaintext", ReEncryptFrom = "ReEncryptFrom",
        ReEncryptTo = "ReEncryptTo", Sign = "Sign", Verify = "Verify", GetPublicKey = "GetPublicKey",
        CreateGrant = "CreateGrant", RetireGrant = "RetireGrant", DescribeKey = "DescribeKey",
        GenerateDataKeyPair = "GenerateDataKeyPair",
        GenerateDataKeyPairWithoutPlaintext = "GenerateDataKeyPairWithoutPlaintext", GenerateMac = "GenerateMac",
        VerifyMac = "VerifyMac", DeriveSharedSecret = "DeriveSharedSecret", Encapsulate = "Encapsulate",
        Decapsulate = "Decapsulate",
    }
}
