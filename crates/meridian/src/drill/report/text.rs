//! The report for a terminal.

use std::fmt::Write;

use crate::drill::{report::Report, verify::Sweep};

impl Report {
    /// Everything, for a person.
    pub fn text(&self) -> String {
        let parts: Vec<String> = self.parts.iter().map(|(part, region)| format!("{part} {region}")).collect();
        let parts = parts.iter().map(|part| format!("{part}, ")).collect::<String>();
        let mut text = format!("Drill {}: {parts}seed {}\n\nTimeline\n", self.drill, self.seed);
        for event in &self.timeline {
            let _ = writeln!(text, "  t+{:>7} ms  {}", event.at_ms, event.event);
        }
        self.write_figures(&mut text);
        self.write_counts(&mut text);
        self.write_checks(&mut text, |detail| detail.to_owned());
        self.write_verdict(&mut text);
        text
    }

    /// What is left to say to whoever saw the events pass by: figures, checks, and the verdict last.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        self.write_figures(&mut text);
        self.write_checks(&mut text, shortened);
        self.write_verdict(&mut text);
        text
    }

    fn write_checks(&self, text: &mut String, detail: fn(&str) -> String) {
        let _ = writeln!(text, "\nChecks");
        for check in &self.checks {
            // Of what failed, everything.
            let (verdict, detail) = match check.held {
                true => ("ok    ", detail(&check.detail)),
                false => ("FAILED", check.detail.clone()),
            };
            let _ = writeln!(text, "  {verdict}  {}: {detail}", check.name);
        }
    }

    fn write_verdict(&self, text: &mut String) {
        if let Some(reason) = &self.stopped {
            let _ = writeln!(text, "\nStopped early: {reason}");
        }
        let _ = writeln!(text, "\nVerdict: {}\nAgain:   {}", self.verdict(), self.command);
    }

    fn write_figures(&self, text: &mut String) {
        let _ = writeln!(text, "\nFigures");
        for (name, value) in self.times() {
            let _ = writeln!(text, "  {name:<42} {value:>7} ms");
        }
        for (region, gap) in &self.figures.longest_gap_ms {
            let _ = writeln!(text, "  {:<42} {gap:>7} ms", format!("longest gap, clients of {region}"));
        }
        if let Some(rotations) = self.figures.rotations {
            let _ = writeln!(text, "  {:<42} {rotations:>7}", "rotations under faults");
        }
        let (acknowledged, unknown) = (self.rpo.acknowledged, self.rpo.unknown);
        let missing = self.rpo.missing();
        let _ = writeln!(
            text,
            "  {:<42} {missing} missing of {acknowledged} acknowledged ({unknown} unknown)",
            "RPO"
        );
    }

    fn write_counts(&self, text: &mut String) {
        let counts = &self.counts;
        let _ = writeln!(text, "\nCounts");
        let _ = writeln!(
            text,
            "  {} encrypts, {} cross-Region decrypts, {} served by another Region than the client's, {} retries",
            counts.encrypts, counts.cross_region_decrypts, counts.failovers, counts.retries
        );
        let _ = writeln!(
            text,
            "  not served: {} under multi-Region keys, {} under single-Region keys; {} not begun",
            counts.failed_operations, counts.unavailable_single_region, counts.skipped_operations
        );
        for checkpoint in &self.checkpoints {
            let Sweep { ciphertexts, decrypts, failed, .. } = &checkpoint.sweep;
            let name = &checkpoint.name;
            let _ =
                writeln!(text, "  {name}: {ciphertexts} ciphertexts, {decrypts} decrypts, {failed} failed");
        }
        for (error, count) in &counts.errors {
            let _ = writeln!(text, "  {count:>6} x {error}");
        }
    }
}

/// The beginning of a detail; the whole of it is in the files.
fn shortened(detail: &str) -> String {
    const LETTERS: usize = 80;
    match detail.char_indices().nth(LETTERS) {
        Some((end, _)) => format!("{}...", detail.get(..end).unwrap_or(detail).trim_end()),
        None => detail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_details_are_shortened_between_letters() {
        assert_eq!(shortened("nothing is missing"), "nothing is missing");
        let long = "ä".repeat(100);
        assert_eq!(shortened(&long), format!("{}...", "ä".repeat(80)));
    }
}
