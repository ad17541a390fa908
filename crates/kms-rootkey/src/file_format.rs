//! The text of a root key file: a line that names the format, a line of 64 hex digits. No other form is read.

use kms_crypto::RootKey;
use zeroize::Zeroizing;

pub(crate) const HEADER: &str = "meridian-root-key-v1";
const FILE_BYTES: usize = HEADER.len() + 1 + 64 + 1;
/// One byte more than a file has, so that a longer file is seen as longer.
pub(crate) const READ_BYTES: u64 = FILE_BYTES as u64 + 1;

/// The text of a file that holds `key`.
pub(crate) fn encode(key: &RootKey) -> Zeroizing<Vec<u8>> {
    let digits = Zeroizing::new(hex::encode(key.expose_for_provider()));
    Zeroizing::new([HEADER, "\n", &digits, "\n"].concat().into_bytes())
}

/// Reads what [`encode`] wrote; `None` for anything else.
pub(crate) fn decode(text: &[u8]) -> Option<RootKey> {
    let digits = text.strip_prefix(HEADER.as_bytes())?.strip_prefix(b"\n")?.strip_suffix(b"\n")?;
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(digits, bytes.as_mut_slice()).ok()?;
    Some(RootKey::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_a_header_line_and_a_line_of_hex() {
        let key = RootKey::from_bytes(Zeroizing::new([0xab; 32]));
        let text = encode(&key);
        assert_eq!(text.as_slice(), format!("meridian-root-key-v1\n{}\n", "ab".repeat(32)).as_bytes());
        assert_eq!(decode(&text).unwrap().recipient(), key.recipient());
    }

    #[test]
    fn every_other_text_is_refused() {
        let digits = "ab".repeat(32);
        for text in [
            String::new(),
            digits.clone(),
            format!("{digits}\n"),
            "meridian-root-key-v1\n".to_owned(),
            format!("meridian-root-key-v2\n{digits}\n"),
            format!("meridian-root-key-v1\n{digits}"),
            format!("meridian-root-key-v1\r\n{digits}\r\n"),
            format!("meridian-root-key-v1\n{digits}\n\n"),
            format!("meridian-root-key-v1\n{digits}00\n"),
            format!("meridian-root-key-v1\n{}\n", "ag".repeat(32)),
            format!("meridian-root-key-v1\n{}\n", "ab".repeat(31)),
        ] {
            assert!(decode(text.as_bytes()).is_none(), "{text:?}");
        }
    }
}
