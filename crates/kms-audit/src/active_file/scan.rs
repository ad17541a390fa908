//! Reads an audit file once to find where its last whole record ends. Judges form only, not content.

use kms_types::Timestamp;
use serde::Deserialize;
use std::io::{self, BufRead, BufReader, Read};

/// A longer line is no record of ours: requests are bounded at 1 MiB.
const MOST_LINE_BYTES: u64 = 16 << 20;

/// What a file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// Bytes up to the end of the last whole record.
    pub(super) whole_bytes: u64,
    /// Lines before that which are no records; they are left as they are, for whoever audits the log.
    pub(super) damaged_lines: u64,
    /// The time of the first record.
    pub(super) first: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "eventTime")]
    event_time: String,
}

impl Scan {
    pub(super) fn of(bytes: impl Read) -> io::Result<Self> {
        let (mut reader, mut scan) = (BufReader::with_capacity(1 << 16, bytes), Self::default());
        let (mut at, mut damaged) = (0, 0);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = reader.by_ref().take(MOST_LINE_BYTES).read_until(b'\n', &mut line)?;
            if read == 0 {
                return Ok(scan);
            }
            at += read as u64;
            match record_time(&line) {
                Some(time) => {
                    scan.damaged_lines += std::mem::take(&mut damaged);
                    scan.whole_bytes = at;
                    scan.first.get_or_insert(time);
                }
                None => damaged += 1,
            }
        }
    }
}

/// The time of a whole record, `None` for anything else.
fn record_time(line: &[u8]) -> Option<Timestamp> {
    let head: Head = serde_json::from_slice(line.strip_suffix(b"\n")?).ok()?;
    Timestamp::parse_iso(&head.event_time)
}
