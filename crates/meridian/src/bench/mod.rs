//! `meridian bench`: throughput of one node and one Region, as ratios to what the same machine does without Meridian's
//! work: the same server's `GET /health`, and a plain write and fdatasync on the same disk.
//!
//! Figures of one run on one machine compare with each other and with nothing else.

use crate::say::say;
mod disk;
mod http_load;
mod operations;
mod result;

use clap::{Args, Subcommand};
use kms_types::Region;
use serde_json::{Value, json};
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use tokio_util::sync::CancellationToken;

use crate::{
    admin::Operator,
    drill::scene::Scene,
    failure::Failure,
    local::{generate::Wish, layout::DataDir, links::Carriage},
};
use http_load::{Case, measure};
use result::{Bench, Line};

/// Examples of the command.
pub const EXAMPLES: &str = "Examples:
  meridian bench
  meridian bench --seconds 5 --connections 1,16,128 --json
  meridian bench operations";

const REGION: &str = "us-east-1";
const PLAINTEXT_BYTES: usize = 32;

/// Flags of `bench`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BenchArgs {
    #[command(subcommand)]
    what: Option<BenchCommand>,
    /// How long each measurement takes, in seconds.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Connections at once, one call at a time on each.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 64])]
    connections: Vec<usize>,
    /// Where the cluster of the benchmark lives while it runs; its disk is the one that is measured.
    #[arg(long, value_name = "DIR", default_value = ".meridian")]
    data_dir: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Benchmarks of another kind.
#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// Compare every cryptographic operation's request with its library call.
    #[command(after_help = operations::EXAMPLES)]
    Operations(operations::OperationsArgs),
}

/// Runs every measurement on a Region of three nodes of its own.
pub async fn run(args: &BenchArgs) -> Result<(), Failure> {
    match &args.what {
        Some(BenchCommand::Operations(args)) => operations::run(args).await,
        None => throughput(args).await,
    }
}

async fn throughput(args: &BenchArgs) -> Result<(), Failure> {
    if !(0.05..=600.0).contains(&args.seconds) || args.connections.iter().any(|n| !(1..=1024).contains(n)) {
        return Err(Failure::Usage("--seconds is 0.05 to 600, --connections are 1 to 1024 each".into()));
    }
    let region: Region = REGION.parse().map_err(|error| Failure::Bench(format!("{error}")))?;
    let wish = Wish { regions: vec![region.clone()], witness: None, nodes: 3, port: None, gateway: None };
    let own = args.data_dir.join(format!("bench-{}", std::process::id()));
    let scene =
        Scene::of_its_own(DataDir::new(&own)?, &wish, Carriage::Direct, &CancellationToken::new()).await?;
    let measured = tokio::select! {
        measured = all(args, &scene, &region) => measured,
        _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted),
    };
    scene.close(false).await?;
    let bench = measured?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&bench).unwrap_or_default());
    } else {
        say!("{}", bench.text().trim_end());
    }
    Ok(())
}

async fn all(args: &BenchArgs, scene: &Scene, region: &Region) -> Result<Bench, Failure> {
    let time = Duration::from_secs_f64(args.seconds);
    let (nodes, leader) = nodes(scene, region).await?;
    let key = create_key(leader, region).await?;
    let sealed = seal(leader, region, &key).await?;
    let mut bench = Bench::new(args.seconds, PLAINTEXT_BYTES);
    for connections in args.connections.iter().copied() {
        let one = |case| measure(case, vec![leader], region.clone(), connections, time);
        let health = one(Case::Health).await?;
        let encrypt = one(Case::call("Encrypt", json!({ "KeyId": key, "Plaintext": plaintext() }))).await?;
        let decrypt = one(Case::call("Decrypt", json!({ "CiphertextBlob": sealed }))).await?;
        bench.cryptography.push(Line::new("GET /health", connections, &health, health.per_second));
        bench.cryptography.push(Line::new("Encrypt", connections, &encrypt, health.per_second));
        bench.cryptography.push(Line::new("Decrypt", connections, &decrypt, health.per_second));
    }
    let dir = scene.dir.root().to_owned();
    let syncs = tokio::task::spawn_blocking(move || disk::syncs(&dir, time)).await;
    let syncs = syncs.map_err(|error| Failure::Bench(error.to_string()))??;
    bench.management.push(Line::new("write 1 KiB + fdatasync", 1, &syncs, syncs.per_second));
    for connections in args.connections.iter().copied() {
        let case = Case::call("CreateKey", json!({}));
        let create = measure(case, nodes.clone(), region.clone(), connections, time).await?;
        bench.management.push(Line::new("CreateKey", connections, &create, syncs.per_second));
    }
    Ok(bench)
}

/// The API addresses of all nodes, and of the leader.
async fn nodes(scene: &Scene, region: &Region) -> Result<(Vec<SocketAddr>, SocketAddr), Failure> {
    let none = || Failure::Bench(format!("`{region}` has no leader"));
    let plan = scene.region(region).ok_or_else(none)?;
    let leader = Operator::of_cluster(&scene.dir)?.leader(&scene.cluster(), region).await.ok_or_else(none)?;
    let leader = plan.nodes.iter().find(|node| node.id == leader).ok_or_else(none)?;
    Ok((plan.nodes.iter().map(|node| node.api()).collect(), leader.api()))
}

fn plaintext() -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    BASE64_STANDARD.encode([7; PLAINTEXT_BYTES])
}

async fn create_key(node: SocketAddr, region: &Region) -> Result<String, Failure> {
    text(&call(node, region, "CreateKey", json!({})).await?, "/KeyMetadata/KeyId")
}

async fn seal(node: SocketAddr, region: &Region, key: &str) -> Result<String, Failure> {
    let body = json!({ "KeyId": key, "Plaintext": plaintext() });
    text(&call(node, region, "Encrypt", body).await?, "/CiphertextBlob")
}

async fn call(node: SocketAddr, region: &Region, operation: &str, body: Value) -> Result<Value, Failure> {
    let client = crate::api::client(&format!("http://{node}"), region, Duration::from_secs(10));
    client.call(operation, body).await.map_err(|error| Failure::Bench(format!("{operation}: {error}")))
}

/// A text of an answer. An error does not repeat the answer, which may hold a plaintext.
fn text(answer: &Value, pointer: &str) -> Result<String, Failure> {
    let found = answer.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    found.ok_or_else(|| Failure::Bench(format!("no {pointer} in an answer")))
}
