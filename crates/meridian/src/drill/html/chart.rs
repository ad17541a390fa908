//! What the clients of each Region waited, over time, below the timeline and on the same axis.

use std::fmt::Write;

use crate::drill::{
    html::{
        escaped,
        scale::{LEFT, Scale, WIDTH},
    },
    latency::{Bucket, Series},
    report::Report,
};

const HEIGHT: f64 = 110.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = TOP + HEIGHT;

/// The vertical axis: logarithmic, whole decades of microseconds.
#[derive(Debug, Clone, Copy)]
struct Decades {
    low: i32,
    high: i32,
}

impl Decades {
    fn of(series: &[Series]) -> Self {
        let values = || series.iter().flat_map(|s| &s.buckets).flat_map(|b| [b.p50_us, b.max_us]).flatten();
        let low = values().min().unwrap_or(1_000).max(1) as f64;
        let high = values().max().unwrap_or(10_000).max(2) as f64;
        let (low, high) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        Self { low, high: high.max(low + 1) }
    }

    fn y(self, us: u64) -> f64 {
        let share = ((us.max(1) as f64).log10() - f64::from(self.low)) / f64::from(self.high - self.low);
        BOTTOM - share.clamp(0.0, 1.0) * HEIGHT
    }
}

pub(super) fn section(out: &mut String, report: &Report) {
    let _ = writeln!(out, "<section>\n<h2>What clients waited</h2>");
    let _ = writeln!(
        out,
        "<p class=\"legend\"><span><i style=\"background:var(--p50)\"></i>median</span>\
         <span><i style=\"background:var(--max)\"></i>longest</span>\
         <span><i style=\"background:var(--bad)\"></i>served by no Region</span>\
         <span><i style=\"background:var(--fault);opacity:.2\"></i>a fault is in force</span>\
         <span>logarithmic; what a client waited until some Region served it</span></p>"
    );
    let (scale, decades) = (Scale::of(report), Decades::of(&report.latency));
    for series in &report.latency {
        let _ =
            writeln!(out, "<h3>Clients of {}</h3>\n<div class=\"wide\">", escaped(series.region.as_str()));
        draw(out, report, series, scale, decades);
        let _ = writeln!(out, "</div>");
    }
    let _ = writeln!(out, "</section>");
}

fn draw(out: &mut String, report: &Report, series: &Series, scale: Scale, decades: Decades) {
    let label = format!("Latency of the clients of {}", series.region);
    let _ = writeln!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {:.0}\" role=\"img\" aria-label=\"{}\">",
        BOTTOM + 18.0,
        escaped(&label)
    );
    for fault in &report.faults {
        let (from, to) = (fault.from_ms, fault.to_ms.unwrap_or(report.end_ms));
        let _ = writeln!(
            out,
            "<rect class=\"shade\" x=\"{:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{HEIGHT}\"/>",
            scale.x(from),
            scale.width(from, to)
        );
    }
    scale.grid(out, TOP, BOTTOM);
    for decade in decades.low..=decades.high {
        let us = 10_f64.powi(decade) as u64;
        let y = decades.y(us);
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{WIDTH}\" y2=\"{y:.1}\"/>\
             <text class=\"dim\" x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            y + 4.0,
            microseconds(us)
        );
    }
    for (class, value) in [("max", (|b| b.max_us) as fn(&Bucket) -> Option<u64>), ("p50", |b| b.p50_us)] {
        for line in lines(series, value) {
            let points: Vec<String> =
                line.iter().map(|(at, us)| format!("{:.1},{:.1}", scale.x(*at), decades.y(*us))).collect();
            let _ = writeln!(out, "<polyline class=\"{class}\" points=\"{}\"/>", points.join(" "));
        }
    }
    for bucket in series.buckets.iter().filter(|bucket| bucket.failed > 0) {
        let at = bucket.from_ms + series.bucket_ms / 2;
        let _ = writeln!(
            out,
            "<circle class=\"failed\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"><title>{} served by no Region</title></circle>",
            scale.x(at),
            TOP + 4.0,
            bucket.failed
        );
    }
    let _ = writeln!(out, "</svg>");
}

/// The series as unbroken lines: where nothing was served there is no line. A lone point is a short line, or nobody saw it.
fn lines(series: &Series, value: fn(&Bucket) -> Option<u64>) -> Vec<Vec<(u64, u64)>> {
    let mut lines: Vec<Vec<(u64, u64)>> = vec![Vec::new()];
    for bucket in &series.buckets {
        let at = bucket.from_ms + series.bucket_ms / 2;
        match (value(bucket), lines.last_mut()) {
            (Some(us), Some(line)) => line.push((at, us)),
            (None, Some(line)) if !line.is_empty() => lines.push(Vec::new()),
            _ => {}
        }
    }
    lines.retain(|line| !line.is_empty());
    for line in &mut lines {
        if let [(at, us)] = line.as_slice() {
            let (at, us) = (*at, *us);
            *line = vec![(at.saturating_sub(series.bucket_ms / 4), us), (at + series.bucket_ms / 4, us)];
        }
    }
    lines
}

fn microseconds(us: u64) -> String {
    match us {
        us if us < 1_000 => format!("{us} µs"),
        us if us < 1_000_000 => format!("{} ms", us / 1_000),
        us => format!("{} s", us / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_where_nothing_was_served() {
        let bucket = |from_ms, p50_us: Option<u64>| Bucket {
            from_ms,
            served: usize::from(p50_us.is_some()),
            failed: 0,
            p50_us,
            max_us: p50_us,
        };
        let buckets = [Some(1), Some(2), None, None, Some(3)];
        let series = Series {
            region: "us-east-1".parse().unwrap(),
            bucket_ms: 100,
            buckets: buckets.into_iter().zip(0..).map(|(p50, n)| bucket(n * 100, p50)).collect(),
        };
        assert_eq!(lines(&series, |b| b.p50_us), [vec![(50, 1), (150, 2)], vec![(425, 3), (475, 3)]]);
    }

    #[test]
    fn axis_has_whole_decades_even_without_values() {
        let Decades { low, high } = Decades::of(&[]);
        assert!(low < high);
        assert_eq!(Decades { low: 3, high: 5 }.y(1_000), BOTTOM);
        assert_eq!(Decades { low: 3, high: 5 }.y(100_000), TOP);
    }
}
