//! `meridian bench operations`: for every cryptographic operation, the library call alone and the whole request, as a
//! ratio, from one run on one machine.
//!
//! The library call is the function of `kms-crypto` that the node ends up in, with material in the clear at hand. The
//! request is what one client on one connection waits for, at the leader of a Region of three nodes: signature, parsing,
//! linearizable view, authorization, unwrapping, the library call, audit record on disk, answer.

mod case;
mod figures;
mod library;
mod plan;
mod server;

use clap::Args;
use kms_types::Region;
use std::{io::IsTerminal, path::PathBuf, time::Duration};
use tokio_util::sync::CancellationToken;

use crate::{
    bench::http_load::{Case, measure},
    drill::scene::Scene,
    failure::Failure,
    local::{generate::Wish, layout::DataDir, links::Carriage},
    say::say,
};
use figures::{Figures, Row};
use plan::Plan;
use server::Server;

/// Examples of the command.
pub(super) const EXAMPLES: &str = "Examples:
  meridian bench operations
  meridian bench operations --only RSA_2048
  meridian bench operations --only Sign --seconds 3 --json";

/// Flags of `bench operations`.
#[derive(Debug, Args)]
pub(super) struct OperationsArgs {
    /// How long the requests of one operation are measured, in seconds; the library call gets half of it.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Only rows whose name contains this, for example `Sign`, `RSA_4096` or `ML_DSA`.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Where the cluster of the benchmark lives while it runs.
    #[arg(long, value_name = "DIR", default_value = ".meridian")]
    data_dir: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Measures on a Region of three nodes of its own.
pub(super) async fn run(args: &OperationsArgs) -> Result<(), Failure> {
    if !(0.02..=600.0).contains(&args.seconds) {
        return Err(Failure::Usage("--seconds is 0.02 to 600".into()));
    }
    let plans = wanted(args.only.as_deref())?;
    let region: Region = super::REGION.parse().map_err(|error| Failure::Bench(format!("{error}")))?;
    let wish = Wish { regions: vec![region.clone()], witness: None, nodes: 3, port: None, gateway: None };
    let own = args.data_dir.join(format!("bench-{}", std::process::id()));
    let scene =
        Scene::of_its_own(DataDir::new(&own)?, &wish, Carriage::Direct, &CancellationToken::new()).await?;
    let measured = tokio::select! {
        measured = all(args, &plans, &scene, &region) => measured,
        _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted),
    };
    scene.close(false).await?;
    let figures = measured?;
    match args.json {
        true => say!("{}", serde_json::to_string_pretty(&figures).unwrap_or_default()),
        false => say!("{}", figures.text().trim_end()),
    }
    Ok(())
}

fn wanted(only: Option<&str>) -> Result<Vec<Plan>, Failure> {
    let chosen = |plan: &Plan| only.is_none_or(|text| plan.name().contains(text));
    let plans: Vec<Plan> = plan::all().into_iter().filter(chosen).collect();
    if plans.is_empty() {
        return Err(Failure::Usage(format!("no operation's name contains `{}`", only.unwrap_or_default())));
    }
    Ok(plans)
}

async fn all(
    args: &OperationsArgs,
    plans: &[Plan],
    scene: &Scene,
    region: &Region,
) -> Result<Figures, Failure> {
    let time = Duration::from_secs_f64(args.seconds);
    let (_, leader) = super::nodes(scene, region).await?;
    let mut server = Server::new(leader, region);
    let progress = Progress { of: plans.len(), shown: std::io::stderr().is_terminal() };
    let request = |case| measure(case, vec![leader], region.clone(), 1, time);
    let mut figures = Figures::new(args.seconds, request(Case::Health).await?.p50);
    for (at, plan) in plans.iter().enumerate() {
        progress.tell(at, plan);
        let case = case::build(plan, &mut server).await?;
        let library = library::median(case.library, time / 2).await?;
        let opening = match case.opening {
            Some(call) => Some(library::median(call, time / 4).await?),
            None => None,
        };
        let measured = request(Case::call(plan.operation(), case.body)).await?;
        figures.rows.push(Row::new(plan, library, opening, &measured));
    }
    progress.done();
    Ok(figures)
}

/// One line on a terminal, rewritten for each row.
struct Progress {
    of: usize,
    shown: bool,
}

impl Progress {
    fn tell(&self, at: usize, plan: &Plan) {
        if self.shown {
            eprint!("\r\x1b[K{} of {}  {}", at + 1, self.of, plan.name());
        }
    }

    fn done(&self) {
        if self.shown {
            eprint!("\r\x1b[K");
        }
    }
}
