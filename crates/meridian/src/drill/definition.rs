//! What a drill is: a TOML file that teams keep beside their own code. Parsed and checked as a whole before anything
//! starts; every error names its line. Knows no cluster.

mod fault;
mod load;
mod step;
mod values;

#[cfg(test)]
mod tests;

use kms_types::{NodeId, Region};
use serde::Deserialize;
use std::{collections::BTreeMap, ops::Range};
use toml::Spanned;

pub use fault::{
    Call, Delay, Latencies, Loss, Partition, Probe, Rate, Service, SkewClock, SlowReplication, Word,
};
pub use load::LoadPlan;
pub use step::{
    BeginRotations, Condition, Evict, Expect, Promote, Rebuild, Replicate, RotateStep, RotateUnderFaults,
    Step, Try, UpdatePrimary, WaitUntil,
};
pub use values::{Aim, Place, Time};

use crate::drill::{stop::StopConditions, targets::Targets};

/// The version of the format that this program reads.
pub const VERSION: u32 = 1;

/// A drill as written down.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Definition {
    /// The version of this format.
    pub version: u32,
    /// Its name: lower-case words joined by `-`; also the folder of its reports.
    pub name: String,
    /// What it rehearses, one sentence or a few.
    pub description: String,
    /// The cluster it starts for itself.
    #[serde(default)]
    pub topology: Topology,
    /// Names for Regions, for use in steps.
    #[serde(default)]
    pub parts: BTreeMap<String, Part>,
    /// What runs from before the first step until after the last.
    #[serde(default)]
    pub load: LoadPlan,
    /// What must be reached; a missed one fails the drill.
    #[serde(default)]
    pub targets: Targets,
    /// What ends it early.
    #[serde(default)]
    pub stop: StopConditions,
    /// Repeats the choices of an earlier run; drawn if absent.
    pub seed: Option<u64>,
    /// The story, in order.
    steps: Vec<Spanned<Step>>,
    #[serde(skip)]
    text: String,
}

/// The shape of a drill's own cluster.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Topology {
    /// The data Regions [default: us-east-1, eu-west-1, ap-southeast-2].
    #[serde(default)]
    pub regions: Vec<Region>,
    /// Nodes per data Region [default: 3].
    pub nodes: Option<NodeId>,
    /// A witness Region.
    pub witness: Option<Region>,
}

/// Which Region a part is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "a number that counts the data Regions from 1, or the name of a Region")]
pub enum Part {
    /// The data Region of this number, from 1.
    Number(usize),
    /// The Region of this name.
    Named(Region),
}

/// A step with the place where it was written.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a> {
    /// From 1.
    pub number: usize,
    /// Line of the file, from 1.
    pub line: usize,
    /// The step.
    pub step: &'a Step,
    /// As it was written, on one line.
    pub text: &'a str,
}

/// Why a text is no drill.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionError {
    /// The text does not parse; the message shows line and column.
    #[error("{0}")]
    Syntax(String),
    /// It parses and makes no sense.
    #[error("line {line}: {text}")]
    Meaning {
        /// Line of the file, from 1.
        line: usize,
        /// What is wrong.
        text: String,
    },
    /// Something is wrong with the file as a whole.
    #[error("{0}")]
    Whole(String),
}

impl Definition {
    /// Reads a definition and checks it.
    pub fn parse(text: &str) -> Result<Self, DefinitionError> {
        let read = toml::from_str::<Self>(text);
        let mut definition =
            read.map_err(|error| DefinitionError::Syntax(error.to_string().trim_end().to_owned()))?;
        text.clone_into(&mut definition.text);
        definition.check()?;
        Ok(definition)
    }

    /// The text that it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The steps in order.
    pub fn steps(&self) -> impl Iterator<Item = Written<'_>> {
        self.steps.iter().enumerate().map(|(index, step)| Written {
            number: index + 1,
            line: line_of(&self.text, step.span()),
            step: step.get_ref(),
            text: source(&self.text, step.span()),
        })
    }

    /// Sets how many rotations each `rotate-under-faults` step makes; false if there is no such step.
    pub fn set_rotations(&mut self, rotations: usize) -> bool {
        let mut found = false;
        for step in &mut self.steps {
            if let Step::RotateUnderFaults(rotate) = step.get_mut() {
                rotate.rotations = rotations;
                found = true;
            }
        }
        found
    }

    /// The time for which the steps do nothing but let the load run, in all.
    pub fn held_ms(&self) -> u64 {
        self.steps
            .iter()
            .filter_map(|step| if let Step::Hold(time) = step.get_ref() { Some(time.as_ms()) } else { None })
            .sum()
    }

    fn check(&self) -> Result<(), DefinitionError> {
        let whole = |text: String| Err(DefinitionError::Whole(text));
        if self.version != VERSION {
            return whole(format!(
                "version {} is not known, this program reads version {VERSION}",
                self.version
            ));
        }
        if !is_name(&self.name) {
            return whole(format!("`{}` is no name: write lower-case words joined by `-`", self.name));
        }
        if self.steps.is_empty() {
            return whole("there are no steps".into());
        }
        self.check_parts()?;
        for written in self.steps() {
            self.check_step(&written)
                .map_err(|text| DefinitionError::Meaning { line: written.line, text })?;
        }
        Ok(())
    }

    fn check_parts(&self) -> Result<(), DefinitionError> {
        for (name, part) in &self.parts {
            if !is_name(name) || name.parse::<Region>().is_ok() {
                return Err(DefinitionError::Whole(format!(
                    "`{name}` is no name for a part: write lower-case words joined by `-`, and no Region"
                )));
            }
            if *part == Part::Number(0) {
                return Err(DefinitionError::Whole(format!("part `{name}`: Regions are counted from 1")));
            }
        }
        let known = |place: &Place| self.knows(place);
        match &self.load.led_by {
            Some(place) if !known(place) => Err(DefinitionError::Whole(self.unknown(place))),
            _ => Ok(()),
        }
    }

    fn check_step(&self, written: &Written<'_>) -> Result<(), String> {
        written.step.check()?;
        match written.step.places().into_iter().find(|place| !self.knows(place)) {
            Some(place) => Err(self.unknown(place)),
            None => Ok(()),
        }
    }

    fn knows(&self, place: &Place) -> bool {
        self.parts.contains_key(place.as_str()) || place.as_str().parse::<Region>().is_ok()
    }

    fn unknown(&self, place: &Place) -> String {
        let parts: Vec<String> = self.parts.keys().map(|name| format!("`{name}`")).collect();
        let known = if parts.is_empty() { "there are none".to_owned() } else { parts.join(", ") };
        format!("`{place}` is neither a Region nor a part; parts: {known}")
    }
}

/// Lower-case words joined by `-`.
fn is_name(text: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    text.len() <= 64 && text.split('-').all(word)
}

fn line_of(text: &str, span: Range<usize>) -> usize {
    text.get(..span.start).unwrap_or(text).matches('\n').count() + 1
}

fn source(text: &str, span: Range<usize>) -> &str {
    let step = text.get(span).unwrap_or_default().trim();
    step.strip_prefix('{').and_then(|step| step.strip_suffix('}')).unwrap_or(step).trim()
}
