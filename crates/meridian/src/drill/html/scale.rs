//! Where a moment is on the page: one time axis for all drawings, so that they can be read across.

use std::fmt::Write;

use crate::drill::report::Report;

/// The width of a drawing, in its own units.
pub(super) const WIDTH: f64 = 1000.0;
/// Room for names at the left.
pub(super) const LEFT: f64 = 130.0;
const RIGHT: f64 = 10.0;

/// The time axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    begin_ms: u64,
    end_ms: u64,
}

impl Scale {
    /// From the first step to the end: what comes before is the start of the cluster.
    pub(super) fn of(report: &Report) -> Self {
        Self::new(report.steps.first().map_or(0, |step| step.from_ms), report.end_ms)
    }

    fn new(begin_ms: u64, end_ms: u64) -> Self {
        Self { begin_ms, end_ms: end_ms.max(begin_ms + 1) }
    }

    /// The place of a moment; what is later than the end is at the end.
    pub(super) fn x(self, at_ms: u64) -> f64 {
        let (since, length) = (at_ms.clamp(self.begin_ms, self.end_ms) - self.begin_ms, self.length_ms());
        LEFT + since as f64 / length as f64 * (WIDTH - LEFT - RIGHT)
    }

    fn length_ms(self) -> u64 {
        self.end_ms - self.begin_ms
    }

    /// The width of a stretch; never so narrow that nobody sees it.
    pub(super) fn width(self, from_ms: u64, to_ms: u64) -> f64 {
        (self.x(to_ms) - self.x(from_ms)).max(1.5)
    }

    /// Round times, about eight of them.
    pub(super) fn ticks(self) -> impl Iterator<Item = u64> {
        const ROUND_MS: [u64; 14] = [
            100, 250, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000,
            3_600_000,
        ];
        let step = ROUND_MS.into_iter().find(|step| self.length_ms() / step <= 9).unwrap_or(3_600_000);
        let first = self.begin_ms.div_ceil(step);
        (first..).map(move |n| n * step).take_while(move |at| *at <= self.end_ms)
    }

    /// Draws the grid from `top` to `bottom`, with times below it.
    pub(super) fn grid(self, out: &mut String, top: f64, bottom: f64) {
        for at in self.ticks() {
            let x = self.x(at);
            let _ = write!(
                out,
                "<line class=\"grid\" x1=\"{x:.1}\" y1=\"{top:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\"/>\
                 <text class=\"dim\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                bottom + 13.0,
                seconds(at)
            );
        }
    }
}

fn seconds(ms: u64) -> String {
    match ms {
        ms if ms.is_multiple_of(1_000) => format!("{} s", ms / 1_000),
        ms if ms.is_multiple_of(100) => format!("{:.1} s", ms as f64 / 1_000.0),
        ms => format!("{:.2} s", ms as f64 / 1_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axis_begins_after_the_names_and_ends_at_the_margin() {
        let scale = Scale::new(2_000, 10_000);
        assert_eq!((scale.x(0), scale.x(2_000), scale.x(6_000)), (LEFT, LEFT, (LEFT + WIDTH - RIGHT) / 2.0));
        assert_eq!((scale.x(10_000), scale.x(99_999)), (WIDTH - RIGHT, WIDTH - RIGHT));
        assert!(scale.width(5, 5) > 0.0);
    }

    #[test]
    fn ticks_are_round_and_few_at_any_length() {
        for end_ms in [1, 900, 24_000, 61_500, 600_000, 50_000_000] {
            let ticks: Vec<u64> = Scale::new(0, end_ms).ticks().collect();
            assert!(!ticks.is_empty() && ticks.len() <= 15 && ticks[0] == 0, "{end_ms}: {ticks:?}");
        }
        assert_eq!(
            Scale::new(4_300, 10_700).ticks().collect::<Vec<_>>(),
            [5_000, 6_000, 7_000, 8_000, 9_000, 10_000]
        );
    }
}
