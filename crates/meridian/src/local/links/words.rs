//! Delays, shares and rates as people write them: `80ms`, `5%`, `1mbit`.

use std::{fmt, str::FromStr};

use super::rule::LinkFault;

/// Not a quantity of the kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {kind}: write it like {like}")]
pub struct WordError {
    text: String,
    kind: &'static str,
    like: &'static str,
}

/// A time on the way, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    /// Microseconds.
    pub us: u64,
}

impl FromStr for Latency {
    type Err = WordError;
    fn from_str(text: &str) -> Result<Self, WordError> {
        const UNITS: [(&str, f64); 4] = [("us", 1.0), ("µs", 1.0), ("ms", 1e3), ("s", 1e6)];
        let us = quantity(text, &UNITS).filter(|us| *us <= 1e12);
        us.map(|us| Self { us: us.round() as u64 })
            .ok_or_else(|| word_error(text, "time", "80ms, 0.5s or 900us"))
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.us {
            us if us % 1_000_000 == 0 && us > 0 => write!(f, "{}s", us / 1_000_000),
            us => write!(f, "{}ms", us as f64 / 1e3),
        }
    }
}

/// A share of segments, in parts per million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Parts per million.
    pub ppm: u32,
}

impl FromStr for Share {
    type Err = WordError;
    fn from_str(text: &str) -> Result<Self, WordError> {
        let ppm = quantity(text, &[("%", 1e4)]).filter(|ppm| *ppm <= 1e6);
        ppm.map(|ppm| Self { ppm: ppm.round() as u32 }).ok_or_else(|| word_error(text, "share", "5% or 0.1%"))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.ppm) / 1e4)
    }
}

/// A rate, in bits per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitRate {
    /// Bits per second.
    pub bits_per_s: u64,
}

const RATES: [(&str, f64); 4] = [("kbit", 1e3), ("mbit", 1e6), ("gbit", 1e9), ("bit", 1.0)];

impl FromStr for BitRate {
    type Err = WordError;
    fn from_str(text: &str) -> Result<Self, WordError> {
        let rate = quantity(text, &RATES).filter(|rate| *rate <= 1e12);
        let rate = rate.map(|rate| Self { bits_per_s: rate.round() as u64 });
        rate.ok_or_else(|| word_error(text, "rate", "1mbit, 500kbit or 1gbit (per second)"))
    }
}

impl fmt::Display for BitRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = RATES.iter().rev().skip(1).chain(&[("bit", 1.0)]);
        let mut fitting = unit.filter(|(_, size)| self.bits_per_s as f64 >= *size);
        let (unit, size) = fitting.next().unwrap_or(&("bit", 1.0));
        write!(f, "{}{unit}", self.bits_per_s as f64 / size)
    }
}

impl fmt::Display for LinkFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Partition => f.write_str("partition"),
            Self::Delay { delay_us, jitter_us: 0 } => write!(f, "delay {}", Latency { us: delay_us }),
            Self::Delay { delay_us, jitter_us } => {
                write!(f, "delay {} ± {}", Latency { us: delay_us }, Latency { us: jitter_us })
            }
            Self::SlowReplication { delay_us } => {
                write!(f, "slow-replication {}", Latency { us: delay_us })
            }
            Self::Loss { ppm } => write!(f, "loss {}", Share { ppm }),
            Self::Rate { bits_per_s } => write!(f, "rate {}", BitRate { bits_per_s }),
        }
    }
}

/// A number and one of the units.
fn quantity(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let (number, size) =
        units.iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?.trim_end(), size)))?;
    let plain = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.');
    number.parse::<f64>().ok().filter(|_| plain).map(|number| number * size)
}

fn word_error(text: &str, kind: &'static str, like: &'static str) -> WordError {
    WordError { text: text.chars().take(64).collect(), kind, like }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_and_written() {
        for (text, us) in [("80ms", 80_000), ("0.5s", 500_000), ("900us", 900), ("33.5 ms", 33_500)] {
            assert_eq!(text.parse::<Latency>().unwrap().us, us);
        }
        for (text, ppm) in [("5%", 50_000), ("0.1%", 1_000), ("100%", 1_000_000)] {
            assert_eq!(text.parse::<Share>().unwrap().ppm, ppm);
        }
        for (text, rate) in
            [("1mbit", 1_000_000), ("500kbit", 500_000), ("8bit", 8), ("2.5gbit", 2_500_000_000)]
        {
            assert_eq!(text.parse::<BitRate>().unwrap().bits_per_s, rate);
            assert_eq!(BitRate { bits_per_s: rate }.to_string(), text);
        }
        assert_eq!(Latency { us: 80_000 }.to_string(), "80ms");
        assert_eq!(Latency { us: 33_500 }.to_string(), "33.5ms");
        assert_eq!(Latency { us: 2_000_000 }.to_string(), "2s");
    }

    #[test]
    fn anything_else_is_refused_with_an_example() {
        for text in ["", "80", "ms", "-5ms", "1e3ms", "NaNms", "infs", "99999999999999s"] {
            assert!(text.parse::<Latency>().unwrap_err().to_string().contains("80ms"), "{text}");
        }
        for text in ["5", "101%", "-1%", "%"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
        for text in ["1", "1mb", "mbit", "1Mbit"] {
            assert!(text.parse::<BitRate>().is_err(), "{text}");
        }
    }
}
