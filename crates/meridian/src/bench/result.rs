//! The figures of one benchmark, as a table and as JSON.

use serde::Serialize;
use std::fmt::Write;

use crate::bench::http_load::Measured;

/// All figures.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Bench {
    seconds_per_measurement: f64,
    plaintext_bytes: usize,
    build: &'static str,
    /// One node, compared with its health endpoint.
    pub(super) cryptography: Vec<Line>,
    /// A three-node Region, compared with the disk.
    pub(super) management: Vec<Line>,
}

/// One measurement.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Line {
    name: &'static str,
    connections: usize,
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// `per_second` divided by that of the line it is compared with.
    ratio: f64,
    failed: u64,
}

impl Line {
    pub(super) fn new(
        name: &'static str,
        connections: usize,
        measured: &Measured,
        base_per_second: f64,
    ) -> Self {
        Self {
            name,
            connections,
            per_second: round(measured.per_second, 10.0),
            p50_ms: round(measured.p50.as_secs_f64() * 1000.0, 1000.0),
            p99_ms: round(measured.p99.as_secs_f64() * 1000.0, 1000.0),
            ratio: round(measured.per_second / base_per_second.max(f64::MIN_POSITIVE), 1000.0),
            failed: measured.failed,
        }
    }
}

fn round(value: f64, per_unit: f64) -> f64 {
    (value * per_unit).round() / per_unit
}

impl Bench {
    pub(super) fn new(seconds_per_measurement: f64, plaintext_bytes: usize) -> Self {
        let build = if cfg!(debug_assertions) { "debug" } else { "release" };
        Self {
            seconds_per_measurement,
            plaintext_bytes,
            build,
            cryptography: Vec::new(),
            management: Vec::new(),
        }
    }

    /// The figures for a person.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "{} build, {} s per measurement, {}-byte plaintext\n",
            self.build, self.seconds_per_measurement, self.plaintext_bytes
        );
        table(&mut text, "One node; ratio to its GET /health", &self.cryptography);
        table(&mut text, "A Region of three nodes; ratio to the disk's fdatasync", &self.management);
        text
    }
}

fn table(text: &mut String, title: &str, lines: &[Line]) {
    let _ = writeln!(text, "\n{title}");
    let _ = writeln!(
        text,
        "  {:<24} {:>11} {:>11} {:>9} {:>9} {:>8}",
        "", "connections", "per second", "p50 ms", "p99 ms", "ratio"
    );
    for line in lines {
        let Line { name, connections, per_second, p50_ms, p99_ms, ratio, .. } = line;
        let _ = writeln!(
            text,
            "  {name:<24} {connections:>11} {per_second:>11.1} {p50_ms:>9.3} {p99_ms:>9.3} {ratio:>8.3}"
        );
    }
}
