//! `meridian drill run` and its short forms: flags, the cluster, the files of a run.

use clap::Args;
use kms_types::{NodeId, Region};
use std::{path::PathBuf, sync::Arc, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    drill::{
        definition::{Definition, Part, Time},
        engine::{self, Run},
        html,
        interrupt::interrupts,
        observer::Observer,
        report::Report,
        scene::Scene,
        series::Series,
        store::RunDir,
        targets::Targets,
    },
    entropy::OsEntropy,
    failure::Failure,
    local::{layout::DataDir, links::Carriage, up::ShapeArgs},
    say::say,
};

/// What `hold` steps are multiplied by in quick form, and how many keys there are.
const QUICK_PACE: f64 = 0.125;
const QUICK_KEYS: usize = 2;

/// Flags of every drill.
#[derive(Debug, Args)]
pub struct PlayArgs {
    /// Use the local cluster that runs in --data-dir instead of one of the drill's own.
    #[arg(long)]
    use_running: bool,
    /// The directory of the cluster to use, or to make [default: below the report].
    #[arg(long, value_name = "DIR", env = "MERIDIAN_DATA_DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    shape: Shape,
    /// Which Region plays a part, in the place of what the definition says; may be repeated.
    #[arg(long, value_name = "PART=REGION", value_parser = part)]
    part: Vec<(String, Region)>,
    /// How long the `hold` steps last together, in seconds [default: as the definition says].
    #[arg(long, value_name = "SECS")]
    duration: Option<f64>,
    /// Quick form: an eighth of the definition's `hold` times, two keys.
    #[arg(long, conflicts_with = "duration")]
    quick: bool,
    /// Operations per second in each Region.
    #[arg(long)]
    rate: Option<u32>,
    /// Multi-Region keys whose primary is the Region that the definition chose to lead.
    #[arg(long, value_name = "N")]
    keys: Option<usize>,
    /// How many rotations a `rotate-under-faults` step makes.
    #[arg(long, value_name = "N")]
    rotations: Option<usize>,
    /// Seed of every choice [default: the definition's, or random, and reported].
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    targets: TargetArgs,
    /// Run it so many times on one cluster, with seeds that count up; the first run that fails is the last.
    #[arg(long, value_name = "N")]
    repeat: Option<u32>,
    /// With --repeat: a fresh cluster for each run.
    #[arg(long, requires = "repeat", conflicts_with_all = ["use_running", "data_dir"])]
    fresh: bool,
    /// Where reports are kept.
    #[arg(long, value_name = "DIR", default_value = "store")]
    store: PathBuf,
    /// Keep the data of the drill's own cluster even if every check held.
    #[arg(long)]
    keep: bool,
    /// Print the report as JSON; progress goes to standard error either way.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Shape {
    /// The data Regions of the drill's own cluster [default: as the definition says].
    #[arg(long, value_delimiter = ',', value_name = "REGION,...", conflicts_with = "use_running")]
    regions: Vec<Region>,
    /// Nodes per Region of the drill's own cluster [default: as the definition says, or 3].
    #[arg(long, conflicts_with = "use_running")]
    nodes: Option<NodeId>,
    /// Add a witness Region to the drill's own cluster.
    #[arg(long, value_name = "REGION", num_args = 0..=1, default_missing_value = "eu-central-1", conflicts_with = "use_running")]
    witness: Option<Region>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Targets (in the place of the definition's)")]
struct TargetArgs {
    /// Fail if calls or shared changes stood still for longer than this, `5s`.
    #[arg(long, value_name = "TIME")]
    rto: Option<Time>,
    /// Fail if more acknowledged changes than this are missing.
    #[arg(long, value_name = "N")]
    rpo: Option<usize>,
    /// Fail if probes noticed the fault later than this.
    #[arg(long, value_name = "TIME")]
    detection: Option<Time>,
    /// Fail if no Region served more operations than this.
    #[arg(long, value_name = "N")]
    failed_calls: Option<u64>,
    /// Fail if the 99th percentile of what clients waited is above this.
    #[arg(long, value_name = "TIME")]
    p99: Option<Time>,
}

/// `PART=REGION`.
fn part(text: &str) -> Result<(String, Region), String> {
    let (name, region) = text.split_once('=').ok_or_else(|| format!("`{text}` is not PART=REGION"))?;
    Ok((name.to_owned(), region.parse().map_err(|error: kms_types::ParseError| error.to_string())?))
}

impl PlayArgs {
    /// Gives a part to a Region.
    pub fn cast(&mut self, part: &str, region: Option<Region>) {
        self.part.extend(region.map(|region| (part.to_owned(), region)));
    }

    /// The definition as the flags change it.
    fn apply(&self, mut definition: Definition) -> Result<Definition, Failure> {
        for (name, region) in &self.part {
            let part = definition.parts.get_mut(name);
            let unknown = || Failure::Usage(format!("the drill has no part `{name}`"));
            *part.ok_or_else(unknown)? = Part::Named(region.clone());
        }
        if let Some(rotations) = self.rotations
            && !definition.set_rotations(rotations.max(1))
        {
            return Err(Failure::Usage("--rotations: the drill has no `rotate-under-faults` step".into()));
        }
        let load = &mut definition.load;
        load.rate = self.rate.unwrap_or(load.rate);
        load.keys = self.keys.unwrap_or(if self.quick { QUICK_KEYS } else { load.keys });
        let TargetArgs { rto, rpo, detection, failed_calls, p99 } = self.targets;
        let flags = Targets { rto, rpo, detection, failed_calls, p99, ..Targets::default() };
        definition.targets = definition.targets.or(flags);
        Ok(definition)
    }

    fn pace(&self, definition: &Definition) -> f64 {
        match (self.duration, definition.held_ms()) {
            (Some(seconds), held_ms) if held_ms > 0 => seconds.max(0.0) * 1000.0 / held_ms as f64,
            _ if self.quick => QUICK_PACE,
            _ => 1.0,
        }
    }
}

/// Runs `definition` once or as often as the flags say; an error if anything was not as promised.
pub async fn run(definition: Definition, args: &PlayArgs) -> Result<(), Failure> {
    let definition = args.apply(definition)?;
    let store = RunDir::create(&args.store, &definition.name)?;
    let interrupt = interrupts()?;
    let player = Player { definition: &definition, args, interrupt: &interrupt };
    match args.repeat {
        Some(times) => player.series(&store, times).await,
        None => player.once(&store).await,
    }
}

struct Player<'a> {
    definition: &'a Definition,
    args: &'a PlayArgs,
    interrupt: &'a CancellationToken,
}

impl Player<'_> {
    async fn once(&self, store: &RunDir) -> Result<(), Failure> {
        let observer = Arc::new(Observer::new());
        let scene = self.open(store, &observer).await?;
        let played = self.play(self.first_seed(), &scene, &observer, store).await;
        scene.close(self.keeps(&played)).await?;
        let report = played?;
        let path = store.path().join("report.html");
        store.link_latest()?;
        match self.args.json {
            true => say!("{}", to_json(&report)?),
            false => say!("\n{}Report:  {}", report.summary(), path.display()),
        }
        verdict(&report)
    }

