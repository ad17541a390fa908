//! `meridian region promote` and `meridian key promote`.

use clap::Args;
use kms_transport::admin_messages as messages;
use kms_types::{KeyId, Region};
use serde_json::json;
use std::io::{BufRead, IsTerminal, Write};

use crate::{
    admin::PromotedKey,
    failure::Failure,
    operate::access::{Access, AccessArgs, refused},
    say::say,
};

/// Flags of `region promote`.
#[derive(Debug, Args)]
pub struct PromoteArgs {
    /// The Region that is lost.
    #[arg(required_unless_present = "key", conflicts_with = "key")]
    lost: Option<Region>,
    /// Promote for this key only.
    #[arg(long, value_name = "KEY_ID")]
    key: Option<KeyId>,
    #[command(flatten)]
    how: HowArgs,
}

/// Flags of `key promote`.
#[derive(Debug, Args)]
pub struct PromoteKeyArgs {
    /// The key.
    key: KeyId,
    #[command(flatten)]
    how: HowArgs,
}

/// What both kinds of promotion leave to choose.
#[derive(Debug, Args)]
struct HowArgs {
    /// The Region that becomes primary [default: a local cluster's first data Region that is not lost].
    #[arg(long = "in", value_name = "REGION")]
    candidate: Option<Region>,
    /// Proceed without a majority of voting Regions. What the lost Regions acknowledged last may be missing.
    #[arg(long = "unsafe")]
    unsafe_promotion: bool,
    /// The typed confirmation of --unsafe: the name of the Region that becomes primary.
    #[arg(long, value_name = "REGION", requires = "unsafe_promotion")]
    confirm: Option<String>,
    #[command(flatten)]
    access: AccessArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `key promote`.
pub async fn promote_key(args: PromoteKeyArgs) -> Result<(), Failure> {
    promote(&PromoteArgs { lost: None, key: Some(args.key), how: args.how }).await
}

/// Runs `region promote`.
pub(super) async fn promote(args: &PromoteArgs) -> Result<(), Failure> {
    let access = args.how.access.open()?;
    let candidate = args.how.candidate.clone().or_else(|| default_candidate(&access, args.lost.as_ref()));
    let mut client = access.leader(candidate.as_ref()).await?;
    let what = match (&args.key, &args.lost) {
        (Some(key), _) => messages::region_promote_request::What::Key(key.to_string()),
        (None, Some(lost)) => messages::region_promote_request::What::LostRegion(lost.to_string()),
        (None, None) => return Err(Failure::Usage("name the lost Region or a --key".into())),
    };
    let request = messages::RegionPromoteRequest {
        what: Some(what),
        unsafe_without_majority: args.how.unsafe_promotion,
        confirmation: if args.how.unsafe_promotion { confirmation(&args.how)? } else { String::new() },
    };
    let reply = client.region_promote(request).await.map_err(refused)?;
    let keys: Vec<PromotedKey> = reply.keys.into_iter().map(PromotedKey::from).collect();
    print_promoted(&keys, args.how.json);
    match keys.iter().filter(|key| !key.promoted).count() {
        0 => Ok(()),
        failed => Err(Failure::Admin(format!("{failed} of {} keys were not promoted", keys.len()))),
    }
}

fn default_candidate(access: &Access, lost: Option<&Region>) -> Option<Region> {
    access.cluster()?.data_regions().map(|r| &r.name).find(|name| Some(*name) != lost).cloned()
}

/// Break-glass is typed, not clicked: the flag, or the name at a terminal.
fn confirmation(how: &HowArgs) -> Result<String, Failure> {
    if let Some(confirm) = &how.confirm {
        return Ok(confirm.clone());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage(
            "--unsafe needs --confirm REGION, the Region that becomes primary".into(),
        ));
    }
    eprint!(
        "Without a majority of Regions, changes that the lost Regions acknowledged may be missing.\n\
         Type the name of the Region that becomes primary: "
    );
    let _ = std::io::stderr().flush();
    let mut line = String::new();
    let _ = std::io::stdin().lock().read_line(&mut line);
    Ok(line.trim().to_owned())
}

fn print_promoted(keys: &[PromotedKey], as_json: bool) {
    if as_json {
        say!("{}", json!({ "keys": keys }));
        return;
    }
    for key in keys {
        let verdict = if key.promoted { "promoted" } else { "not promoted" };
        say!("{} {verdict} {}", key.key, key.detail);
    }
    say!("{} keys, {} promoted", keys.len(), keys.iter().filter(|key| key.promoted).count());
}
