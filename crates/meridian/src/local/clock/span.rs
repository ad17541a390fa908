//! Spans of time as people type them: `400d`, `36h`, `90m`, `1d12h30m`.

use std::{fmt, str::FromStr};

/// A span of whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(u64);

/// Units, the longest first.
const UNITS: [(char, u64); 4] = [('d', 86_400_000), ('h', 3_600_000), ('m', 60_000), ('s', 1_000)];

impl Span {
    /// From milliseconds.
    pub fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// In milliseconds.
    pub fn as_ms(self) -> u64 {
        self.0
    }

    /// The ends of steps of at most `step` that lead here; one step if there is no length for them.
    pub fn steps(self, step: Option<Span>) -> impl Iterator<Item = Span> {
        let length = step.map_or(self.0, |step| step.0).max(1);
        let steps = self.0.div_ceil(length).max(1);
        (1..=steps).map(move |n| Span(n.saturating_mul(length).min(self.0)))
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let invalid =
            || format!("`{text}` is no span of time; write for example `400d`, `36h`, `90m` or `1d12h`");
        let (mut total, mut digits) = (0_u64, String::new());
        for letter in text.chars() {
            if letter.is_ascii_digit() {
                digits.push(letter);
                continue;
            }
            let (_, ms) = UNITS.iter().find(|(unit, _)| *unit == letter).ok_or_else(invalid)?;
            let number: u64 = digits.parse().map_err(|_| invalid())?;
            total = number.checked_mul(*ms).and_then(|part| total.checked_add(part)).ok_or_else(invalid)?;
            digits.clear();
        }
        if text.is_empty() || !digits.is_empty() { Err(invalid()) } else { Ok(Self(total)) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut rest, mut empty) = (self.0, true);
        for (unit, ms) in UNITS {
            if rest >= ms {
                write!(f, "{}{unit}", rest / ms)?;
                (rest, empty) = (rest % ms, false);
            }
        }
        if empty { f.write_str("0s") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_shown() {
        for (text, ms) in [("400d", 34_560_000_000), ("36h", 129_600_000), ("90m", 5_400_000), ("0s", 0)] {
            assert_eq!(text.parse(), Ok(Span(ms)));
        }
        assert_eq!("1d12h".parse::<Span>().map(|span| span.to_string()), Ok("1d12h".into()));
        assert_eq!(Span(5_400_000).to_string(), "1h30m");
        assert_eq!(Span(0).to_string(), "0s");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "400", "d", "4x", "-1d", "1.5d", "99999999999999999999d", "9999999999999d1"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn steps_end_exactly_at_the_span() {
        let steps = |span: &str, step: Option<&str>| {
            let step = step.map(|text| text.parse().unwrap());
            span.parse::<Span>().unwrap().steps(step).map(|s| s.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(steps("70d", Some("30d")), ["30d", "60d", "70d"]);
        assert_eq!(steps("60d", Some("30d")), ["30d", "60d"]);
        assert_eq!(steps("60d", None), ["60d"]);
        assert_eq!(steps("0s", Some("30d")), ["0s"]);
    }
}
