use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

use crate::{ParseError, text_identifier};

/// The id of one grant: 32 random bytes, shown as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GrantId([u8; 32]);

text_identifier!(GrantId);

impl GrantId {
    /// The id that orders before every other.
    pub const FIRST: Self = Self([0; 32]);
    /// The id that orders after every other.
    pub const LAST: Self = Self([0xff; 32]);

    /// The id with exactly these bytes; a fresh one from 32 random bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for GrantId {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let error = || ParseError::new("grant id", "64 lower-case hex digits", text);
        let lower = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let mut bytes = [0; 32];
        if text.len() != 64 || !lower {
            return Err(error());
        }
        hex::decode_to_slice(text, &mut bytes).map_err(|_| error())?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_through_text_and_other_texts_are_refused() {
        let id = GrantId::from_bytes([0xa5; 32]);
        assert_eq!(id.to_string().parse::<GrantId>().unwrap(), id);
        for text in ["", "a5", &"A5".repeat(32), &"g0".repeat(32), &"a5".repeat(33)] {
            assert!(text.parse::<GrantId>().is_err(), "{text}");
        }
    }
}
