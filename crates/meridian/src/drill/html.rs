//! The report as one HTML file: everything in it, nothing fetched, no scripts. Pure: a report in, a text out.

mod chart;
mod scale;
mod timeline;

#[cfg(test)]
mod tests;

use std::fmt::Write;

use crate::drill::report::{Check, Report, StepOutcome};

const STYLE: &str = include_str!("html/style.css");

/// The page.
pub fn page(report: &Report) -> String {
    let mut body = String::new();
    header(&mut body, report);
    figures(&mut body, report);
    timeline::section(&mut body, report);
    chart::section(&mut body, report);
    checks(&mut body, report);
    counts(&mut body, report);
    steps(&mut body, report);
    events(&mut body, report);
    let title = format!("Drill {}: {}", report.drill, report.verdict());
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        escaped(&title)
    )
}

/// Text as HTML and SVG may contain it.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Not allowed in HTML at all.
            other if other.is_control() && !other.is_ascii_whitespace() => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

/// Milliseconds as a person reads them.
pub(super) fn time(ms: u64) -> String {
    if ms < 1_000 { format!("{ms} ms") } else { format!("{:.1} s", ms as f64 / 1_000.0) }
}

fn header(out: &mut String, report: &Report) {
    let (class, verdict) = if report.passed { ("ok", "PASSED") } else { ("bad", "FAILED") };
    let _ = writeln!(
        out,
        "<header>\n<h1>{} <span class=\"badge {class}\">{verdict}</span></h1>",
        escaped(&report.drill)
    );
    let _ = writeln!(out, "<p>{}</p>", escaped(&report.description));
    verdict_box(out, report);
    let witness =
        report.cluster.witness.as_ref().map_or_else(String::new, |witness| format!(", witness {witness}"));
    let cluster = format!(
        "{} of {} nodes{witness}",
        report.cluster.regions.join(", "),
        report.cluster.nodes_per_region
    );
    let parts: Vec<String> = report.parts.iter().map(|(part, region)| format!("{part} = {region}")).collect();
    let _ = writeln!(out, "<dl>");
    for (name, value) in [
        ("Started", report.started.clone()),
        ("Length", time(report.end_ms)),
        ("Cluster", cluster),
        ("Parts", parts.join(", ")),
        ("Seed", report.seed.to_string()),
    ] {
        if !value.is_empty() {
            let _ = writeln!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", escaped(&value));
        }
    }
    let _ = writeln!(
        out,
        "<div><dt>Again</dt><dd><code>{}</code></dd></div>\n</dl>\n</header>",
        escaped(&report.command)
    );
}

/// In one sentence, what whoever opens the page wants to know; of a failure, what failed.
fn verdict_box(out: &mut String, report: &Report) {
    let (counts, class) = (&report.counts, if report.passed { "" } else { " bad" });
    let _ = writeln!(
        out,
        "<div class=\"verdict{class}\">{} of {} checks held. {} ciphertexts, {} undecryptable; {} changes acknowledged, {} missing.",
        report.checks.iter().filter(|check| check.held).count(),
        report.checks.len(),
        counts.encrypts,
        report.checkpoints.iter().map(|checkpoint| checkpoint.sweep.failed).sum::<usize>(),
        report.rpo.acknowledged,
        report.rpo.missing()
    );
    if let Some(reason) = &report.stopped {
        let _ = writeln!(out, "<p>Stopped early: {}</p>", escaped(reason));
    }
    if !report.passed {
        let _ = writeln!(out, "<ul>");
        for check in report.checks.iter().filter(|check| !check.held) {
            let _ = writeln!(out, "<li><b>{}</b>: {}</li>", escaped(&check.name), escaped(&check.detail));
        }
        let _ = writeln!(out, "</ul>");
    }
    let _ = writeln!(out, "</div>");
}

fn figures(out: &mut String, report: &Report) {
    let _ = writeln!(out, "<section class=\"cards\" aria-label=\"Figures\">");
    let card = |out: &mut String, value: String, name: &str| {
        let _ = writeln!(
            out,
            "<div class=\"card\"><b>{}</b><span>{}</span></div>",
            escaped(&value),
            escaped(name)
        );
    };
    for (name, ms) in report.times() {
        card(out, time(ms), name);
    }
    let rpo = format!("{} of {}", report.rpo.missing(), report.rpo.acknowledged);
    card(out, rpo, "acknowledged changes missing (RPO)");
    let failed: usize = report.checkpoints.iter().map(|checkpoint| checkpoint.sweep.failed).sum();
    let all: usize = report.checkpoints.iter().map(|checkpoint| checkpoint.sweep.decrypts).sum();
    card(out, format!("{failed} of {all}"), "decrypts of the checks failed");
    let _ = writeln!(out, "</section>");
}

