//! The timeline, drawn: steps, faults, the clients' outages, and the moments when everything was looked at.

use std::fmt::Write;

use crate::drill::{
    html::{
        escaped,
        scale::{LEFT, Scale, WIDTH},
        time,
    },
    report::{Report, StepOutcome},
};

const ROW: f64 = 24.0;
const BAR: f64 = 16.0;
const TOP: f64 = 8.0;
const MOST_LANES: usize = 6;

/// A bar of a row.
struct Bar {
    from_ms: u64,
    to_ms: u64,
    class: &'static str,
    /// Drawn on the bar.
    label: String,
    /// Shown when pointed at.
    title: String,
}

pub(super) fn section(out: &mut String, report: &Report) {
    let rows = rows(report);
    let bottom = TOP + ROW * rows.len() as f64;
    let scale = Scale::new(report.end_ms);
    let _ = writeln!(out, "<section>\n<h2>Timeline</h2>\n<div class=\"wide\">");
    let _ = writeln!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {:.0}\" role=\"img\" aria-label=\"Timeline of the drill\">",
        bottom + 18.0
    );
    scale.grid(out, TOP, bottom);
    for (number, (name, bars)) in rows.iter().enumerate() {
        let y = TOP + ROW * number as f64;
        let _ = writeln!(
            out,
            "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            y + 14.0,
            escaped(name)
        );
        bars.iter().for_each(|bar| draw(out, scale, bar, y + (ROW - BAR) / 2.0));
    }
    for checkpoint in &report.checkpoints {
        let x = scale.x(checkpoint.at_ms);
        let _ = writeln!(
            out,
            "<line class=\"mark\" x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\"><title>{}</title></line>",
            escaped(&format!("everything checked {}, at {}", checkpoint.name, time(checkpoint.at_ms)))
        );
    }
    let _ = writeln!(
        out,
        "</svg>\n</div>\n<p class=\"legend\"><i style=\"background:var(--step)\"></i>steps, by number\
         <i style=\"background:var(--fault)\"></i>faults<i style=\"background:var(--gap)\"></i>longest time without success\
         <i style=\"background:var(--mark)\"></i>everything checked</p>\n</section>"
    );
}

fn rows(report: &Report) -> Vec<(String, Vec<Bar>)> {
    let steps = report.steps.iter().map(|step| Bar {
        from_ms: step.from_ms,
        to_ms: step.to_ms,
        class: match (step.outcome, step.number % 2) {
            (StepOutcome::Failed | StepOutcome::Stopped, _) => "step bad",
            (StepOutcome::Done, 0) => "step",
            (StepOutcome::Done, _) => "step odd",
        },
        label: step.number.to_string(),
        title: format!("{}. {} ({})", step.number, step.step, time(step.to_ms.saturating_sub(step.from_ms))),
    });
    let mut rows = vec![("steps".to_owned(), steps.collect())];
    for (row, faults) in lanes(report).into_iter().enumerate() {
        let bars = faults.into_iter().map(|(from_ms, to_ms, what)| Bar {
            from_ms,
            to_ms,
            class: "fault",
            label: String::new(),
            title: format!("{what} ({})", time(to_ms.saturating_sub(from_ms))),
        });
        rows.push((if row == 0 { "faults".to_owned() } else { String::new() }, bars.collect()));
    }
    for (region, gap) in &report.outages {
        let title = format!("clients of {region} had no success for {}", time(gap.ms()));
        let bar = Bar { from_ms: gap.from_ms, to_ms: gap.to_ms, class: "gap", label: String::new(), title };
        rows.push((region.clone(), vec![bar]));
    }
    rows
}

/// Faults that overlap go below each other.
fn lanes(report: &Report) -> Vec<Vec<(u64, u64, &str)>> {
    let mut lanes: Vec<Vec<(u64, u64, &str)>> = Vec::new();
    for fault in &report.faults {
        let bar = (fault.from_ms, fault.to_ms.unwrap_or(report.end_ms), fault.what.as_str());
        let free = lanes.iter().position(|lane| lane.last().is_none_or(|(_, end, _)| *end <= fault.from_ms));
        // A storm of faults is drawn over itself rather than down the page.
        let lane = free.or((lanes.len() >= MOST_LANES).then_some(0));
        match lane.and_then(|lane| lanes.get_mut(lane)) {
            Some(lane) => lane.push(bar),
            None => lanes.push(vec![bar]),
        }
    }
    lanes
}

fn draw(out: &mut String, scale: Scale, bar: &Bar, y: f64) {
    let (x, width) = (scale.x(bar.from_ms), scale.width(bar.from_ms, bar.to_ms));
    let _ = writeln!(
        out,
        "<rect class=\"{}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"2\"><title>{}</title></rect>",
        bar.class,
        escaped(&bar.title)
    );
    if width > 9.0 * bar.label.len() as f64 && !bar.label.is_empty() {
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            x + width / 2.0,
            y + 12.0,
            escaped(&bar.label)
        );
    }
}
