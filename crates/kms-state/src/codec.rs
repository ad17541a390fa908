//! The one place where state becomes bytes: bincode inside a versioned frame.
//!
//! bincode is positional, so a changed struct is always a new variant of [`Frame`]; old variants decode for ever.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// One changed record of the applied state, ready for the store: `None` deletes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The record's key; ordered bytes, first byte is the table.
    pub key: Vec<u8>,
    /// The record's value, a versioned frame.
    pub value: Option<Vec<u8>>,
}

/// Bytes that are not a record of any known version.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The frame does not decode.
    #[error("record does not decode: {0}")]
    Malformed(String),
    /// The frame decodes and bytes are left over.
    #[error("record has {0} bytes too many")]
    TrailingBytes(usize),
    /// No such table.
    #[error("record key begins with unknown table byte {0}")]
    UnknownTable(u8),
    /// The key of a record does not match its value.
    #[error("record key and value disagree")]
    KeyMismatch,
}

/// Largest encoded record or entry: a batch of control records with 32 KiB policies fits, hostile lengths do not.
const LIMIT_BYTES: usize = 16 << 20;

fn config() -> Configuration<LittleEndian, Fixint, Limit<LIMIT_BYTES>> {
    bincode::config::standard().with_fixed_int_encoding().with_limit::<LIMIT_BYTES>()
}

/// The version of a stored value. One variant per format version, never reordered.
#[derive(Serialize, Deserialize)]
enum Frame<T> {
    V1(T),
}

/// Encodes a value in the newest frame version. Total for the types of this workspace.
#[expect(
    clippy::expect_used,
    reason = "only unbounded sequences and foreign serializers can fail, and there are none"
)]
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    bincode::serde::encode_to_vec(Frame::V1(value), bincode::config::standard().with_fixed_int_encoding())
        .expect("state types encode without error")
}

/// Decodes a value of any known frame version; refuses trailing bytes and lengths past the limit.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (Frame::V1(value), used) = bincode::serde::decode_from_slice::<Frame<T>, _>(bytes, config())
        .map_err(|e| DecodeError::Malformed(e.to_string()))?;
    match bytes.len() - used {
        0 => Ok(value),
        rest => Err(DecodeError::TrailingBytes(rest)),
    }
}
