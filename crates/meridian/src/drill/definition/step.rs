//! The verbs of a drill. Each has typed arguments; what can be judged without a cluster is judged here.

use serde::Deserialize;

use super::fault::{
    Delay, Latencies, Loss, Partition, Probe, Rate, SkewClock, SlowReplication, Word, check_link,
};
use crate::{
    drill::definition::{Aim, Place, Time},
    local::{clock::Span, links::LinkFault, target::Selector},
};

/// One step.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Let the load run.
    Hold(Time),
    /// End nodes with SIGKILL.
    Kill(Aim),
    /// End nodes with SIGTERM, as an operating system does.
    Stop(Aim),
    /// Freeze nodes.
    Pause(Aim),
    /// Let frozen nodes run on.
    Resume(Aim),
    /// Start nodes that are down.
    Start(Aim),
    /// Stop and start nodes one after the other, each when the one before serves again.
    Restart(Aim),
    /// Move leadership of a Region to another of its nodes.
    TransferLeader(Place),
    /// Cut everything between two sides.
    Partition(Partition),
    /// Cut a Region or a node off from all others. Its clients still reach it.
    Isolate(Aim),
    /// Delay everything between two sides.
    Delay(Delay),
    /// Lose a share of what two sides send to each other.
    Loss(Loss),
    /// Let only so much pass between two sides.
    Rate(Rate),
    /// Let key material take longer between two sides.
    SlowReplication(SlowReplication),
    /// Set the round-trip times between Regions.
    Latency(Latencies),
    /// Fill the disks of nodes: none of their files can grow.
    DiskFull(Aim),
    /// Make room on them again.
    DiskFree(Aim),
    /// Set clocks wrong, or right again.
    Skew(SkewClock),
    /// Mend everything between two Regions (two names), around one (one name), or every link, disk and clock (none).
    Heal(Vec<Place>),
    /// Make a call and see whether it is served.
    Probe(Probe),
    /// Make a Region primary of every key that another one leads, by the operators' command.
    Promote(Promote),
    /// Make a Region primary of every key that another one leads, by UpdatePrimaryRegion.
    UpdatePrimary(UpdatePrimary),
    /// Ask for rotations and go on at once, so that the next step meets them under way.
    BeginRotations(BeginRotations),
    /// Rotate every key that a Region leads; each request must be acknowledged.
    Rotate(RotateStep),
    /// Rotate many times while links are cut and mended at random.
    RotateUnderFaults(RotateUnderFaults),
    /// Try shared changes through the API of a Region that must not make them.
    TryChange(Try),
    /// Wait for something.
    WaitUntil(WaitUntil),
    /// Open every ciphertext in every Region that is there, and look for every acknowledged change.
    Check(String),
    /// Move the time of every Region forward.
    AdvanceClock(Word<Span>),
    /// Replace a node whose disk is lost by a new one with a new number.
    ReplaceNode(Aim),
    /// Stop a Region, copy its disks aside, start it.
    Snapshot(Place),
    /// Kill a Region, put the copy in the place of its disks, start it.
    Restore(Place),
    /// Remove a Region from the members of every key, by the operators' command.
    Evict(Evict),
    /// Remove a Region with all that it has, and let a new one in under its name, by the operators' commands.
    Rebuild(Rebuild),
    /// Replicate every key to a Region that holds none.
    Replicate(Replicate),
}

/// Many rotations under random partitions.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RotateUnderFaults {
    /// How many rotations must be complete.
    pub rotations: usize,
    /// The longest time for which links are cut.
    pub cut: Time,
    /// The longest time between two cuts.
    pub pause: Time,
    /// How long the whole step may take.
    pub within: Time,
}

/// What must come of a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expect {
    /// It is done.
    #[default]
    Done,
    /// It is refused, with a reason.
    Refused,
}

