//! `meridian drill region-loss`: what may be asked of it, where it plays, what is kept of it.

use crate::say::say;
mod homecoming;
mod loss;
mod stage;

use clap::Args;
use kms_types::{NodeId, Region};
use std::{path::PathBuf, sync::Arc};

use crate::{
    drill::{observer::Observer, report::Report, scene::Scene, store::RunDir},
    failure::Failure,
    local::{layout::DataDir, up::ShapeArgs},
};

const NAME: &str = "region-loss";

/// Flags of `drill region-loss`.
#[derive(Debug, Args)]
pub struct RegionLossArgs {
    /// Use the local cluster that runs in --data-dir instead of one of the drill's own.
    #[arg(long)]
    use_running: bool,
    /// The directory of the cluster to use, or to make [default: below the report].
    #[arg(long, value_name = "DIR", env = "MERIDIAN_DATA_DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    shape: Shape,
    /// The Region to lose [default: the cluster's first data Region].
    #[arg(long, value_name = "REGION")]
    lost: Option<Region>,
    /// The Region that takes over [default: the first other data Region].
    #[arg(long, value_name = "REGION")]
    promote: Option<Region>,
    /// How long calls run, in seconds: a third before the loss, a third during it, a third after the return.
    #[arg(long, value_name = "SECS", default_value_t = 24)]
    duration: u64,
    /// Operations per second in each Region.
    #[arg(long, default_value_t = 20)]
    rate: u32,
    /// Multi-Region keys whose primary is the Region that will be lost.
    #[arg(long, value_name = "N", default_value_t = 4)]
    keys: usize,
    /// Seed of every choice [default: random, and reported].
    #[arg(long)]
    seed: Option<u64>,
    /// Also fail if calls or shared changes stood still for longer than this.
    #[arg(long, value_name = "SECS")]
    rto: Option<f64>,
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
    /// The data Regions of the drill's own cluster [default: us-east-1,eu-west-1,ap-southeast-2].
    #[arg(long, value_delimiter = ',', value_name = "REGION,...", conflicts_with = "use_running")]
    regions: Vec<Region>,
    /// Nodes per Region of the drill's own cluster [default: 3].
    #[arg(long, conflicts_with = "use_running")]
    nodes: Option<NodeId>,
    /// Add a witness Region to the drill's own cluster.
    #[arg(long, value_name = "REGION", num_args = 0..=1, default_missing_value = "eu-central-1", conflicts_with = "use_running")]
    witness: Option<Region>,
}

/// Runs the drill; an error if anything was not as promised.
pub async fn run(args: &RegionLossArgs) -> Result<(), Failure> {
    let store = RunDir::create(&args.store, NAME)?;
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .map_err(crate::failure::io_error("handle signals of", std::path::Path::new("this process")))?;
    let observer = Arc::new(Observer::new());
    let scene = open_scene(args, &store, &observer).await?;
    let played = tokio::select! {
        played = stage::play(args, &scene, &observer) => played,
        _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted),
        _ = terminate.recv() => Err(Failure::Interrupted),
    };
    let keep = args.keep || !played.as_ref().is_ok_and(|report| report.passed);
    scene.close(keep).await?;
    match played {
        Ok(report) => finish(args, &store, report),
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

async fn open_scene(args: &RegionLossArgs, store: &RunDir, observer: &Observer) -> Result<Scene, Failure> {
    let dir = args.data_dir.clone();
    if args.use_running {
        return Scene::running(DataDir::new(&dir.unwrap_or_else(|| ".meridian/local".into()))?).await;
    }
    let dir = DataDir::new(&dir.unwrap_or_else(|| store.path().join("cluster")))?;
    let Shape { regions, nodes, witness } = &args.shape;
    let shape = ShapeArgs {
        regions: regions.clone(),
        nodes: *nodes,
        witness: witness.clone(),
        ..ShapeArgs::default()
    };
    let wish = shape.wish();
    observer.event(format!("starting {} Regions of {} nodes", wish.regions.len(), wish.nodes));
    let scene = Scene::of_its_own(dir, &wish).await?;
    observer.event("every Region serves");
    Ok(scene)
}

fn finish(args: &RegionLossArgs, store: &RunDir, report: Report) -> Result<(), Failure> {
    let json =
        serde_json::to_string_pretty(&report).map_err(|error| Failure::DrillStopped(error.to_string()))?;
    let text = report.text();
    let path = store.write("report.json", &json)?;
    store.write("timeline.txt", &text)?;
    store.link_latest()?;
    if args.json {
        say!("{json}");
    } else {
        say!("\n{text}Report: {}", path.display());
    }
    match report.failed().count() {
        0 => Ok(()),
        failed => Err(Failure::DrillFailed(failed)),
    }
}
