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
/// The width of a letter, roughly.
const LETTER: f64 = 6.6;
/// The beginning of words that still says something.
const FEWEST_LETTERS: usize = 6;

/// A bar of a row.
struct Bar {
    from_ms: u64,
    to_ms: u64,
    class: &'static str,
    /// Drawn on the bar: the first that fits.
    label: Vec<String>,
    /// Shown when pointed at.
    title: String,
}

pub(super) fn section(out: &mut String, report: &Report) {
    let rows = rows(report);
    let bottom = TOP + ROW * rows.len() as f64;
    let scale = Scale::of(report);
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
        for (number, bar) in bars.iter().enumerate() {
            let before = number.checked_sub(1).and_then(|number| bars.get(number));
            let room = Room {
                left: scale.x(bar.from_ms) - before.map_or(LEFT, |before| scale.x(before.to_ms)),
                right: bars.get(number + 1).map_or(WIDTH, |after| scale.x(after.from_ms))
                    - scale.x(bar.to_ms),
            };
            draw(out, scale, bar, room, y + (ROW - BAR) / 2.0);
        }
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
        "</svg>\n</div>\n<p class=\"legend\"><span><i style=\"background:var(--step)\"></i>steps, by number</span>\
         <span><i style=\"background:var(--fault)\"></i>faults</span>\
         <span><i style=\"background:var(--gap)\"></i>longest time without success, of the clients at home there</span>\
         <span><i style=\"background:var(--mark)\"></i>every ciphertext and every change is checked</span></p>\n</section>"
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
        label: vec![format!("{} {}", step.number, verb(&step.step)), step.number.to_string()],
        title: format!("{}. {} ({})", step.number, step.step, time(step.to_ms.saturating_sub(step.from_ms))),
    });
    let mut rows: Vec<(String, Vec<Bar>)> = vec![("steps".to_owned(), steps.chain(finale(report)).collect())];
    for (row, faults) in lanes(report).into_iter().enumerate() {
        let bars = faults.into_iter().map(|(from_ms, to_ms, what)| Bar {
            from_ms,
            to_ms,
            class: "fault",
            label: vec![what.to_owned()],
            title: format!("{what} ({})", time(to_ms.saturating_sub(from_ms))),
        });
        rows.push((if row == 0 { "faults".to_owned() } else { String::new() }, bars.collect()));
    }
    for (region, gap) in &report.outages {
        let title = format!("clients of {region} had no success for {}", time(gap.ms()));
        let label = vec![time(gap.ms())];
        let bar = Bar { from_ms: gap.from_ms, to_ms: gap.to_ms, class: "gap", label, title };
        rows.push((region.clone(), vec![bar]));
    }
    rows
}

/// What comes after the last step: mending, and the checks that no definition can leave out.
fn finale(report: &Report) -> Option<Bar> {
    let from_ms = report.steps.last()?.to_ms;
    let title = format!("mended, and checked in the end ({})", time(report.end_ms.saturating_sub(from_ms)));
    let label = vec!["the end".to_owned(), String::new()];
    Some(Bar { from_ms, to_ms: report.end_ms, class: "finale", label, title })
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

/// What is free beside a bar.
#[derive(Debug, Clone, Copy)]
struct Room {
    left: f64,
    right: f64,
}

fn draw(out: &mut String, scale: Scale, bar: &Bar, room: Room, y: f64) {
    let (x, width) = (scale.x(bar.from_ms), scale.width(bar.from_ms, bar.to_ms));
    let _ = writeln!(
        out,
        "<rect class=\"{}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"2\"><title>{}</title></rect>",
        bar.class,
        escaped(&bar.title)
    );
    if let Some(Label { at, anchor, class, text }) = label(bar, x, width, room) {
        let _ = writeln!(
            out,
            "<text class=\"{class}\" x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
            y + 12.5,
            escaped(&text)
        );
    }
}

/// The words of a bar, and where they are.
#[derive(Debug, PartialEq)]
struct Label {
    at: f64,
    anchor: &'static str,
    class: &'static str,
    text: String,
}

/// On the bar, if they fit; else beside it, where nothing else is; else as much as fits on it. Steps have their number or
/// nothing: there are many, and a table has them all.
fn label(bar: &Bar, x: f64, width: f64, room: Room) -> Option<Label> {
    let length = |text: &str| LETTER * text.chars().count() as f64 + 8.0;
    let on = |text: String| Label { at: x + width / 2.0, anchor: "middle", class: "on", text };
    if let Some(text) = bar.label.iter().find(|text| length(text) <= width) {
        return Some(on(text.clone()));
    }
    let text = bar.label.last().filter(|_| matches!(bar.class, "fault" | "gap"))?;
    let beside = |at, anchor| Label { at, anchor, class: "dim", text: text.clone() };
    if length(text) <= room.right {
        return Some(beside(x + width + 5.0, "start"));
    }
    if length(text) <= room.left {
        return Some(beside(x - 5.0, "end"));
    }
    let letters = ((width - 8.0) / LETTER) as usize;
    let begin: String = text.chars().take(letters.saturating_sub(1)).collect();
    (letters >= FEWEST_LETTERS).then(|| on(format!("{}…", begin.trim_end())))
}

/// What a step does, without with whom.
fn verb(step: &str) -> &str {
    step.split(" =").next().unwrap_or(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(words: &str) -> Bar {
        Bar { from_ms: 0, to_ms: 1, class: "fault", label: vec![words.into()], title: String::new() }
    }

    #[test]
    fn words_are_on_the_bar_beside_it_or_cut() {
        let (bar, none) = (fault("us-east-1: killed"), Room { left: 0.0, right: 0.0 });
        let placed = |width, room| label(&bar, 300.0, width, room).map(|label| (label.anchor, label.text));
        let whole = |anchor| Some((anchor, "us-east-1: killed".to_owned()));
        assert_eq!(placed(200.0, none), whole("middle"));
        assert_eq!(placed(20.0, Room { left: 150.0, right: 150.0 }), whole("start"));
        assert_eq!(placed(20.0, Room { left: 150.0, right: 50.0 }), whole("end"));
        assert_eq!(placed(80.0, none), Some(("middle", "us-east-1…".to_owned())));
        assert_eq!(placed(20.0, none), None);
    }
}
