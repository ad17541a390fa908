//! The content of a snapshot file, also the format of a backup.
//!
//! ```text
//! "MERIDSNP" ‖ length (u32) ‖ header ‖ count × (length (u32) ‖ key ‖ length (u32) ‖ value) ‖ SHA-256 of all before
//! ```
//!
//! Does not name, move or sync files.

use crate::applied::{Applied, AppliedMark};
use kms_state::State;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::{self, Read, Write};

const MAGIC: &[u8; 8] = b"MERIDSNP";
const HASH_BYTES: u64 = 32;
/// Longest key or value; what the codec accepts for one record.
const PART_LIMIT_BYTES: u32 = 16 << 20;

/// What a snapshot covers. The frame around it carries the format version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) mark: AppliedMark,
    pub(crate) state_hash: [u8; 32],
    pub(crate) records: u64,
}

/// Why a file is not a snapshot to install.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The operating system refused.
    #[error("cannot read the snapshot")]
    Io(#[from] io::Error),
    /// The content hash differs.
    #[error("the snapshot's content does not match its hash")]
    HashMismatch,
    /// Not of this format.
    #[error("the snapshot is malformed: {0}")]
    Malformed(&'static str),
    /// A record or the header does not decode.
    #[error("the snapshot does not decode")]
    Decode(#[from] kms_state::DecodeError),
    /// The snapshot is not the one that was announced.
    #[error("the snapshot covers `{found}`, announced was `{announced}`")]
    NotAsAnnounced {
        /// What the file says.
        found: String,
        /// What the sender said.
        announced: String,
    },
}

/// Writes a snapshot of `applied`.
pub(crate) fn write(applied: &Applied, out: impl Write) -> io::Result<()> {
    let mut out = Hashing { inner: out, hash: Sha256::new() };
    let header = Header {
        mark: applied.mark(),
        state_hash: applied.state.hash(),
        records: applied.state.records().count() as u64,
    };
    out.write_all(MAGIC)?;
    write_part(&mut out, &kms_state::encode(&header))?;
    for (key, value) in applied.state.records() {
        write_part(&mut out, &key)?;
        write_part(&mut out, &value)?;
    }
    let Hashing { mut inner, hash } = out;
    inner.write_all(&hash.finalize())?;
    inner.flush()
}

fn write_part(out: &mut impl Write, part: &[u8]) -> io::Result<()> {
    let len = u32::try_from(part.len()).map_err(io::Error::other)?;
    out.write_all(&len.to_le_bytes())?;
    out.write_all(part)
}

/// Checks the hash over the whole file; nothing else is trusted before.
pub(crate) fn verify(mut input: impl Read, len_bytes: u64) -> Result<(), SnapshotError> {
    let content = len_bytes.checked_sub(HASH_BYTES).ok_or(SnapshotError::Malformed("it is too short"))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    let mut content_input = (&mut input).take(content);
    loop {
        let read = content_input.read(&mut buffer)?;
        match buffer.get(..read).filter(|b| !b.is_empty()) {
            Some(bytes) => hash.update(bytes),
            None => break,
        }
    }
    let mut stored = [0; HASH_BYTES as usize];
    input.read_exact(&mut stored)?;
    match hash.finalize().as_slice() == stored.as_slice() {
        true => Ok(()),
        false => Err(SnapshotError::HashMismatch),
    }
}

/// The header alone; of a verified file.
pub(crate) fn read_header(mut input: impl Read) -> Result<Header, SnapshotError> {
    let mut magic = [0; 8];
    input.read_exact(&mut magic)?;
    match &magic == MAGIC {
        true => Ok(kms_state::decode(&read_part(&mut input)?)?),
        false => Err(SnapshotError::Malformed("it does not begin with the magic bytes")),
    }
}

/// The state; of a verified file.
pub(crate) fn read(mut input: impl Read) -> Result<Applied, SnapshotError> {
    let header = read_header(&mut input)?;
    let mut failed = None;
    let records = (0..header.records).map_while(|_| match read_record(&mut input) {
        Ok(record) => Some(record),
        Err(error) => {
            failed = Some(error);
            None
        }
    });
    let state = State::restore(records)?;
    match failed {
        Some(error) => Err(error),
        None if state.hash() != header.state_hash => Err(SnapshotError::HashMismatch),
        None => Ok(Applied::new(header.mark, state)),
    }
}

fn read_record(input: &mut impl Read) -> Result<(Vec<u8>, Vec<u8>), SnapshotError> {
    Ok((read_part(input)?, read_part(input)?))
}

fn read_part(input: &mut impl Read) -> Result<Vec<u8>, SnapshotError> {
    let mut len = [0; 4];
    input.read_exact(&mut len)?;
    let len = u32::from_le_bytes(len);
    if len > PART_LIMIT_BYTES {
        return Err(SnapshotError::Malformed("a record is too long"));
    }
    let mut part = Vec::new();
    input.take(u64::from(len)).read_to_end(&mut part)?;
    match part.len() as u64 == u64::from(len) {
        true => Ok(part),
        false => Err(SnapshotError::Malformed("it ends within a record")),
    }
}

struct Hashing<W> {
    inner: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
