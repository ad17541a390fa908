//! The values in a definition: times, Regions by name or part, and what a fault is aimed at. Read from strings, so that
//! an error points at the string.

use serde::Deserialize;
use std::{fmt, str::FromStr, time::Duration};

use crate::local::target::Selector;

/// A time of whole milliseconds, written `250ms`, `20s`, `1.5s`, `10m` or `1h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Time(u64);

/// Units, those first that end with another.
const UNITS: [(&str, f64); 4] = [("ms", 1.0), ("s", 1_000.0), ("m", 60_000.0), ("h", 3_600_000.0)];

impl Time {
    /// From milliseconds.
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// In milliseconds.
    pub fn as_ms(self) -> u64 {
        self.0
    }

    /// As a duration.
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl FromStr for Time {
    type Err = String;

    /// A number without a unit is in seconds, as flags have always been.
    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = || format!("`{text}` is no time: write for example `250ms`, `20s`, `1.5s` or `10m`");
        let unit = UNITS.iter().find_map(|(unit, ms)| Some((text.strip_suffix(unit)?, *ms)));
        let (number, ms) = unit.unwrap_or((text, 1_000.0));
        let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let number: f64 = number.parse().ok().filter(|_| plain).ok_or_else(invalid)?;
        let total = (number * ms).round();
        // A thousand days: far above any drill, far below where a f64 is inexact.
        if total <= 86_400_000_000.0 { Ok(Self(total as u64)) } else { Err(invalid()) }
    }
}

impl TryFrom<String> for Time {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ms if ms < 1_000 => write!(f, "{ms} ms"),
            ms if ms % 1_000 == 0 => write!(f, "{} s", ms / 1_000),
            ms => write!(f, "{}.{:03} s", ms / 1_000, ms % 1_000),
        }
    }
}

/// A Region, by its name or by that of a part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Place(String);

impl Place {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Place {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if super::is_name(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("`{text}` is neither a part nor a Region"))
        }
    }
}

impl TryFrom<String> for Place {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A Region or some of its nodes: `lost`, `eu-west-1`, `lost/2`, `lost/leader`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Aim {
    /// The Region.
    pub place: Place,
    /// Which of its nodes.
    pub nodes: Selector,
}

impl Aim {
    /// True for whoever leads.
    pub fn is_leader(&self) -> bool {
        self.nodes == Selector::Leader
    }
}

impl TryFrom<String> for Aim {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let error =
            || format!("`{text}` is no aim: write PART, PART/NODE or PART/leader, for example `lost/2`");
        let (place, node) =
            text.split_once('/').map_or((text.as_str(), None), |(place, node)| (place, Some(node)));
        let nodes = match node {
            None => Selector::All,
            Some("leader") => Selector::Leader,
            Some(id) => Selector::Id(id.parse().map_err(|_| error())?),
        };
        Ok(Self { place: place.parse().map_err(|_| error())?, nodes })
    }
}

impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.nodes {
            Selector::All => write!(f, "{}", self.place),
            Selector::Id(id) => write!(f, "{}/{id}", self.place),
            Selector::Leader => write!(f, "{}/leader", self.place),
        }
    }
}
