use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

use crate::{ParseError, text_identifier};

/// Whether a key may have siblings in other Regions; fixed at creation and visible in the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KeyIdKind {
    /// `8-4-4-4-12` lower-case hex, a UUID version 4.
    SingleRegion,
    /// `mrk-` and 32 hex digits, equal in all Regions.
    MultiRegion,
}

/// A key id: a UUID, or `mrk-` with 32 hex digits for a multi-Region key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId {
    kind: KeyIdKind,
    bytes: [u8; 16],
}

text_identifier!(KeyId);

impl KeyId {
    /// A fresh id from 16 random bytes. A single-Region id has the UUID version and variant bits set [RFC9562 §5.4].
    pub fn from_random(kind: KeyIdKind, mut bytes: [u8; 16]) -> Self {
        if kind == KeyIdKind::SingleRegion {
            set_uuid_v4_bits(&mut bytes);
        }
        Self { kind, bytes }
    }

    /// The id with exactly these bytes, as read from a ciphertext header.
    pub fn from_parts(kind: KeyIdKind, bytes: [u8; 16]) -> Self {
        Self { kind, bytes }
    }

    /// Single-Region or multi-Region.
    pub fn kind(&self) -> KeyIdKind {
        self.kind
    }

    /// True for `mrk-` ids.
    pub fn is_multi_region(&self) -> bool {
        self.kind == KeyIdKind::MultiRegion
    }

    /// The 16 bytes behind the text.
    pub fn bytes(&self) -> &[u8; 16] {
        &self.bytes
    }
}

pub(crate) fn set_uuid_v4_bits(bytes: &mut [u8; 16]) {
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
}

/// Writes 16 bytes as `8-4-4-4-12` lower-case hex.
pub(crate) fn write_uuid(f: &mut fmt::Formatter<'_>, bytes: &[u8; 16]) -> fmt::Result {
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            f.write_str("-")?;
        }
        write!(f, "{byte:02x}")?;
    }
    Ok(())
}

/// Parses `8-4-4-4-12` lower-case hex.
pub(crate) fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let shape_ok = text.len() == 36
        && text
            .bytes()
            .enumerate()
            .all(|(i, b)| if matches!(i, 8 | 13 | 18 | 23) { b == b'-' } else { is_hex(b) });
    if !shape_ok {
        return None;
    }
    let mut bytes = [0; 16];
    hex::decode_to_slice(text.replace('-', ""), &mut bytes).ok()?;
    Some(bytes)
}

fn is_hex(b: u8) -> bool {
    b.is_ascii_digit() || (b'a'..=b'f').contains(&b)
}

impl FromStr for KeyId {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let error = || ParseError::new("key id", "a lower-case UUID, or `mrk-` and 32 hex digits", text);
        if let Some(hex_digits) = text.strip_prefix("mrk-") {
            let mut bytes = [0; 16];
            if hex_digits.len() != 32 || !hex_digits.bytes().all(is_hex) {
                return Err(error());
            }
            hex::decode_to_slice(hex_digits, &mut bytes).map_err(|_| error())?;
            return Ok(Self { kind: KeyIdKind::MultiRegion, bytes });
        }
        let bytes = parse_uuid(text).ok_or_else(error)?;
        Ok(Self { kind: KeyIdKind::SingleRegion, bytes })
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            KeyIdKind::SingleRegion => write_uuid(f, &self.bytes),
            KeyIdKind::MultiRegion => write!(f, "mrk-{}", hex::encode(self.bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_through_text() {
        for kind in [KeyIdKind::SingleRegion, KeyIdKind::MultiRegion] {
            let id = KeyId::from_random(kind, [0xa5; 16]);
            assert_eq!(id.to_string().parse::<KeyId>().unwrap(), id);
        }
    }

    #[test]
    fn malformed_ids_are_refused() {
        for text in
            ["", "mrk-", "mrk-zz", "A5A5A5A5-A5A5-4A5A-A5A5-A5A5A5A5A5A5", "a5a5a5a5a5a54a5aa5a5a5a5a5a5a5a5"]
        {
            assert!(text.parse::<KeyId>().is_err(), "{text}");
        }
    }
}
