//! Every implemented operation, as one request and one response type.

use kms_types::Operation;
use std::fmt;

macro_rules! api {
    ($($operation:ident in $module:ident),+ $(,)?) => {
        /// A parsed request of an implemented operation.
        #[derive(Clone, PartialEq, Eq)]
        pub enum Request { $(#[doc = concat!("[KMS:", stringify!($operation), "]")] $operation(crate::$module::Request)),+ }

        /// The answer of an implemented operation.
        #[derive(Clone, PartialEq, Eq)]
        pub enum Response { $(#[doc = concat!("[KMS:", stringify!($operation), "]")] $operation(crate::$module::Response)),+ }

        impl Request {
            /// The operations that this crate implements; the others answer UnsupportedOperationException.
            pub const IMPLEMENTED: &'static [Operation] = &[$(Operation::$operation),+];

            /// Which operation this is.
            pub fn operation(&self) -> Operation {
                match self { $(Self::$operation(_) => Operation::$operation),+ }
            }
        }

        impl Response {
            /// Which operation this answers.
            pub fn operation(&self) -> Operation {
                match self { $(Self::$operation(_) => Operation::$operation),+ }
            }
        }

        $(
            impl From<crate::$module::Request> for Request {
                fn from(request: crate::$module::Request) -> Self { Self::$operation(request) }
            }
            impl From<crate::$module::Response> for Response {
                fn from(response: crate::$module::Response) -> Self { Self::$operation(response) }
            }
        )+
    };
}

/// Only the name: requests and answers can hold plaintext.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({}, ..)", self.operation())
    }
}

/// Only the name: requests and answers can hold plaintext.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({}, ..)", self.operation())
    }
}

api! {
    CreateKey in create_key,
    DescribeKey in describe_key,
    ListKeys in list_keys,
    EnableKey in enable_key,
    DisableKey in disable_key,
    UpdateKeyDescription in update_key_description,
    ScheduleKeyDeletion in schedule_key_deletion,
    CancelKeyDeletion in cancel_key_deletion,
    Encrypt in encrypt,
    Decrypt in decrypt,
    ReEncrypt in re_encrypt,
    GenerateDataKey in generate_data_key,
    GenerateDataKeyWithoutPlaintext in generate_data_key_without_plaintext,
    GenerateDataKeyPair in generate_data_key_pair,
    GenerateDataKeyPairWithoutPlaintext in generate_data_key_pair_without_plaintext,
    GenerateRandom in generate_random,
    Sign in sign,
    Verify in verify,
    GenerateMac in generate_mac,
    VerifyMac in verify_mac,
    DeriveSharedSecret in derive_shared_secret,
    Encapsulate in encapsulate,
    Decapsulate in decapsulate,
    GetPublicKey in get_public_key,
    CreateAlias in create_alias,
    UpdateAlias in update_alias,
    DeleteAlias in delete_alias,
    ListAliases in list_aliases,
    TagResource in tag_resource,
    UntagResource in untag_resource,
    ListResourceTags in list_resource_tags,
    GetKeyPolicy in get_key_policy,
    PutKeyPolicy in put_key_policy,
    ListKeyPolicies in list_key_policies,
    EnableKeyRotation in enable_key_rotation,
    DisableKeyRotation in disable_key_rotation,
    GetKeyRotationStatus in get_key_rotation_status,
    RotateKeyOnDemand in rotate_key_on_demand,
    ListKeyRotations in list_key_rotations,
    ReplicateKey in replicate_key,
    UpdatePrimaryRegion in update_primary_region,
    GetKeyLastUsage in get_key_last_usage,
    ConnectCustomKeyStore in connect_custom_key_store,
    CreateCustomKeyStore in create_custom_key_store,
    DeleteCustomKeyStore in delete_custom_key_store,
    DescribeCustomKeyStores in describe_custom_key_stores,
    DisconnectCustomKeyStore in disconnect_custom_key_store,
    UpdateCustomKeyStore in update_custom_key_store,
    CreateGrant in create_grant,
    ListGrants in list_grants,
    ListRetirableGrants in list_retirable_grants,
    RetireGrant in retire_grant,
    RevokeGrant in revoke_grant,
    GetParametersForImport in get_parameters_for_import,
    ImportKeyMaterial in import_key_material,
    DeleteImportedKeyMaterial in delete_imported_key_material,
}
