//! The faults that `meridian local` knows by name, as steps of a drill, with the values that its commands take.

use serde::Deserialize;
use std::{fmt::Display, str::FromStr};

use crate::{
    drill::definition::{Aim, Place, Time},
    local::{
        latency::Preset,
        links::{BitRate, Latency, LinkFault, Share},
        node_faults::Skew,
    },
};

/// A value that a command takes as well, read from a string, so that an error points at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String", bound = "T: FromStr, T::Err: Display")]
pub struct Word<T>(pub T);

impl<T: FromStr<Err: Display>> TryFrom<String> for Word<T> {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error: T::Err| error.to_string())
    }
}

/// Nothing arrives between two sides.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Partition {
    /// The two sides.
    pub between: [Aim; 2],
    /// Cut only what the first sends to the second.
    #[serde(default)]
    pub one_way: bool,
}

/// Everything between two sides arrives late.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Delay {
    /// The two sides.
    pub between: [Aim; 2],
    /// One-way delay.
    pub by: Time,
    /// Up to this much more or less, at random.
    pub jitter: Option<Time>,
    /// Delay only what the first sends to the second.
    #[serde(default)]
    pub one_way: bool,
}

/// A share of segments between two sides is lost at each try.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Loss {
    /// The two sides.
    pub between: [Aim; 2],
    /// Which share, `5%`.
    pub share: Word<Share>,
    /// Lose only what the first sends to the second.
    #[serde(default)]
    pub one_way: bool,
}

/// Only so much passes between two sides.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rate {
    /// The two sides.
    pub between: [Aim; 2],
    /// So much per second and direction, `1mbit`.
    pub at: Word<BitRate>,
    /// Limit only what the first sends to the second.
    #[serde(default)]
    pub one_way: bool,
}

/// Key material between two sides takes longer.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SlowReplication {
    /// The two sides.
    pub between: [Aim; 2],
    /// How long it waits before it is installed, and a Region before it takes over a key.
    pub by: Time,
}

/// Round-trip times between Regions.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Latencies {
    /// Those that others measured.
    Preset(Preset),
    /// These: two Regions and the time between them.
    RoundTrips(Vec<(Place, Place, Word<Latency>)>),
}

/// Clocks that are wrong.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SkewClock {
    /// Whose.
    pub of: Aim,
    /// How far they are ahead, or behind: `+90s`, `-5m`; `0` sets them right.
    pub by: Word<Skew>,
}

/// A call to see whether somebody serves it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Probe {
    /// A Region, through whichever of its nodes serves, or one node.
    pub at: Aim,
    /// Which call.
    pub call: Call,
    /// What must come of it.
    #[serde(default)]
    pub expect: Service,
    /// How long it may take until that is so.
    #[serde(default = "five_seconds")]
    pub within: Time,
}

/// A call of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Call {
    /// Encrypt, under the first multi-Region key.
    Encrypt,
    /// Decrypt, of the newest ciphertext that the Region can open.
    Decrypt,
    /// DescribeKey, of the first multi-Region key.
    DescribeKey,
    /// CreateKey, of a single-Region key: a change that only the Region itself agrees on.
    CreateKey,
}

/// What comes of a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// It is carried out.
    #[default]
    Served,
    /// It is refused, or not answered.
    NotServed,
}

fn five_seconds() -> Time {
    Time::from_ms(5_000)
}

impl Delay {
    /// As the supervisor knows it.
    pub fn fault(&self) -> LinkFault {
        let us = |time: Time| time.as_ms().saturating_mul(1_000);
        LinkFault::Delay { delay_us: us(self.by), jitter_us: self.jitter.map_or(0, us) }
    }
}

impl Loss {
    /// As the supervisor knows it.
    pub fn fault(&self) -> LinkFault {
        LinkFault::Loss { ppm: self.share.0.ppm }
    }
}

impl Rate {
    /// As the supervisor knows it.
    pub fn fault(&self) -> LinkFault {
        LinkFault::Rate { bits_per_s: self.at.0.bits_per_s }
    }
}

impl SlowReplication {
    /// As the supervisor knows it.
    pub fn fault(&self) -> LinkFault {
        LinkFault::SlowReplication { delay_us: self.by.as_ms().saturating_mul(1_000) }
    }
}

/// What is wrong with a fault between two sides, as far as its words show.
pub(super) fn check_link(between: &[Aim; 2], fault: LinkFault) -> Result<(), String> {
    let [a, b] = between;
    if a == b {
        return Err(format!("there is nothing between `{a}` and itself"));
    }
    if fault.is_nothing() {
        return Err("a fault of nothing is none; `heal` ends one".into());
    }
    fault.check().map_err(|error| error.to_string())
}

impl Latencies {
    /// The Regions that are named.
    pub(super) fn places(&self) -> Vec<&Place> {
        match self {
            Self::Preset(_) => Vec::new(),
            Self::RoundTrips(pairs) => pairs.iter().flat_map(|(a, b, _)| [a, b]).collect(),
        }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let Self::RoundTrips(pairs) = self else { return Ok(()) };
        if pairs.is_empty() {
            return Err("`round-trips` is empty: write for example `[[\"home\", \"far\", \"80ms\"]]`".into());
        }
        pairs.iter().try_for_each(|(a, b, time)| {
            let fault = LinkFault::Delay { delay_us: time.0.us / 2, jitter_us: 0 };
            match a == b {
                true => Err(format!("`{a}` has no way to itself")),
                false => fault.check().map_err(|error| error.to_string()),
            }
        })
    }
}