fn checks(out: &mut String, report: &Report) {
    let (targets, promises): (Vec<&Check>, Vec<&Check>) =
        report.checks.iter().partition(|check| check.name.starts_with("target: "));
    for (title, checks) in [("Targets", targets), ("Checks", promises)] {
        if checks.is_empty() {
            continue;
        }
        let _ = writeln!(out, "<section>\n<h2>{title}</h2>\n<div class=\"wide\"><table>\n<tbody>");
        for check in checks {
            let (class, word) = if check.held { ("ok", "ok") } else { ("bad", "FAILED") };
            let name = check.name.strip_prefix("target: ").unwrap_or(&check.name);
            let _ = writeln!(
                out,
                "<tr><td class=\"mark {class}\">{word}</td><td class=\"name\">{}</td><td class=\"detail\">{}</td></tr>",
                escaped(name),
                escaped(&check.detail)
            );
        }
        let _ = writeln!(out, "</tbody>\n</table></div>\n</section>");
    }
}

fn counts(out: &mut String, report: &Report) {
    let _ = writeln!(out, "<section>\n<h2>Counts</h2>\n<div class=\"wide\"><table>\n<tbody>");
    let row = |out: &mut String, name: &str, value: String| {
        let _ =
            writeln!(out, "<tr><td class=\"number\">{}</td><td>{}</td></tr>", escaped(&value), escaped(name));
    };
    let counts = &report.counts;
    for (name, value) in [
        ("ciphertexts returned", counts.encrypts),
        ("decrypts right after, in another Region", counts.cross_region_decrypts),
        ("operations that another Region served than the client's", counts.failovers),
        ("operations under multi-Region keys that no Region served", counts.failed_operations),
        (
            "operations under single-Region keys that their Region did not serve",
            counts.unavailable_single_region,
        ),
        ("operations not begun, too many were under way", counts.skipped_operations),
        ("calls repeated", counts.retries),
        ("changes acknowledged", report.rpo.acknowledged as u64),
        ("changes without an answer", report.rpo.unknown as u64),
        ("changes refused", report.rpo.refused),
    ] {
        row(out, name, value.to_string());
    }
    for (error, count) in &counts.errors {
        row(out, &format!("× {error}"), count.to_string());
    }
    let _ = writeln!(out, "</tbody>\n</table></div>\n<h3>Every ciphertext, every change</h3>");
    let _ = writeln!(
        out,
        "<div class=\"wide\"><table>\n<thead><tr><th>When</th><th>Ciphertexts</th><th>Decrypts</th><th>Failed</th>\
         <th>Changes missing</th></tr></thead>\n<tbody>"
    );
    for checkpoint in &report.checkpoints {
        let sweep = &checkpoint.sweep;
        let _ = writeln!(
            out,
            "<tr><td>{} ({})</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&checkpoint.name),
            time(checkpoint.at_ms),
            sweep.ciphertexts,
            sweep.decrypts,
            sweep.failed,
            checkpoint.missing
        );
    }
    let _ = writeln!(out, "</tbody>\n</table></div>\n</section>");
}

fn steps(out: &mut String, report: &Report) {
    let _ = writeln!(
        out,
        "<section>\n<h2>Steps</h2>\n<div class=\"wide\"><table>\n<thead><tr><th>#</th><th>Begin</th><th>Took</th>\
         <th>Step</th></tr></thead>\n<tbody>"
    );
    for step in &report.steps {
        let class = if step.outcome == StepOutcome::Done { "" } else { " class=\"bad\"" };
        let _ = writeln!(
            out,
            "<tr{class}><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td></tr>",
            step.number,
            time(step.from_ms),
            time(step.to_ms.saturating_sub(step.from_ms)),
            escaped(&step.step)
        );
    }
    let _ = writeln!(out, "</tbody>\n</table></div>\n</section>");
}

fn events(out: &mut String, report: &Report) {
    let _ = writeln!(
        out,
        "<section>\n<h2>Log</h2>\n<details>\n<summary>Everything that happened, {} lines</summary>",
        report.timeline.len()
    );
    let _ = writeln!(out, "<div class=\"wide\"><table class=\"events\">\n<tbody>");
    for event in &report.timeline {
        let _ = writeln!(
            out,
            "<tr><td class=\"number\">{} ms</td><td>{}</td></tr>",
            event.at_ms,
            escaped(&event.event)
        );
    }
    let _ = writeln!(out, "</tbody>\n</table></div>\n</details>\n</section>");
}
