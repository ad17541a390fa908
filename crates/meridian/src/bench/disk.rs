//! What the disk does alone: append 1 KiB, fdatasync, again. The upper bound of a log that syncs each entry by itself.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    bench::http_load::Measured,
    failure::{Failure, io_error},
};

const ENTRY: [u8; 1024] = [0x5a; 1024];

/// Appends and syncs for `time` in a file below `dir`.
pub(super) fn syncs(dir: &Path, time: Duration) -> Result<Measured, Failure> {
    let path = dir.join("fdatasync.tmp");
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .open(&path)
        .map_err(io_error("create", &path))?;
    let (begin, mut latencies) = (Instant::now(), Vec::new());
    while begin.elapsed() < time {
        let started = Instant::now();
        file.write_all(&ENTRY).and_then(|()| file.sync_data()).map_err(io_error("write", &path))?;
        latencies.push(started.elapsed());
    }
    let measured = Measured::new(latencies, 0, begin.elapsed());
    let _ = fs::remove_file(&path);
    Ok(measured)
}
