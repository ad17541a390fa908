use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::Arc};

use crate::{ParseError, text_identifier};

/// An alias name with its prefix, for example `alias/ledger`: 1 to 256 of `[a-zA-Z0-9:/_-]`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AliasName(Arc<str>);

text_identifier!(AliasName);

impl AliasName {
    /// The name including `alias/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name that orders before every other: `-` is the lowest byte a name may hold.
    pub fn first() -> Self {
        Self("alias/-".into())
    }

    /// True for `alias/aws/...`, which only AWS managed keys may carry.
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with("alias/aws/")
    }
}

impl FromStr for AliasName {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let rest_ok = text.strip_prefix("alias/").is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b":/_-".contains(&b))
        });
        if rest_ok && text.len() <= 256 {
            Ok(Self(text.into()))
        } else {
            Err(ParseError::new("alias name", "`alias/` then up to 250 of a-z A-Z 0-9 : / _ -", text))
        }
    }
}

impl fmt::Display for AliasName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
