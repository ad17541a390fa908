use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::Arc};

use crate::{ParseError, text_identifier};

/// A Region name, for example `eu-west-1`: `^([a-z]+-){2,3}\d+$`, 1 to 32 characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(Arc<str>);

text_identifier!(Region);

impl Region {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let error = || ParseError::new("region name", "words of a-z joined by `-`, then a number", text);
        let mut words: Vec<&str> = text.split('-').collect();
        let number = words.pop().ok_or_else(error)?;
        let number_ok = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        let words_ok = (2..=3).contains(&words.len())
            && words.iter().all(|w| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase()));
        if number_ok && words_ok && text.len() <= 32 { Ok(Self(text.into())) } else { Err(error()) }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
