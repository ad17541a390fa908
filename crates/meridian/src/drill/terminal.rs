//! What a drill shows on standard error while it runs: a line per event, and on a terminal one more below them that lives. What
//! it shows is kept elsewhere; nothing is decided here.

use std::{
    io::{IsTerminal, Write, stderr},
    sync::{Mutex, PoisonError},
};

/// Takes back the line that lives.
const BACK: &str = "\r\x1b[2K";
/// Of the narrowest terminal that anybody uses.
const COLUMNS: usize = 79;
const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[31m";
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// Standard error of this process.
#[derive(Debug)]
pub struct Terminal {
    paint: Paint,
    /// Whether the line that lives is there; held while anything is written.
    alive: Mutex<bool>,
}

/// Whether somebody looks, or a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paint {
    Colours,
    Plain,
}

impl Default for Terminal {
    fn default() -> Self {
        let paint = if stderr().is_terminal() { Paint::Colours } else { Paint::Plain };
        Self { paint, alive: Mutex::new(false) }
    }
}

impl Terminal {
    /// A line that stays.
    pub fn event(&self, at_ms: u64, text: &str) {
        self.write(&format!("{}\n", line(self.paint, at_ms, text)), false);
    }

    /// The line that lives; nothing where nobody looks.
    pub fn status(&self, at_ms: u64, text: &str) {
        if self.paint == Paint::Colours {
            // A line that wraps could not be taken back.
            let line: String = format!("{}{text}", stamp(at_ms)).chars().take(COLUMNS).collect();
            self.write(&format!("{DIM}{line}{PLAIN}"), true);
        }
    }

    /// Takes the line that lives away.
    pub fn clear(&self) {
        self.write("", false);
    }

    fn write(&self, text: &str, lives: bool) {
        let mut alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        let back = if std::mem::replace(&mut *alive, lives) { BACK } else { "" };
        let mut out = stderr().lock();
        let _ = write!(out, "{back}{text}").and_then(|()| out.flush());
    }
}

fn stamp(at_ms: u64) -> String {
    format!("{:>7.1} s  ", at_ms as f64 / 1_000.0)
}

/// Steps stand out, and what they bring about is below them.
fn line(paint: Paint, at_ms: u64, text: &str) -> String {
    let stamp = stamp(at_ms);
    let colour = match text {
        text if text.starts_with("step ") => BOLD,
        text if text.starts_with("VIOLATION") || text.starts_with("stopped: ") => RED,
        _ => "",
    };
    let indent = if text.starts_with("step ") { "" } else { "  " };
    match (paint, colour) {
        (Paint::Plain, _) | (_, "") => format!("{stamp}{indent}{text}"),
        (Paint::Colours, colour) => format!("{stamp}{indent}{colour}{text}{PLAIN}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_stand_out_and_events_are_below_them() {
        let step = "step 3 of 14: kill = \"lost\"";
        assert_eq!(line(Paint::Plain, 13_234, step), format!("   13.2 s  {step}"));
        assert_eq!(line(Paint::Plain, 950, "it serves"), "    0.9 s    it serves");
        assert_eq!(line(Paint::Colours, 13_234, step), format!("   13.2 s  {BOLD}{step}{PLAIN}"));
    }

    #[test]
    fn only_what_is_wrong_is_red() {
        assert!(line(Paint::Colours, 0, "VIOLATION x").contains(RED));
        assert!(!line(Paint::Colours, 0, "it serves").contains('\x1b'));
        assert!(!line(Paint::Plain, 0, "VIOLATION x").contains('\x1b'));
    }
}
