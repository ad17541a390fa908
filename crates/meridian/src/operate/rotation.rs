//! `meridian rotation status`: what keys wait for, and who has not acknowledged.

use clap::{Args, Subcommand};
use kms_transport::admin_messages as messages;
use kms_types::{KeyId, Region};
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    operate::access::{Access, AccessArgs, refused},
    say::say,
};

/// Commands of `meridian rotation`.
#[derive(Debug, Subcommand)]
pub enum RotationCommand {
    /// Show rotations, imports and replications that are not complete, and the Regions that they wait for.
    #[command(after_help = "Examples:
  meridian rotation status                        every Region of a local cluster
  meridian rotation status --in us-east-1 --json
  meridian rotation status --key mrk-0123...")]
    Status(StatusArgs),
}

/// Flags of `rotation status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// This key only.
    #[arg(long, value_name = "KEY_ID")]
    key: Option<KeyId>,
    /// The primary Region [default: that of --admin, or every data Region of a local cluster].
    #[arg(long = "in", value_name = "REGION")]
    region: Option<Region>,
    #[command(flatten)]
    access: AccessArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(command: &RotationCommand) -> Result<(), Failure> {
    let RotationCommand::Status(args) = command;
    let access = args.access.open()?;
    let mut all = Vec::new();
    for region in regions(args, &access) {
        let request =
            messages::RotationStatusRequest { key: args.key.map(|k| k.to_string()).unwrap_or_default() };
        let asked =
            async { access.leader(region.as_ref()).await?.rotation_status(request).await.map_err(refused) };
        let answer = asked.await;
        let name = region.map(|region| region.to_string()).unwrap_or_default();
        all.push((name, answer));
    }
    if all.iter().all(|(_, reply)| reply.is_err())
        && let Some((_, Err(error))) = all.pop()
    {
        return Err(error);
    }
    if args.json {
        say!("{}", Value::Array(all.iter().map(as_json).collect()));
        return Ok(());
    }
    all.iter().for_each(print);
    Ok(())
}

fn regions(args: &StatusArgs, access: &Access) -> Vec<Option<Region>> {
    match (&args.region, access.cluster()) {
        (None, Some(cluster)) => cluster.data_regions().map(|region| Some(region.name.clone())).collect(),
        (region, _) => vec![region.clone()],
    }
}

type Answer = (String, Result<messages::RotationStatusReply, Failure>);

fn as_json((region, reply): &Answer) -> Value {
    let waiting = |w: &messages::Waiting| json!({ "key": w.key, "what": w.what, "material": w.material, "waiting_for": w.regions, "waiting_ms": w.waiting_ms });
    match reply {
        Ok(reply) => {
            json!({ "region": region, "waiting": reply.waiting.iter().map(waiting).collect::<Vec<_>>() })
        }
        Err(error) => json!({ "region": region, "error": error.explain() }),
    }
}

fn print((region, reply): &Answer) {
    match reply {
        Err(error) => say!("{region}  {}", error.explain()),
        Ok(reply) if reply.waiting.is_empty() => say!("{region}  nothing waits"),
        Ok(reply) => reply.waiting.iter().for_each(|waiting| {
            let regions = waiting.regions.join(", ");
            let whom = if regions.is_empty() { "the last step".to_owned() } else { regions };
            let since = waiting.waiting_ms.map(|ms| format!(" for {} s", ms / 1_000)).unwrap_or_default();
            say!("{region}  {} {} waits{since} for {whom}", waiting.key, waiting.what);
        }),
    }
}
