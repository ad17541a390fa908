//! `meridian local clock show|advance`: Region time of every Region, and moving it forward so that rotations, deletions
//! and expiries happen now. Only local clusters have a clock that moves; every node refuses it otherwise.

mod span;

use crate::say::say;
use clap::{Args, Subcommand};
use futures::future::join_all;
use kms_transport::{AdminError, admin_messages as messages};
use kms_types::Timestamp;
use serde::Serialize;
use serde_json::json;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::{
    admin::Operator,
    failure::Failure,
    local::{
        DirArgs,
        layout::{Cluster, DataDir, RegionPlan},
    },
};
pub use span::Span;

/// How often Regions are asked while something is waited for.
const POLL: Duration = Duration::from_millis(200);

/// Commands of `meridian local clock`.
#[derive(Debug, Subcommand)]
pub enum ClockCommand {
    /// Show each Region's time, how far it is ahead, and what is due.
    #[command(after_help = "Examples:\n  meridian local clock show\n  meridian local clock show --json")]
    Show(ShowArgs),
    /// Move the time of every Region forward and wait until what falls due has happened.
    #[command(after_help = "Examples:
  meridian local clock advance 400d              rotations and deletions of the next 400 days
  meridian local clock advance 1d12h
  meridian local clock advance 400d --step 30d   everything in between happens in its order
  meridian local clock advance 0s                brings a Region level that was away before")]
    Advance(AdvanceArgs),
}

/// Flags of `local clock show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Flags of `local clock advance`.
#[derive(Debug, Args)]
pub struct AdvanceArgs {
    /// How far, for example `400d`, `36h`, `90m`, `1d12h`.
    by: Span,
    /// Go in steps of this length, and let what falls due happen after each.
    #[arg(long, value_name = "SPAN")]
    step: Option<Span>,
    /// How long one step may take until everything that fell due has happened, in seconds.
    #[arg(long, value_name = "SECS", default_value_t = 120)]
    wait: u64,
    #[command(flatten)]
    dir: DirArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// One Region's time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegionTime {
    /// The Region.
    pub region: String,
    /// Its time, as RFC 3339.
    pub time: String,
    /// Its time, in milliseconds since the epoch.
    pub time_ms: u64,
    /// How far it is ahead of the nodes' clocks, in milliseconds.
    pub offset_ms: u64,
    /// Keys with a rotation or deletion that is due and has not happened.
    pub due: u64,
    /// Keys about which the Regions have not finished agreeing.
    pub under_way: u64,
}

impl RegionTime {
    fn has_settled(&self) -> bool {
        self.due == 0 && self.under_way == 0
    }

    fn line(&self) -> String {
        let state = match (self.due, self.under_way) {
            (0, 0) => String::new(),
            (due, 0) => format!("  {due} due"),
            (0, under_way) => format!("  {under_way} under way"),
            (due, under_way) => format!("  {due} due, {under_way} under way"),
        };
        format!("{:<16} {}  {} ahead{state}", self.region, self.time, Span::from_ms(self.offset_ms))
    }
}

impl From<messages::ClockReply> for RegionTime {
    fn from(reply: messages::ClockReply) -> Self {
        Self {
            region: reply.region,
            time: Timestamp::from_millis(reply.region_time_ms).to_rfc3339(),
            time_ms: reply.region_time_ms,
            offset_ms: reply.offset_ms,
            due: reply.due,
            under_way: reply.under_way,
        }
    }
}

/// Runs the command.
pub async fn run(command: &ClockCommand) -> Result<(), Failure> {
    match command {
        ClockCommand::Show(args) => show(args).await,
        ClockCommand::Advance(args) => advance(args).await,
    }
}

async fn show(args: &ShowArgs) -> Result<(), Failure> {
    let times = Clocks::open(&args.dir.data_dir()?)?.show().await?;
    print(&times, args.json);
    Ok(())
}

fn print(times: &[RegionTime], as_json: bool) {
    match as_json {
        true => say!("{}", json!({ "regions": times })),
        false => times.iter().for_each(|time| say!("{}", time.line())),
    }
}

async fn advance(args: &AdvanceArgs) -> Result<(), Failure> {
    let clocks = Clocks::open(&args.dir.data_dir()?)?;
    // Nothing is moved while a Region cannot be: the Regions' clocks stay together.
    let before = clocks.show().await?;
    let start_ms = before.iter().map(|time| time.offset_ms).max().unwrap_or(0);
    let mut times = before;
    for ahead in args.by.steps(args.step) {
        let offset_ms = start_ms.saturating_add(ahead.as_ms());
        times = clocks.advance_to(offset_ms, Duration::from_secs(args.wait), args.json).await?;
    }
    if args.json {
        print(&times, true);
    }
    Ok(())
}

