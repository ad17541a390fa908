//! Sectors, the unit in which a disk tears a write.
//!
//! ```text
//!  0      4        12      16      20     22                512
//!  ├ crc ─┼ batch ─┼ index ┼ count ┼ used ┼ data, zero-padded ┤      little endian, crc = CRC32C of bytes 4..512
//! ```
//!
//! Knows nothing of records: a batch is any bytes, cut into sectors.

/// Bytes of one sector on disk.
pub(crate) const SECTOR_BYTES: usize = 512;
/// Bytes of a batch that one sector carries.
pub(super) const DATA_BYTES: usize = SECTOR_BYTES - 22;

/// What is found at the place of a sector.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sector<'a> {
    /// Never written: all zero, or past the end of the file.
    Absent,
    /// Exactly as written.
    Valid(Part<'a>),
    /// Neither.
    Broken,
}

/// A sector's share of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    /// The batch; numbers are consecutive over the whole log and begin with 1, so no valid sector is all zero.
    pub(super) batch: u64,
    /// Which sector of the batch this is.
    pub(super) index: u32,
    /// How many sectors the batch has.
    pub(super) count: u32,
    /// The bytes.
    pub(super) data: &'a [u8],
}

/// Cuts a batch into sectors; an empty batch takes one.
pub(super) fn encode(batch: u64, body: &[u8]) -> Vec<u8> {
    let count = body.len().div_ceil(DATA_BYTES).max(1);
    let mut out = Vec::with_capacity(count * SECTOR_BYTES);
    let mut chunks = body.chunks(DATA_BYTES);
    for index in 0..count {
        push_sector(&mut out, batch, index as u32, count as u32, chunks.next().unwrap_or_default());
    }
    out
}

fn push_sector(out: &mut Vec<u8>, batch: u64, index: u32, count: u32, data: &[u8]) {
    let mut rest = Vec::with_capacity(SECTOR_BYTES - 4);
    rest.extend_from_slice(&batch.to_le_bytes());
    rest.extend_from_slice(&index.to_le_bytes());
    rest.extend_from_slice(&count.to_le_bytes());
    rest.extend_from_slice(&(data.len() as u16).to_le_bytes());
    rest.extend_from_slice(data);
    rest.resize(SECTOR_BYTES - 4, 0);
    out.extend_from_slice(&crc32c::crc32c(&rest).to_le_bytes());
    out.extend_from_slice(&rest);
}

/// Classifies the bytes at the place of a sector.
pub(super) fn parse(bytes: &[u8]) -> Sector<'_> {
    if bytes.len() < SECTOR_BYTES || bytes.iter().all(|b| *b == 0) {
        return Sector::Absent;
    }
    parse_written(bytes).map_or(Sector::Broken, Sector::Valid)
}

fn parse_written(bytes: &[u8]) -> Option<Part<'_>> {
    let (crc, rest) = bytes.split_first_chunk::<4>()?;
    if crc32c::crc32c(rest) != u32::from_le_bytes(*crc) {
        return None;
    }
    let (batch, rest) = rest.split_first_chunk::<8>()?;
    let (index, rest) = rest.split_first_chunk::<4>()?;
    let (count, rest) = rest.split_first_chunk::<4>()?;
    let (used, rest) = rest.split_first_chunk::<2>()?;
    Some(Part {
        batch: u64::from_le_bytes(*batch),
        index: u32::from_le_bytes(*index),
        count: u32::from_le_bytes(*count),
        data: rest.get(..usize::from(u16::from_le_bytes(*used)))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_comes_back_from_its_sectors() {
        for len in [0, 1, DATA_BYTES, DATA_BYTES + 1, 3 * DATA_BYTES] {
            let body: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let bytes = encode(7, &body);
            let mut back = Vec::new();
            for (i, sector) in bytes.chunks(SECTOR_BYTES).enumerate() {
                let Sector::Valid(part) = parse(sector) else { panic!("sector {i} of {len} bytes") };
                assert_eq!((part.batch, part.index as usize), (7, i));
                assert_eq!(part.count as usize, bytes.len() / SECTOR_BYTES);
                back.extend_from_slice(part.data);
            }
            assert_eq!(back, body);
        }
    }

    #[test]
    fn every_changed_bit_breaks_a_sector() {
        let bytes = encode(1, b"some record");
        for bit in 0..SECTOR_BYTES * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(parse(&changed), Sector::Broken, "bit {bit}");
        }
    }
}
