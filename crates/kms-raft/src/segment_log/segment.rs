//! One file of the log: its name, its first sector, and the rule that tells a torn tail from damage.
//!
//! ```text
//! log-<number>.seg = header sector ‖ batch ‖ batch ‖ ...      the first batch repeats vote, purge and commit points
//! header           = crc (4) ‖ "MERIDLOG" ‖ version (4) ‖ node (8) ‖ number (8) ‖ first batch (8) ‖ zeros
//! ```
//!
//! Does not interpret records.

use super::error::LogError;
use super::sector::{self, SECTOR_BYTES, Sector};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"MERIDLOG";
const VERSION: u32 = 1;

/// What the first sector of a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) node: u64,
    pub(super) sequence: u64,
    pub(super) first_batch: u64,
}

impl Header {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut rest = MAGIC.to_vec();
        rest.extend_from_slice(&VERSION.to_le_bytes());
        for number in [self.node, self.sequence, self.first_batch] {
            rest.extend_from_slice(&number.to_le_bytes());
        }
        rest.resize(SECTOR_BYTES - 4, 0);
        let mut sector = crc32c::crc32c(&rest).to_le_bytes().to_vec();
        sector.append(&mut rest);
        sector
    }

    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, LogError> {
        let broken = || LogError::damaged(path, 0, "the header is broken");
        let (crc, rest) =
            bytes.get(..SECTOR_BYTES).and_then(|b| b.split_first_chunk::<4>()).ok_or_else(broken)?;
        let (magic, fields) = rest.split_first_chunk::<8>().ok_or_else(broken)?;
        if crc32c::crc32c(rest) != u32::from_le_bytes(*crc) || magic != MAGIC {
            return Err(broken());
        }
        let (version, fields) = fields.split_first_chunk::<4>().ok_or_else(broken)?;
        match u32::from_le_bytes(*version) {
            VERSION => Self::parse_fields(fields).ok_or_else(broken),
            version => Err(LogError::UnknownVersion { path: path.to_owned(), version }),
        }
    }

    fn parse_fields(fields: &[u8]) -> Option<Self> {
        let (node, fields) = fields.split_first_chunk::<8>()?;
        let (sequence, fields) = fields.split_first_chunk::<8>()?;
        let (first_batch, _) = fields.split_first_chunk::<8>()?;
        Some(Self {
            node: u64::from_le_bytes(*node),
            sequence: u64::from_le_bytes(*sequence),
            first_batch: u64::from_le_bytes(*first_batch),
        })
    }
}

pub(super) fn path(dir: &Path, sequence: u64) -> PathBuf {
    dir.join(format!("log-{sequence:08}.seg"))
}

pub(super) fn sequence_of(name: &str) -> Option<u64> {
    name.strip_prefix("log-")?.strip_suffix(".seg")?.parse().ok()
}

/// Whether a later file follows: its first batch was written only after the last batch here was durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Inner,
    Last,
}

/// A whole batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// Its first sector, counted from the start of the file.
    pub(super) sector: u64,
    pub(super) body: Vec<u8>,
}

/// The content of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scanned {
    pub(super) batches: Vec<Batch>,
    /// Where the last whole batch ends; the file is to be cut here.
    pub(super) valid_bytes: u64,
}

/// Reads every batch after the header, under the rule of the parent module's header.
pub(super) fn scan(path: &Path, bytes: &[u8], first_batch: u64, place: Place) -> Result<Scanned, LogError> {
    let mut batches = Vec::new();
    let mut at = SECTOR_BYTES;
    let mut number = first_batch;
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some((body, used)) = read_batch(rest, number).map_err(|o| broken(path, at + o))? else {
            check_tail(rest, number, place)
                .map_err(|(o, why)| LogError::damaged(path, (at + o) as u64, why))?;
            break;
        };
        batches.push(Batch { sector: (at / SECTOR_BYTES) as u64, body });
        at += used;
        number += 1;
    }
    Ok(Scanned { batches, valid_bytes: at as u64 })
}

fn broken(path: &Path, offset: usize) -> LogError {
    LogError::damaged(path, offset as u64, "a sector is broken")
}

/// The batch at the start of `bytes` and its length on disk; `None` if a sector of it was never written; the
/// offset of the first broken sector otherwise.
fn read_batch(bytes: &[u8], number: u64) -> Result<Option<(Vec<u8>, usize)>, usize> {
    let mut body = Vec::new();
    let mut index = 0u32;
    loop {
        let offset = index as usize * SECTOR_BYTES;
        let part = match sector::parse(sector_at(bytes, offset)) {
            Sector::Absent => return Ok(None),
            Sector::Valid(part) if part.batch == number && part.index == index => part,
            Sector::Valid(_) | Sector::Broken => return Err(offset),
        };
        body.extend_from_slice(part.data);
        index += 1;
        if index >= part.count {
            return Ok(Some((body, offset + SECTOR_BYTES)));
        }
    }
}

/// An unfinished batch is a torn tail only if it is the very last thing: everything behind it is a sector of the
/// same batch, or was never written.
fn check_tail(bytes: &[u8], number: u64, place: Place) -> Result<(), (usize, &'static str)> {
    if place == Place::Inner {
        return Err((0, "a batch is unfinished and a later file follows"));
    }
    for (i, chunk) in bytes.chunks(SECTOR_BYTES).enumerate() {
        match sector::parse(chunk) {
            Sector::Absent => {}
            Sector::Valid(part) if part.batch == number => {}
            Sector::Valid(_) => return Err((0, "a batch is unfinished and a later batch follows")),
            Sector::Broken => return Err((i * SECTOR_BYTES, "a sector is broken")),
        }
    }
    Ok(())
}

fn sector_at(bytes: &[u8], offset: usize) -> &[u8] {
    let rest = bytes.get(offset..).unwrap_or_default();
    rest.get(..SECTOR_BYTES).unwrap_or(rest)
}
