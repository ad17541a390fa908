//! `meridian local disk-full|disk-free|skew`: faults of single nodes that go on running.

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{fmt, str::FromStr};

use crate::{
    failure::Failure,
    local::{
        clock::Span,
        control::{self, Request},
        layout::{Cluster, DataDir, NodeKey},
        network::{OutputArgs, Side, nodes},
    },
};

/// What can be wrong with a node that runs, and the ends of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
pub enum NodeFault {
    /// None of its files can grow.
    DiskFull,
    /// They can again; a node that died of it is started.
    DiskFree,
    /// Its clock is ahead of the machine's by so much, or behind; zero ends it.
    Skew {
        /// Milliseconds.
        skew_ms: i64,
    },
}

/// How far a clock is ahead, or behind: `+90s`, `-5m`, `0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skew {
    /// Milliseconds.
    pub ms: i64,
}

impl FromStr for Skew {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (sign, span) = match text.split_at_checked(1) {
            _ if text == "0" => return Ok(Self { ms: 0 }),
            Some(("+", span)) => (1, span),
            Some(("-", span)) => (-1, span),
            _ => (1, text),
        };
        let span: Span =
            span.parse().map_err(|_| format!("`{text}` is no offset of a clock: write +90s, -5m or 0"))?;
        i64::try_from(span.as_ms()).map(|ms| Self { ms: sign * ms }).map_err(|error| error.to_string())
    }
}

impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.ms < 0 { '-' } else { '+' };
        write!(f, "{sign}{}", Span::from_ms(self.ms.unsigned_abs()))
    }
}

/// Flags of `local disk-full|disk-free`.
#[derive(Debug, Args)]
pub struct DiskArgs {
    /// Whose disk: `eu-west-1`, `eu-west-1/2` or `eu-west-1/leader`, or several separated by commas.
    side: Side,
    #[command(flatten)]
    output: OutputArgs,
}

/// Flags of `local skew`.
#[derive(Debug, Args)]
pub struct SkewArgs {
    /// Whose clock: `eu-west-1`, `eu-west-1/2` or `eu-west-1/leader`, or several separated by commas.
    side: Side,
    /// How far it is ahead of the machine's, or behind: `+90s`, `-5m`; `0` ends it.
    #[arg(allow_hyphen_values = true)]
    skew: Skew,
    #[command(flatten)]
    output: OutputArgs,
}

/// Examples of the commands.
pub const DISK_EXAMPLES: &str = "Examples (disk-full and disk-free alike):
  meridian local disk-full eu-west-1/2       a node that cannot write ends; the others go on
  meridian local disk-free eu-west-1/2       and is started again if it ended";
/// See [`DISK_EXAMPLES`].
pub const SKEW_EXAMPLES: &str = "Examples:
  meridian local skew eu-west-1/2 +90s       one wrong clock of three moves nothing
  meridian local skew eu-west-1 -5m          Region time stands still for five minutes
  meridian local skew eu-west-1 0";

/// Runs `local disk-full` or `local disk-free`.
pub async fn disk(fault: NodeFault, args: &DiskArgs) -> Result<(), Failure> {
    let nodes = disturb(&args.output.data_dir()?, fault, &args.side).await?;
    let what = if fault == NodeFault::DiskFull { "disk full" } else { "disk free" };
    print(&args.output, what, fault, &nodes);
    Ok(())
}

/// Runs `local skew`.
pub async fn skew(args: &SkewArgs) -> Result<(), Failure> {
    let fault = NodeFault::Skew { skew_ms: args.skew.ms };
    let nodes = disturb(&args.output.data_dir()?, fault, &args.side).await?;
    print(&args.output, &format!("clock {}", args.skew), fault, &nodes);
    Ok(())
}

/// What a command has done.
#[derive(Serialize)]
struct Disturbed {
    #[serde(flatten)]
    fault: NodeFault,
    nodes: Vec<String>,
}

fn print(output: &OutputArgs, what: &str, fault: NodeFault, nodes: &[NodeKey]) {
    let names: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    let text = format!("{what}: {}", names.join(", "));
    output.print(&text, json!(Disturbed { fault, nodes: names }));
}

/// Puts a fault of `side`'s nodes in force, or ends it, in the running cluster in `dir`; the answer is which nodes.
pub async fn disturb(dir: &DataDir, fault: NodeFault, side: &Side) -> Result<Vec<NodeKey>, Failure> {
    let nodes = nodes(dir, &Cluster::open(dir)?, side).await?;
    control::request(dir, &Request::Node { fault, nodes: nodes.clone() }).await?;
    Ok(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_read_and_written() {
        for (text, ms) in
            [("+90s", 90_000), ("-5m", -300_000), ("1h", 3_600_000), ("0", 0), ("-1d12h", -129_600_000)]
        {
            assert_eq!(text.parse::<Skew>().unwrap().ms, ms, "{text}");
        }
        assert_eq!(Skew { ms: 90_000 }.to_string(), "+1m30s");
        assert_eq!(Skew { ms: -300_000 }.to_string(), "-5m");
        for text in ["", "+", "-", "90", "fast", "+-5m", "5 m"] {
            assert!(text.parse::<Skew>().is_err(), "{text}");
        }
    }
}