/// Moves the time of every Region of a running cluster forward by `by`, in one step and without a word, and waits until
/// what fell due has happened.
pub async fn move_forward(dir: &DataDir, by: Span, wait: Duration) -> Result<(), Failure> {
    let clocks = Clocks::open(dir)?;
    let start_ms = clocks.show().await?.iter().map(|time| time.offset_ms).max().unwrap_or(0);
    clocks.advance_to(start_ms.saturating_add(by.as_ms()), wait, true).await.map(|_| ())
}

/// Brings a Region that came in level with the others. Those that do not answer are not waited for.
pub async fn catch_up(dir: &DataDir, newcomer: &RegionPlan) -> Result<(), Failure> {
    let clocks = Clocks::open(dir)?;
    let others = clocks.cluster.regions.iter().filter(|region| region.name != newcomer.name);
    let times = join_all(others.map(|region| clocks.ask(region, None))).await;
    match times.into_iter().flatten().map(|time| time.offset_ms).max() {
        None | Some(0) => Ok(()),
        Some(offset_ms) => clocks.ask(newcomer, Some(offset_ms)).await.map(drop),
    }
}

/// The clocks of a running local cluster.
struct Clocks {
    operator: Operator,
    cluster: Cluster,
}

impl Clocks {
    fn open(dir: &DataDir) -> Result<Self, Failure> {
        Ok(Self { cluster: Cluster::open(dir)?, operator: Operator::of_cluster(dir)? })
    }

    async fn show(&self) -> Result<Vec<RegionTime>, Failure> {
        let asked = self.cluster.regions.iter().map(|region| self.ask(region, None));
        join_all(asked).await.into_iter().collect()
    }

    /// Moves every Region to `offset_ms`, then waits until all that fell due has happened everywhere.
    async fn advance_to(
        &self,
        offset_ms: u64,
        wait: Duration,
        quiet: bool,
    ) -> Result<Vec<RegionTime>, Failure> {
        let asked = self.cluster.regions.iter().map(|region| self.ask(region, Some(offset_ms)));
        let moved: Vec<RegionTime> = join_all(asked).await.into_iter().collect::<Result<_, _>>()?;
        let mut progress = Progress::new(quiet);
        progress.tell(&moved);
        let until = Instant::now() + wait;
        let mut settled_before = false;
        loop {
            tokio::time::sleep(POLL).await;
            let times = self.show().await?;
            progress.tell(&times);
            // Twice in a row: what one Region finishes may be the beginning of another's work.
            let settled = times.iter().all(RegionTime::has_settled);
            if settled && settled_before {
                return Ok(times);
            }
            settled_before = settled;
            if Instant::now() > until {
                return Err(Failure::Admin(format!(
                    "the clocks have moved, but not everything that fell due has happened within {} s:\n{}",
                    wait.as_secs(),
                    times.iter().map(RegionTime::line).collect::<Vec<_>>().join("\n")
                )));
            }
        }
    }

    /// Asks the Region's nodes in turn until one answers: any of them can speak for the Region.
    async fn ask(&self, region: &RegionPlan, offset_ms: Option<u64>) -> Result<RegionTime, Failure> {
        let mut last = format!("`{}` has no node that answers", region.name);
        for node in &region.nodes {
            match self.ask_node(&node.cluster().to_string(), offset_ms).await {
                Ok(time) => return Ok(time),
                Err(AdminError::Unavailable(why)) => last = format!("`{}`: {why}", region.name),
                Err(error) => return Err(Failure::Admin(format!("`{}`: {error}", region.name))),
            }
        }
        Err(Failure::Admin(last))
    }

    async fn ask_node(&self, address: &str, offset_ms: Option<u64>) -> Result<RegionTime, AdminError> {
        let unreachable = |failure: Failure| AdminError::Unavailable(failure.explain());
        let mut client = self.operator.connect(address).await.map_err(unreachable)?;
        let reply = match offset_ms {
            Some(offset_ms) => client.advance_clock(messages::AdvanceClockRequest { offset_ms }).await?,
            None => client.clock(messages::ClockRequest {}).await?,
        };
        Ok(reply.into())
    }
}

/// Prints a Region's line when what is due there has changed.
struct Progress {
    quiet: bool,
    told: BTreeMap<String, (u64, u64)>,
}

impl Progress {
    fn new(quiet: bool) -> Self {
        Self { quiet, told: BTreeMap::new() }
    }

    fn tell(&mut self, times: &[RegionTime]) {
        for time in times {
            let now = (time.due, time.under_way);
            if self.told.insert(time.region.clone(), now) != Some(now) && !self.quiet {
                say!("{}", time.line());
            }
        }
    }
}
