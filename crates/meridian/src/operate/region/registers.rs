//! `meridian region registers`: a snapshot of what a Region has agreed on, without any material.

use clap::Args;
use kms_transport::admin_messages as messages;
use kms_types::{KeyId, Region};
use serde_json::{Value, json};
use std::{fs, io::Write, path::PathBuf};

use crate::{
    failure::{Failure, io_error},
    operate::access::{AccessArgs, refused},
    say::say,
};

pub(super) const EXAMPLES: &str = "Examples:
  meridian region registers --in eu-west-1
  meridian region registers --in eu-west-1 --key mrk-0123...
  meridian region registers --in eu-west-1 --output registers.jsonl    one JSON object per line";
/// Registers asked for at a time.
const PAGE: u32 = 250;

/// Flags of `region registers`.
#[derive(Debug, Args)]
pub struct RegistersArgs {
    /// This key only.
    #[arg(long, value_name = "KEY_ID")]
    key: Option<KeyId>,
    /// Write one JSON object per line into this file.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The Region [default: that of --admin, or a local cluster's first].
    #[arg(long = "in", value_name = "REGION")]
    region: Option<Region>,
    #[command(flatten)]
    access: AccessArgs,
    /// Print one JSON object per line.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) async fn run(args: &RegistersArgs) -> Result<(), Failure> {
    let mut leader = args.access.open()?.leader(args.region.as_ref()).await?;
    let mut file = match &args.output {
        Some(path) => Some((path, fs::File::create(path).map_err(io_error("create", path))?)),
        None => None,
    };
    let key = args.key.map(|key| key.to_string()).unwrap_or_default();
    let (mut after, mut count) = (String::new(), 0_usize);
    loop {
        let request = messages::RegionRegistersRequest { after, most: PAGE, key: key.clone() };
        let page = leader.region_registers(request).await.map_err(refused)?;
        for register in &page.registers {
            match &mut file {
                Some((path, file)) => {
                    writeln!(file, "{}", as_json(register, page.index)).map_err(io_error("write", path))?;
                }
                None if args.json => say!("{}", as_json(register, page.index)),
                None => print(register),
            }
        }
        count += page.registers.len();
        match page.registers.last().filter(|_| page.more) {
            Some(last) => after = last.key.clone(),
            None => break,
        }
    }
    if let Some((path, file)) = file {
        file.sync_all().map_err(io_error("sync", path))?;
        say!("{count} registers in `{}`", path.display());
    }
    Ok(())
}

fn as_json(register: &messages::RegisterView, index: u64) -> Value {
    json!({
        "key": register.key,
        "promised": register.promised,
        "accepted": register.accepted,
        "committed": register.committed,
        "primary": register.primary,
        "members": register.members,
        "phase": register.phase,
        "current": register.current,
        "materials": register.materials,
        "displaced": register.displaced,
        "unsafe_promotions": register.unsafe_promotions,
        "sequence": register.sequence,
        "read_at_index": index,
    })
}

fn print(register: &messages::RegisterView) {
    let outstanding = match register.accepted == register.committed {
        true => String::new(),
        false => format!("  accepted {}", register.accepted),
    };
    say!(
        "{}  committed {}{outstanding}  promised {}  {}  primary {}  members {}",
        register.key,
        register.committed,
        register.promised,
        register.phase,
        register.primary,
        register.members.join(", ")
    );
}
