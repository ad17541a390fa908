//! `meridian local partition|isolate|heal|delay|loss|rate`: faults of the network between nodes, by name. Drills use the same
//! functions.

use crate::say::say;
use clap::Args;
use serde_json::json;
use std::{fmt, str::FromStr};

use crate::{
    admin::Operator,
    failure::Failure,
    local::{
        DirArgs,
        control::{self, Request},
        layout::{Cluster, DataDir, NodeKey},
        links::{BitRate, Latency, LinkFault, LinkReport, Share, Sides, Way},
        target::{Selector, Target, TargetError},
    },
};

/// One side of a fault: targets, separated by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side(pub Vec<Target>);

impl FromStr for Side {
    type Err = TargetError;
    fn from_str(text: &str) -> Result<Self, TargetError> {
        text.split(',').map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl From<Target> for Side {
    fn from(target: Target) -> Self {
        Self(vec![target])
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&names.join(","))
    }
}

/// Between whom.
#[derive(Debug, Args)]
pub struct BetweenArgs {
    /// The one side: `eu-west-1`, `eu-west-1/2`, `eu-west-1/leader`, or several separated by commas.
    a: Side,
    /// The other side.
    b: Side,
    /// Only from the first side to the second.
    #[arg(long)]
    one_way: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Which cluster, and how to print.
#[derive(Debug, Args)]
pub struct OutputArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Flags of `local partition`.
#[derive(Debug, Args)]
pub struct PartitionArgs {
    #[command(flatten)]
    between: BetweenArgs,
}

/// Flags of `local isolate`.
#[derive(Debug, Args)]
pub struct IsolateArgs {
    /// Whom to cut off from everybody else: `eu-west-1`, `eu-west-1/2` or `eu-west-1/leader`, or several separated by commas.
    side: Side,
    #[command(flatten)]
    output: OutputArgs,
}

/// Flags of `local heal`.
#[derive(Debug, Args)]
pub struct HealArgs {
    /// The one side; without sides, everything is healed.
    #[arg(requires = "b")]
    a: Option<Side>,
    /// The other side.
    b: Option<Side>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Flags of `local delay`.
#[derive(Debug, Args)]
pub struct DelayArgs {
    #[command(flatten)]
    between: BetweenArgs,
    /// How much later everything arrives, in each direction: `80ms`. A round trip takes twice that longer; `0ms` ends it.
    delay: Latency,
    /// Up to so much more or less, at random.
    #[arg(long, value_name = "TIME", default_value = "0ms")]
    jitter: Latency,
}

/// Flags of `local loss`.
#[derive(Debug, Args)]
pub struct LossArgs {
    #[command(flatten)]
    between: BetweenArgs,
    /// Which share of segments is lost at each try: `5%`; `0%` ends it.
    loss: Share,
}

/// Flags of `local slow-replication`.
#[derive(Debug, Args)]
pub struct SlowReplicationArgs {
    #[command(flatten)]
    between: BetweenArgs,
    /// How long key material waits before it is installed, and a Region before it takes over a key: `20s`; `0s` ends it.
    delay: Latency,
}

/// Flags of `local faults`.
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    output: OutputArgs,
}

/// Flags of `local rate`.
#[derive(Debug, Args)]
pub struct RateArgs {
    #[command(flatten)]
    between: BetweenArgs,
    /// What passes per second in each direction, all connections together: `1mbit`.
    rate: BitRate,
}

/// Examples of the commands.
pub const PARTITION_EXAMPLES: &str = "Examples:
  meridian local partition us-east-1 eu-west-1              two Regions cannot hear each other
  meridian local partition us-east-1 eu-west-1 --one-way    eu-west-1 does not hear us-east-1
  meridian local partition us-east-1/leader us-east-1       a leader and the rest of its Region
  meridian local partition us-east-1/1,us-east-1/2 eu-west-1/3
Bytes are held, not refused, as by a cable that is out; `heal` delivers them. Clients and operators still reach every node.";
/// See [`PARTITION_EXAMPLES`].
pub const ISOLATE_EXAMPLES: &str = "Examples:
  meridian local isolate eu-west-1           its nodes hear each other and nobody else
  meridian local isolate eu-west-1/leader    one node hears nobody";
/// See [`PARTITION_EXAMPLES`].
pub const HEAL_EXAMPLES: &str = "Examples:
  meridian local heal                          everything, everywhere
  meridian local heal us-east-1 eu-west-1      every fault between the two, in both directions";
/// See [`PARTITION_EXAMPLES`].
pub const DELAY_EXAMPLES: &str = "Examples:
  meridian local delay us-east-1 eu-west-1 80ms                  the round trip takes 160 ms more
  meridian local delay us-east-1 eu-west-1 80ms --jitter 10ms
  meridian local delay us-east-1/1 us-east-1/2 5ms --one-way";
/// See [`PARTITION_EXAMPLES`].
pub const LOSS_EXAMPLES: &str = "Examples:
  meridian local loss us-east-1 eu-west-1 5%
  meridian local loss us-east-1/1 us-east-1 0.5% --one-way
A lost segment arrives after a retransmission timeout, and what was sent after it waits.";
/// See [`PARTITION_EXAMPLES`].
pub const SLOW_REPLICATION_EXAMPLES: &str = "Examples:
  meridian local slow-replication us-east-1 eu-west-1 20s     a replica stays `Creating`, a new primary `Updating`, for 20 s
  meridian local slow-replication us-east-1 eu-west-1 0s";
/// See [`PARTITION_EXAMPLES`].
pub const FAULTS_EXAMPLES: &str = "Examples:
  meridian local faults
  meridian local faults --json | jq .links
Faults end with `heal`, `resume`, `start`, and with the cluster: a new `up` has none.";
/// See [`PARTITION_EXAMPLES`].
pub const RATE_EXAMPLES: &str = "Examples:
  meridian local rate us-east-1 eu-west-1 1mbit         all nodes of the two Regions together
  meridian local rate us-east-1 eu-west-1 64kbit --one-way";

/// Runs `local partition`.
pub async fn partition(args: &PartitionArgs) -> Result<(), Failure> {
    between(LinkFault::Partition, &args.between).await
}

/// Runs `local delay`.
pub async fn delay(args: &DelayArgs) -> Result<(), Failure> {
    let fault = LinkFault::Delay { delay_us: args.delay.us, jitter_us: args.jitter.us };
    between(fault, &args.between).await
}

/// Runs `local loss`.
pub async fn loss(args: &LossArgs) -> Result<(), Failure> {
    between(LinkFault::Loss { ppm: args.loss.ppm }, &args.between).await
}

/// Runs `local rate`.
pub async fn rate(args: &RateArgs) -> Result<(), Failure> {
    between(LinkFault::Rate { bits_per_s: args.rate.bits_per_s }, &args.between).await
}

/// Runs `local slow-replication`.
pub async fn slow_replication(args: &SlowReplicationArgs) -> Result<(), Failure> {
    between(LinkFault::SlowReplication { delay_us: args.delay.us }, &args.between).await
}

/// Runs `local faults`.
pub async fn list(args: &ListArgs) -> Result<(), Failure> {
    let report = control::report(&args.output.data_dir()?).await?;
    let lines = report.faults();
    let nodes: Vec<_> = report
        .nodes()
        .filter(|(_, node)| !node.faults().is_empty())
        .map(|(region, node)| {
            let name = format!("{}/{}", region.name, node.id);
            json!({ "node": name, "process": node.process, "disk_full": node.disk_full, "skew_ms": node.skew_ms })
        })
        .collect();
    let text = if lines.is_empty() { "no fault is in force".to_owned() } else { lines.join("\n") };
    args.output.print(&text, json!({ "links": report.links, "nodes": nodes }));
    Ok(())
}

async fn between(fault: LinkFault, args: &BetweenArgs) -> Result<(), Failure> {
    let dir = args.output.dir.data_dir()?;
    fault.check().map_err(|error| Failure::Usage(error.to_string()))?;
    let sides = resolve(&dir, &args.a, &args.b).await?;
    let way = if args.one_way { Way::OneWay } else { Way::Both };
    disturb(&dir, fault, sides, way).await?;
    let arrow = if args.one_way { "-->" } else { "<->" };
    args.output.print(
        &format!("{fault}: {} {arrow} {}", args.a, args.b),
        json!(LinkReport { fault, from: args.a.to_string(), to: args.b.to_string(), way }),
    );
    Ok(())
}

/// Runs `local isolate`.
pub async fn isolate(args: &IsolateArgs) -> Result<(), Failure> {
    let dir = args.output.dir.data_dir()?;
    cut_off(&dir, &args.side).await?;
    args.output.print(&format!("isolated: {}", args.side), json!({ "isolated": args.side.to_string() }));
    Ok(())
}

/// Runs `local heal`.
pub async fn heal(args: &HealArgs) -> Result<(), Failure> {
    let dir = args.output.dir.data_dir()?;
    let (text, sides) = match (&args.a, &args.b) {
        (Some(a), Some(b)) => (format!("healed: {a} <-> {b}"), Some(resolve(&dir, a, b).await?)),
        _ => ("healed: everything".to_owned(), None),
    };
    mend(&dir, sides).await?;
    args.output.print(&text, json!({ "healed": text.trim_start_matches("healed: ") }));
    Ok(())
}

impl OutputArgs {
    /// The cluster's directory.
    pub fn data_dir(&self) -> Result<DataDir, Failure> {
        self.dir.data_dir()
    }