/// Who takes over from whom.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Promote {
    /// The Region that leads the keys now.
    pub from: Place,
    /// The Region that is to lead them.
    pub to: Place,
    /// Proceed without a majority of voting Regions.
    #[serde(default, rename = "unsafe")]
    pub without_majority: bool,
    /// Type the confirmation that an unsafe promotion asks for.
    #[serde(default = "yes")]
    pub confirm: bool,
    /// What must come of it.
    #[serde(default)]
    pub expect: Expect,
    /// A text that the refusal must contain.
    pub saying: Option<String>,
    /// How long it may take.
    #[serde(default = "half_a_minute")]
    pub within: Time,
}

/// A planned change of the primary.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct UpdatePrimary {
    /// The Region that leads the keys now.
    pub from: Place,
    /// The Region that is to lead them.
    pub to: Place,
    /// How long it may take, for all keys.
    #[serde(default = "half_a_minute")]
    pub within: Time,
}

/// A Region that is no member any more.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Evict {
    /// The Region to remove.
    pub region: Place,
    /// How long it may take, for all keys.
    #[serde(default = "half_a_minute")]
    pub within: Time,
}

/// A Region that begins anew.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rebuild {
    /// The Region.
    pub region: Place,
    /// How long it may take until it serves and votes.
    #[serde(default = "a_minute")]
    pub within: Time,
}

/// A Region that gets every key.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Replicate {
    /// The Region.
    pub to: Place,
    /// How long it may take, for all keys.
    #[serde(default = "a_minute")]
    pub within: Time,
}

/// Rotations that the next step meets.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BeginRotations {
    /// The Region whose keys are rotated.
    #[serde(rename = "in")]
    pub region: Place,
    /// The share of its keys, 0 to 1.
    #[serde(default = "half")]
    pub share: f64,
}

/// Rotations that must be acknowledged.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RotateStep {
    /// The Region whose keys are rotated.
    #[serde(rename = "in")]
    pub region: Place,
    /// How long each acknowledgement may take.
    #[serde(default = "half_a_minute")]
    pub within: Time,
}

/// Shared changes tried through a Region's API.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Try {
    /// The Region that is asked, for every key that it leads or led. None of the changes may be acknowledged.
    #[serde(rename = "in")]
    pub region: Place,
}

/// What to wait for, and how long.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WaitUntil {
    /// What must be so.
    pub condition: Condition,
    /// Of which Region, where that is asked.
    #[serde(rename = "in")]
    pub region: Option<Place>,
    /// How long it may take; longer fails the drill.
    pub within: Time,
}

/// What can be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Probes of the Region's nodes are not answered any more.
    Noticed,
    /// Every node of the Region answers probes.
    Serving,
    /// The Region has a leader that is not the one of before the last fault.
    NewLeader,
    /// The Region's processes run, its peers have found out that it went back to an earlier state, and it serves nothing.
    Excluded,
    /// The Region shows itself as a replica of every key that was taken from it, and refuses shared changes.
    SteppedDown,
    /// Every acknowledged rotation is complete.
    RotationsComplete,
    /// Every Region shows the same of every key.
    Agreement,
}

impl Condition {
    fn needs_region(self) -> bool {
        match self {
            Self::Noticed | Self::Serving | Self::NewLeader | Self::SteppedDown | Self::Excluded => true,
            Self::RotationsComplete | Self::Agreement => false,
        }
    }
}

fn half_a_minute() -> Time {
    Time::from_ms(30_000)
}

fn a_minute() -> Time {
    Time::from_ms(60_000)
}

fn half() -> f64 {
    0.5
}

fn yes() -> bool {
    true
}

