use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

use crate::{ParseError, text_identifier};

/// A 12-digit account id, for example `000000000000`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(u64);

text_identifier!(AccountId);

impl AccountId {
    /// The deployment itself: owns the identity key, which no call reaches. No caller is of this account.
    pub const SYSTEM: Self = Self(999_999_999_999);

    /// The ARN of the account's root, `arn:aws:iam::<id>:root`.
    pub fn root_arn(&self) -> String {
        format!("arn:aws:iam::{self}:root")
    }
}

impl FromStr for AccountId {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let error = || ParseError::new("account id", "12 decimal digits", text);
        if text.len() != 12 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(error());
        }
        text.parse().map(Self).map_err(|_| error())
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}", self.0)
    }
}