    /// Every run has a folder of its own; the first that fails is the last.
    async fn series(&self, store: &RunDir, times: u32) -> Result<(), Failure> {
        let first_seed = self.first_seed();
        let mut series = Series::new(&self.definition.name, first_seed, times);
        let mut scene: Option<Scene> = None;
        let mut ended = Ok(());
        for number in 0..times {
            let (run, observer) = (store.inner(&format!("{:03}", number + 1))?, Arc::new(Observer::new()));
            let begin = Instant::now();
            let open = match scene.take() {
                Some(open) => open,
                None => self.open(&run, &observer).await?,
            };
            let played = self.play(first_seed.wrapping_add(u64::from(number)), &open, &observer, &run).await;
            match self.args.fresh || !played.as_ref().is_ok_and(|report| report.passed) {
                true => open.close(self.keeps(&played)).await?,
                false => scene = Some(open),
            }
            ended = match played {
                Ok(report) => {
                    series.add(&report, begin.elapsed());
                    eprintln!("run {} of {times}: {}", number + 1, report.verdict());
                    verdict(&report)
                }
                Err(failure) => Err(failure),
            };
            if ended.is_err() {
                break;
            }
        }
        if let Some(scene) = scene {
            scene.close(self.args.keep).await?;
        }
        let json = to_json(&series.summary())?;
        let path = store.write("summary.json", &json)?;
        store.link_latest()?;
        match self.args.json {
            true => say!("{json}"),
            false => say!("\n{}Summary: {}", series.text(), path.display()),
        }
        ended
    }

    fn first_seed(&self) -> u64 {
        self.args.seed.or(self.definition.seed).unwrap_or_else(random_seed)
    }

