use std::str::FromStr;

use crate::{AliasArn, AliasName, KeyArn, KeyId, arn::split_kms_arn};

/// What a caller wrote in a `KeyId` member, parsed but not yet resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyRef {
    /// A bare key id: own account, endpoint Region.
    Id(KeyId),
    /// A key ARN.
    Arn(KeyArn),
    /// A bare alias name: own account, endpoint Region.
    Alias(AliasName),
    /// An alias ARN.
    AliasArn(AliasArn),
}

/// A `KeyId` member that is none of the four forms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefError {
    /// Not an ARN and not an id or alias.
    #[error("invalid key id `{0}`")]
    InvalidKeyId(String),
    /// Begins like an ARN and is not one of a key or alias.
    #[error("invalid arn `{0}`")]
    InvalidArn(String),
}

impl FromStr for KeyRef {
    type Err = KeyRefError;
    fn from_str(text: &str) -> Result<Self, KeyRefError> {
        if text.starts_with("arn:") {
            let invalid = || KeyRefError::InvalidArn(text.into());
            let (_, _, resource) = split_kms_arn(text).ok_or_else(invalid)?;
            return if resource.starts_with("alias/") {
                text.parse().map(Self::AliasArn).map_err(|_| invalid())
            } else {
                text.parse().map(Self::Arn).map_err(|_| invalid())
            };
        }
        if text.starts_with("alias/") {
            return text.parse().map(Self::Alias).map_err(|_| KeyRefError::InvalidKeyId(text.into()));
        }
        text.parse().map(Self::Id).map_err(|_| KeyRefError::InvalidKeyId(text.into()))
    }
}

impl std::fmt::Display for KeyRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Arn(arn) => arn.fmt(f),
            Self::Alias(alias) => alias.fmt(f),
            Self::AliasArn(arn) => arn.fmt(f),
        }
    }
}
