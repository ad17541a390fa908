use std::{fmt, str::FromStr};

use crate::ParseError;

macro_rules! operations {
    ($($name:ident),+ $(,)?) => {
        /// The 56 operations of the KMS API, version 2014-11-01.
        #[allow(missing_docs, reason = "each variant is AWS's own name")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation { $($name),+ }

        impl Operation {
            /// Every operation, in the API reference's order.
            pub const ALL: &'static [Operation] = &[$(Operation::$name),+];

            /// The name as in `X-Amz-Target: TrentService.<name>`.
            pub const fn name(self) -> &'static str {
                match self { $(Operation::$name => stringify!($name)),+ }
            }
        }

        impl FromStr for Operation {
            type Err = ParseError;
            fn from_str(text: &str) -> Result<Self, ParseError> {
                match text {
                    $(stringify!($name) => Ok(Operation::$name),)+
                    _ => Err(ParseError::new("operation", "an operation of the KMS API", text)),
                }
            }
        }
    };
}

operations! {
    CancelKeyDeletion, ConnectCustomKeyStore, CreateAlias, CreateCustomKeyStore, CreateGrant, CreateKey,
    Decapsulate, Decrypt, DeleteAlias, DeleteCustomKeyStore, DeleteImportedKeyMaterial, DeriveSharedSecret,
    DescribeCustomKeyStores, DescribeKey, DisableKey, DisableKeyRotation, DisconnectCustomKeyStore, EnableKey,
    EnableKeyRotation, Encapsulate, Encrypt, GenerateDataKey, GenerateDataKeyPair,
    GenerateDataKeyPairWithoutPlaintext, GenerateDataKeyWithoutPlaintext, GenerateMac, GenerateRandom,
    GetKeyLastUsage, GetKeyPolicy, GetKeyRotationStatus, GetParametersForImport, GetPublicKey, ImportKeyMaterial,
    ListAliases, ListGrants, ListKeyPolicies, ListKeyRotations, ListKeys, ListResourceTags, ListRetirableGrants,
    PutKeyPolicy, ReEncrypt, ReplicateKey, RetireGrant, RevokeGrant, RotateKeyOnDemand, ScheduleKeyDeletion, Sign,
    TagResource, UntagResource, UpdateAlias, UpdateCustomKeyStore, UpdateKeyDescription, UpdatePrimaryRegion,
    Verify, VerifyMac,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