impl Step {
    /// The Regions that the step names.
    pub fn places(&self) -> Vec<&Place> {
        match self {
            Self::Kill(aim)
            | Self::Stop(aim)
            | Self::Pause(aim)
            | Self::Resume(aim)
            | Self::Start(aim)
            | Self::Restart(aim)
            | Self::Isolate(aim)
            | Self::DiskFull(aim)
            | Self::DiskFree(aim)
            | Self::Skew(SkewClock { of: aim, .. })
            | Self::Probe(Probe { at: aim, .. })
            | Self::ReplaceNode(aim) => vec![&aim.place],
            Self::TransferLeader(place) | Self::Snapshot(place) | Self::Restore(place) => vec![place],
            Self::Evict(Evict { region, .. }) | Self::Rebuild(Rebuild { region, .. }) => vec![region],
            Self::Replicate(Replicate { to, .. }) => vec![to],
            Self::Partition(Partition { between, .. })
            | Self::Delay(Delay { between, .. })
            | Self::Loss(Loss { between, .. })
            | Self::Rate(Rate { between, .. })
            | Self::SlowReplication(SlowReplication { between, .. }) => {
                between.iter().map(|aim| &aim.place).collect()
            }
            Self::Latency(latencies) => latencies.places(),
            Self::Heal(places) => places.iter().collect(),
            Self::Promote(Promote { from, to, .. }) | Self::UpdatePrimary(UpdatePrimary { from, to, .. }) => {
                vec![from, to]
            }
            Self::BeginRotations(BeginRotations { region, .. }) | Self::Rotate(RotateStep { region, .. }) => {
                vec![region]
            }
            Self::TryChange(Try { region }) => vec![region],
            Self::WaitUntil(wait) => wait.region.iter().collect(),
            Self::Hold(_) | Self::Check(_) | Self::AdvanceClock(_) | Self::RotateUnderFaults(_) => Vec::new(),
        }
    }

    /// True if the step changes what a cluster consists of or what is on its disks: only with a cluster of the drill's own.
    pub fn needs_own_cluster(&self) -> bool {
        matches!(self, Self::ReplaceNode(_) | Self::Snapshot(_) | Self::Restore(_) | Self::Rebuild(_))
    }

    /// What is wrong with the step, as far as its own words show.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Self::Heal(places) if places.len() > 2 => Err("`heal` takes two names, one, or none".into()),
            Self::Partition(partition) => check_link(&partition.between, LinkFault::Partition),
            Self::Delay(delay) => check_link(&delay.between, delay.fault()),
            Self::Loss(loss) => check_link(&loss.between, loss.fault()),
            Self::Rate(rate) => check_link(&rate.between, rate.fault()),
            Self::SlowReplication(slow) => check_link(&slow.between, slow.fault()),
            Self::Latency(latencies) => latencies.check(),
            Self::RotateUnderFaults(RotateUnderFaults { rotations: 0, .. }) => Err("`rotations` is 0".into()),
            Self::ReplaceNode(aim) if aim.nodes == Selector::All => {
                Err(format!("`replace-node` replaces one node: write `{0}/2` or `{0}/leader`", aim.place))
            }
            Self::Promote(promote) => promote.check(),
            Self::UpdatePrimary(UpdatePrimary { from, to, .. }) if from == to => {
                Err(format!("`{from}` cannot take over from itself"))
            }
            Self::BeginRotations(BeginRotations { share, .. }) if !(0.0..=1.0).contains(share) => {
                Err(format!("`share` is {share}, and must be within 0 and 1"))
            }
            Self::WaitUntil(wait) => wait.check(),
            Self::Check(name) if name.trim().is_empty() => {
                Err("`check` needs a name, for example `during the loss`".into())
            }
            _ => Ok(()),
        }
    }
}

impl Promote {
    fn check(&self) -> Result<(), String> {
        if self.from == self.to {
            return Err(format!("`{}` cannot take over from itself", self.from));
        }
        if self.saying.is_some() && self.expect != Expect::Refused {
            return Err("`saying` is the text of a refusal: add `expect = \"refused\"`".into());
        }
        if !self.confirm && !self.without_majority {
            return Err("only an unsafe promotion is confirmed: add `unsafe = true`".into());
        }
        Ok(())
    }
}

impl WaitUntil {
    fn check(&self) -> Result<(), String> {
        match (self.condition.needs_region(), &self.region) {
            (true, None) => Err("this condition is one of a Region: add `in = \"...\"`".into()),
            (false, Some(region)) => {
                Err(format!("this condition is one of all Regions: leave `in = \"{region}\"` out"))
            }
            _ => Ok(()),
        }
    }
}
