//! `meridian region prepare`: the keys and the identity of a Region that is to come in. Contacts nobody.

use clap::Args;
use kms_crypto::SigningKey;
use kms_rootkey::FileProvider;
use kms_transport::pki::Authority;
use kms_types::{Entropy, Incarnation, NodeId, Region};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

use crate::{
    clock::now,
    entropy::OsEntropy,
    failure::{Failure, io_error},
    local::generate::{private_dir, write_private},
    say::say,
};

pub(super) const EXAMPLES: &str = "Examples:
  meridian region prepare ap-south-1 --output /etc/meridian/ap-south-1
  meridian region prepare eu-central-1 --witness --output ./witness
  meridian region prepare ap-south-1 --output ./ap-south-1 --ca-dir ./pki --nodes 3    certificates too
A Region that lost everything, or whose disks went back to an earlier state, is prepared anew, for an empty data directory.";

/// Flags of `region prepare`.
#[derive(Debug, Args)]
pub struct PrepareArgs {
    /// The Region.
    region: Region,
    /// A witness: it votes and holds no key material.
    #[arg(long)]
    witness: bool,
    /// Where to write `region.json`, `signing.key`, and for a data Region `root.key`. Must not hold any of them.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// The directory with `ca.pem` and `ca.key` of the deployment: certificates of the nodes are written too.
    #[arg(long, value_name = "DIR", requires = "nodes")]
    ca_dir: Option<PathBuf>,
    /// How many nodes.
    #[arg(long, requires = "ca_dir")]
    nodes: Option<NodeId>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What `region invite` has to know of a Region; nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PreparedRegion {
    /// The Region.
    pub(super) region: Region,
    /// `data` or `witness`.
    pub(super) role: String,
    /// The identity of its history, drawn here.
    pub(super) incarnation: Incarnation,
    /// The public half of its signing key, in hex.
    pub(super) verifying_key: String,
}

impl PreparedRegion {
    /// Reads `region.json`, or the one in a directory.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let path = if path.is_dir() { path.join("region.json") } else { path.to_owned() };
        let text = fs::read(&path).map_err(io_error("read", &path))?;
        serde_json::from_slice(&text).map_err(|source| Failure::Damaged { path, source: source.into() })
    }
}

/// Runs the command.
pub(super) fn run(args: &PrepareArgs) -> Result<(), Failure> {
    private_dir(&args.output)?;
    let entropy: &mut dyn Entropy = &mut OsEntropy;
    let failed =
        |what: &str, why: String| Failure::Create { what: format!("{what} of {}", args.region), why };
    let seed = Zeroizing::new(entropy.array::<32>());
    let text = Zeroizing::new(hex::encode(seed.as_slice()));
    write_private(&args.output.join("signing.key"), text.as_bytes())?;
    if !args.witness {
        let path = args.output.join("root.key");
        FileProvider::create(path, entropy).map_err(|e| failed("the root key", e.to_string()))?;
    }
    let prepared = PreparedRegion {
        region: args.region.clone(),
        role: if args.witness { "witness".into() } else { "data".into() },
        incarnation: Incarnation::from_random(entropy.array()),
        verifying_key: hex::encode(SigningKey::from_seed(seed).verifying().0),
    };
    if let (Some(ca), Some(nodes)) = (&args.ca_dir, args.nodes) {
        certificates(args, ca, nodes).map_err(|why| failed("the certificates", why))?;
    }
    let json = serde_json::to_string_pretty(&prepared).unwrap_or_default();
    let path = args.output.join("region.json");
    fs::write(&path, &json).map_err(io_error("write", &path))?;
    match args.json {
        true => say!("{json}"),
        false => say!(
            "{} is prepared in `{}`: `meridian region invite` lets it in",
            args.region,
            args.output.display()
        ),
    }
    Ok(())
}

fn certificates(args: &PrepareArgs, ca: &Path, nodes: NodeId) -> Result<(), String> {
    let authority = Authority::load(ca).map_err(|error| error.to_string())?;
    (1..=nodes).try_for_each(|node| {
        let issued = authority.issue_node(&args.region, node, now()).map_err(|error| error.to_string())?;
        issued.write(&args.output, &format!("node-{node}")).map_err(|error| error.to_string())
    })
}
