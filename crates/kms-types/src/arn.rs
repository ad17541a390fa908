use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

use crate::{AccountId, AliasName, KeyId, ParseError, Region, text_identifier};

/// `arn:aws:kms:<region>:<account>:key/<id>`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyArn {
    /// The Region of this member of the key.
    pub region: Region,
    /// The key's owner.
    pub account: AccountId,
    /// The key.
    pub key: KeyId,
}

/// `arn:aws:kms:<region>:<account>:alias/<name>`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AliasArn {
    /// The Region in which the alias resolves.
    pub region: Region,
    /// The alias's owner.
    pub account: AccountId,
    /// The alias.
    pub alias: AliasName,
}

text_identifier!(KeyArn);
text_identifier!(AliasArn);

/// The six fields of a KMS ARN, split but not yet parsed: region, account, resource.
pub(crate) fn split_kms_arn(text: &str) -> Option<(&str, &str, &str)> {
    let mut fields = text.splitn(6, ':');
    let head = (fields.next()?, fields.next()?, fields.next()?);
    let (region, account, resource) = (fields.next()?, fields.next()?, fields.next()?);
    (head.0 == "arn" && head.1.starts_with("aws") && head.2 == "kms").then_some((region, account, resource))
}

impl FromStr for KeyArn {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let error = || ParseError::new("key ARN", "`arn:aws:kms:<region>:<account>:key/<id>`", text);
        let (region, account, resource) = split_kms_arn(text).ok_or_else(error)?;
        let key = resource.strip_prefix("key/").ok_or_else(error)?.parse()?;
        Ok(Self { region: region.parse()?, account: account.parse()?, key })
    }
}

impl FromStr for AliasArn {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let error = || ParseError::new("alias ARN", "`arn:aws:kms:<region>:<account>:alias/<name>`", text);
        let (region, account, resource) = split_kms_arn(text).ok_or_else(error)?;
        Ok(Self { region: region.parse()?, account: account.parse()?, alias: resource.parse()? })
    }
}

impl fmt::Display for KeyArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:aws:kms:{}:{}:key/{}", self.region, self.account, self.key)
    }
}

impl fmt::Display for AliasArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:aws:kms:{}:{}:{}", self.region, self.account, self.alias)
    }
}
