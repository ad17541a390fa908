//! The figures of `bench operations`, as a table and as JSON.

use serde::Serialize;
use std::{fmt::Write, time::Duration};

use crate::bench::{http_load::Measured, operations::plan::Plan};

/// All figures of one run.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Figures {
    seconds_per_measurement: f64,
    build: &'static str,
    /// Half of the calls of `GET /health` took at most this long: HTTP alone.
    health_ns: u64,
    /// One per operation and key spec.
    pub(super) rows: Vec<Row>,
}

/// One operation with one key spec.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    operation: &'static str,
    subject: String,
    /// Median of the library call.
    library_ns: u64,
    /// Median of unwrapping the material and parsing it: what a cache of open keys could save of a request, at most.
    opening_ns: Option<u64>,
    /// Median of the request on one connection.
    request_ns: u64,
    /// All but one request in a hundred took at most this long.
    request_p99_ns: u64,
    /// `request_ns / library_ns`.
    ratio: f64,
    /// Requests that failed.
    failed: u64,
}

impl Row {
    pub(super) fn new(plan: &Plan, library: Duration, opening: Option<Duration>, request: &Measured) -> Self {
        let (library_ns, request_ns) = (ns(library).max(1), ns(request.p50));
        Self {
            operation: plan.operation(),
            subject: plan.subject(),
            library_ns,
            opening_ns: opening.map(ns),
            request_ns,
            request_p99_ns: ns(request.p99),
            ratio: (request_ns as f64 / library_ns as f64 * 100.0).round() / 100.0,
            failed: request.failed,
        }
    }

    fn beside(&self) -> u64 {
        self.request_ns.saturating_sub(self.library_ns)
    }
}

fn ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Figures {
    pub(super) fn new(seconds_per_measurement: f64, health: Duration) -> Self {
        let build = if cfg!(debug_assertions) { "debug" } else { "release" };
        Self { seconds_per_measurement, build, health_ns: ns(health), rows: Vec::new() }
    }

    /// The figures for a person.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "{} build, {} s per measurement, one connection; medians in ns; GET /health {} ns\n\n",
            self.build, self.seconds_per_measurement, self.health_ns
        );
        line(&mut text, "", "", ["library", "opening", "request", "beside", "p99", "ratio"]);
        for row in &self.rows {
            let [library, request, beside, p99] =
                [row.library_ns, row.request_ns, row.beside(), row.request_p99_ns].map(|ns| ns.to_string());
            let opening = row.opening_ns.map_or_else(|| "-".to_owned(), |ns| ns.to_string());
            let ratio = format!("{:.2}", row.ratio);
            let cells = [&library, &opening, &request, &beside, &p99, &ratio].map(String::as_str);
            line(&mut text, row.operation, &row.subject, cells);
        }
        text.push_str(NOTES);
        text
    }
}

const NOTES: &str = "
library   the function of kms-crypto, with the material at hand
opening   unwrapping the material and parsing it: what a cache of open keys could save, at most
request   what one client waits for
beside    request less library
ratio     request / library
";

fn line(text: &mut String, operation: &str, subject: &str, cells: [&str; 6]) {
    let _ = write!(text, "{operation:<36}{subject:<42}");
    for cell in cells {
        let _ = write!(text, " {cell:>11}");
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::operations::plan;

    #[test]
    fn a_row_divides_the_request_by_the_library_call() {
        let plan = plan::all()[0];
        let request = Measured::new(vec![Duration::from_micros(300)], 0, Duration::from_secs(1));
        let row = Row::new(&plan, Duration::from_micros(2), None, &request);
        assert_eq!((row.ratio, row.beside()), (150.0, 298_000));
        let mut figures = Figures::new(1.0, Duration::from_micros(40));
        figures.rows.push(row);
        let text = figures.text();
        assert!(text.contains("GET /health 40000 ns") && text.contains("150.00"), "{text}");
    }
}
