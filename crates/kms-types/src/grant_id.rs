use serde::{Deserialize, Serialize};

use crate::hex_identifier;

/// The id of one grant: 32 bytes, random when it is new, shown as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GrantId([u8; 32]);

hex_identifier!(GrantId, "grant id");

impl GrantId {
    /// The id that orders before every other.
    pub const FIRST: Self = Self([0; 32]);
    /// The id that orders after every other.
    pub const LAST: Self = Self([0xff; 32]);
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
