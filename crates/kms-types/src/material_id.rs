use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

use crate::{ParseError, text_identifier};

/// The id of one key material, 32 bytes, shown as the API's 64-hex `KeyMaterialId`.
///
/// Derived from (key id, material) by `kms-crypto`, so that equal bytes under one key have one id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MaterialId([u8; 32]);

text_identifier!(MaterialId);

impl MaterialId {
    /// The id with exactly these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for MaterialId {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let error = || ParseError::new("key material id", "64 lower-case hex digits", text);
        let lower = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let mut bytes = [0; 32];
        if text.len() != 64 || !lower {
            return Err(error());
        }
        hex::decode_to_slice(text, &mut bytes).map_err(|_| error())?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for MaterialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}
