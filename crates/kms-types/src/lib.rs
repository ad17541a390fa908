//! Identifiers, API enumerations and limits shared by every Meridian crate.
//!
//! Everything here is parsed once, at the edge, and is never a bare `String` afterwards. Nothing here
//! reads a clock, draws randomness or touches a file.

mod account;
mod alias;
mod arn;
mod encryption_context;
mod entropy;
mod epoch;
mod grant_id;
mod grant_principal;
mod ids;
mod key_enums;
mod key_id;
mod key_ref;
mod key_spec;
pub mod limits;
mod material_id;
mod operation;
mod principal;
mod quotas;
mod region;
mod signing_algorithm;
mod time;

pub use account::AccountId;
pub use alias::AliasName;
pub use arn::{AliasArn, KeyArn};
pub use encryption_context::EncryptionContext;
pub use entropy::Entropy;
pub use epoch::{Epoch, RecordVersion};
pub use grant_id::GrantId;
pub use grant_principal::{GrantPrincipal, IdentityArn, IdentityForm, ServiceName};
pub use ids::{DeploymentId, Incarnation, NodeId, ProposalId, RequestId};
pub use key_enums::{
    CustomKeyStoreType, CustomerKeyManager, DataKeyPairSpec, DataKeySpec, DryRunModifier,
    EncapsulationAlgorithm, EncryptionAlgorithm, ExpirationModel, GrantOperation, ImportState, ImportType,
    IncludeKeyMaterial, KeyAgreementAlgorithm, KeyEncryptionMechanism, KeyMaterialState, KeyOrigin, KeySpec,
    KeyState, KeyUsage, MacAlgorithm, MessageType, MultiRegionKeyType, ResourceOwner, RotationType,
    SigningAlgorithm, UsageOperation, WrappingAlgorithm, WrappingKeySpec,
};
pub use key_id::{KeyId, KeyIdKind};
pub use key_ref::{KeyRef, KeyRefError};
pub use material_id::MaterialId;
pub use operation::Operation;
pub use principal::{Author, OnBehalfOf, Principal, RoleSession, ServicePrincipal, UserPrincipal};
pub use quotas::{QuotaError, Quotas};
pub use region::Region;
pub use time::Timestamp;

/// A text that is not a well-formed identifier; quotes the input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{input}` is not a valid {what}: {rule}")]
pub struct ParseError {
    /// What was expected, for example `region name`.
    pub what: &'static str,
    /// The rule that the input breaks.
    pub rule: &'static str,
    /// The input, cut to 128 characters.
    pub input: String,
}

impl ParseError {
    pub(crate) fn new(what: &'static str, rule: &'static str, input: &str) -> Self {
        Self { what, rule, input: input.chars().take(128).collect() }
    }
}

/// Serde through the text form, so that decoding runs the one constructor.
macro_rules! text_identifier {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = crate::ParseError;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.to_string()
            }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    };
}
pub(crate) use text_identifier;

/// An id of 32 bytes whose text form is 64 lower-case hex digits. `$what` names it in errors.
macro_rules! hex_identifier {
    ($name:ident, $what:literal) => {
        crate::text_identifier!($name);

        impl $name {
            /// The id with exactly these bytes.
            pub fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The 32 bytes.
            pub fn bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::ParseError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let error = || crate::ParseError::new($what, "64 lower-case hex digits", text);
                let lower = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
                let mut bytes = [0; 32];
                if text.len() != 64 || !lower {
                    return Err(error());
                }
                hex::decode_to_slice(text, &mut bytes).map_err(|_| error())?;
                Ok(Self(bytes))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }
    };
}
pub(crate) use hex_identifier;