    /// Prints what was done.
    pub fn print(&self, text: &str, value: serde_json::Value) {
        if self.json { say!("{value}") } else { say!("{text}") }
    }
}

/// Which nodes of the running cluster in `dir` are meant by the two sides. A node of both sides counts for the first.
pub async fn resolve(dir: &DataDir, a: &Side, b: &Side) -> Result<Sides, Failure> {
    let cluster = Cluster::open(dir)?;
    let from = nodes(dir, &cluster, a).await?;
    let to: Vec<NodeKey> =
        nodes(dir, &cluster, b).await?.into_iter().filter(|node| !from.contains(node)).collect();
    match to.is_empty() {
        true => Err(Failure::Refused(format!("`{a}` and `{b}` are the same: there is nothing between them"))),
        false => Ok(Sides { from, to }),
    }
}

/// The nodes that `side` means.
pub async fn nodes(dir: &DataDir, cluster: &Cluster, side: &Side) -> Result<Vec<NodeKey>, Failure> {
    let mut found = Vec::new();
    for target in &side.0 {
        let leader = match target.nodes {
            Selector::Leader => Operator::of_cluster(dir)?.leader(cluster, &target.region).await,
            Selector::All | Selector::Id(_) => None,
        };
        found.extend(target.resolve(cluster, leader)?);
    }
    Ok(found)
}

/// Puts a fault in force in the running cluster in `dir`.
pub async fn disturb(dir: &DataDir, fault: LinkFault, sides: Sides, way: Way) -> Result<(), Failure> {
    control::request(dir, &Request::Link { fault, sides, way }).await.map(drop)
}

/// Cuts `side` off from every other node, in both directions.
pub async fn cut_off(dir: &DataDir, side: &Side) -> Result<(), Failure> {
    let cluster = Cluster::open(dir)?;
    let from = nodes(dir, &cluster, side).await?;
    let to: Vec<NodeKey> = cluster.nodes().map(|(key, _)| key).filter(|key| !from.contains(key)).collect();
    match to.is_empty() {
        true => Err(Failure::Refused(format!(
            "`{side}` is the whole cluster: there is nobody to cut it off from"
        ))),
        false => disturb(dir, LinkFault::Partition, Sides { from, to }, Way::Both).await,
    }
}

/// Ends the faults between the sides; without sides, all that `faults` lists but for killed and paused nodes.
pub async fn mend(dir: &DataDir, sides: Option<Sides>) -> Result<(), Failure> {
    control::request(dir, &Request::Heal { sides }).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn side_is_one_target_or_several() {
        for text in ["eu-west-1", "eu-west-1/1,eu-west-1/leader,us-east-1"] {
            assert_eq!(text.parse::<Side>().unwrap().to_string(), text);
        }
        for text in ["", "eu-west-1,", "eu-west-1, us-east-1", "eu-west-1;us-east-1"] {
            assert!(text.parse::<Side>().is_err(), "{text}");
        }
    }
}