    fn keeps(&self, played: &Result<Report, Failure>) -> bool {
        self.args.keep || !played.as_ref().is_ok_and(|report| report.passed)
    }

    async fn open(&self, store: &RunDir, observer: &Observer) -> Result<Scene, Failure> {
        let dir = self.args.data_dir.clone();
        if self.args.use_running {
            return Scene::running(DataDir::new(&dir.unwrap_or_else(|| ".meridian/local".into()))?).await;
        }
        let dir = DataDir::new(&dir.unwrap_or_else(|| store.path().join("cluster")))?;
        let (flags, topology) = (&self.args.shape, &self.definition.topology);
        let shape = ShapeArgs {
            regions: if flags.regions.is_empty() { topology.regions.clone() } else { flags.regions.clone() },
            nodes: flags.nodes.or(topology.nodes),
            witness: flags.witness.clone().or_else(|| topology.witness.clone()),
            ..ShapeArgs::default()
        };
        let wish = shape.wish();
        observer.event(format!("starting {} Regions of {} nodes", wish.regions.len(), wish.nodes));
        let scene = Scene::of_its_own(dir, &wish, Carriage::Supervisor, self.interrupt).await?;
        observer.event("every Region serves");
        Ok(scene)
    }

    /// Plays once and writes everything down.
    async fn play(
        &self,
        seed: u64,
        scene: &Scene,
        observer: &Arc<Observer>,
        store: &RunDir,
    ) -> Result<Report, Failure> {
        let run = Run { seed, pace: self.args.pace(self.definition), command: again(seed) };
        store.write("definition.toml", self.definition.text())?;
        match engine::play(self.definition, &run, scene, observer, self.interrupt).await {
            Ok(report) => {
                store.write("report.json", &to_json(&report)?)?;
                store.write("report.html", &html::page(&report))?;
                store.write("timeline.txt", &report.text())?;
                Ok(report)
            }
            Err(failure) => {
                // No verdict, but what was seen until then is worth keeping.
                observer.event(format!("stopped: {}", failure.explain()));
                let lines = observer
                    .events()
                    .into_iter()
                    .map(|event| format!("t+{:>7} ms  {}\n", event.at_ms, event.event));
                store.write("timeline.txt", &lines.collect::<String>())?;
                Err(failure)
            }
        }
    }
}

fn random_seed() -> u64 {
    let entropy: &mut dyn kms_types::Entropy = &mut OsEntropy;
    u64::from(u32::from_le_bytes(entropy.array()))
}

fn to_json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|error| Failure::DrillStopped(error.to_string()))
}

fn verdict(report: &Report) -> Result<(), Failure> {
    match report.failed().count() {
        0 => Ok(()),
        failed => Err(Failure::DrillFailed(failed)),
    }
}

/// The command line of this process with this seed, and without what is about many runs or about printing.
fn again(seed: u64) -> String {
    again_from(std::env::args().skip(1), seed)
}

fn again_from(words: impl Iterator<Item = String>, seed: u64) -> String {
    let (mut command, mut skip) = ("meridian".to_owned(), false);
    for word in words {
        let value_follows = matches!(word.as_str(), "--seed" | "--repeat");
        let drop = value_follows || word.starts_with("--seed=") || word.starts_with("--repeat=");
        if !std::mem::replace(&mut skip, value_follows)
            && !drop
            && !matches!(word.as_str(), "--json" | "--fresh")
        {
            command.push(' ');
            command.push_str(&quoted(&word));
        }
    }
    format!("{command} --seed {seed}")
}

fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=./,:@+%".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> impl Iterator<Item = String> {
        line.split(' ').map(str::to_owned)
    }

    #[test]
    fn command_to_repeat_a_run_names_its_seed_only() {
        let line = "drill region-loss --seed 1 --quick --repeat 100 --fresh --json --rate 5";
        assert_eq!(again_from(words(line), 7), "meridian drill region-loss --quick --rate 5 --seed 7");
        assert_eq!(again_from(words("drill run --seed=1 my.toml"), 7), "meridian drill run my.toml --seed 7");
    }

    #[test]
    fn words_that_a_shell_would_change_are_quoted() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted("lost=us-east-1"), "lost=us-east-1");
    }

    #[test]
    fn part_is_a_name_and_a_region() {
        assert_eq!(part("lost=eu-west-1").unwrap(), ("lost".to_owned(), "eu-west-1".parse().unwrap()));
        assert!(part("lost").is_err() && part("lost=Europe").is_err());
    }
}
