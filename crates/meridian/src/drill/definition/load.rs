//! What clients do during a drill.

use serde::Deserialize;

use crate::drill::definition::Place;

/// The load of a drill.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LoadPlan {
    /// Operations per second in each data Region: encrypt, and decrypt at once in another Region.
    pub rate: u32,
    /// Multi-Region keys led by `led-by`; one more is led by another Region, and each Region has one of its own.
    pub keys: usize,
    /// The Region that leads them [default: the first data Region].
    pub led_by: Option<Place>,
    /// Management changes per second, over all Regions.
    pub changes: u32,
}

impl Default for LoadPlan {
    fn default() -> Self {
        Self { rate: 20, keys: 4, led_by: None, changes: 4 }
    }
}
