//! `meridian local add-region|remove-region`: Regions come and go while the cluster runs, by the directory change that the
//! others agree on ([ADR 0018](../../../../docs/adr/0018-directory-changes.md)). Drills use the same functions.

use clap::Args;
use kms_transport::{AdminClient, AdminError, admin_messages as messages};
use kms_types::{NodeId, Region};
use serde_json::json;
use std::{
    fs,
    time::{Duration, Instant},
};

use crate::{
    admin::Operator,
    entropy::OsEntropy,
    failure::{Failure, io_error},
    local::{
        clock,
        control::{self, Request},
        generate::{self, Places},
        identities,
        layout::{Cluster, DataDir, NodeKey, RegionPlan, Role},
        network::OutputArgs,
    },
};

const POLL: Duration = Duration::from_millis(100);
/// Processes are killed, not asked.
const END_TIMEOUT: Duration = Duration::from_secs(20);
const MOST_REGIONS: usize = 16;

/// Flags of `local add-region`.
#[derive(Debug, Args)]
pub struct AddRegionArgs {
    /// The Region.
    region: Region,
    /// A witness: one node that votes between Regions and holds no key material.
    #[arg(long, conflicts_with = "nodes")]
    witness: bool,
    /// How many nodes [default: as many as the first data Region has].
    #[arg(long)]
    nodes: Option<NodeId>,
    /// How long it may take until the Region serves and votes, in seconds.
    #[arg(long, value_name = "SECS", default_value_t = 60)]
    wait: u64,
    #[command(flatten)]
    output: OutputArgs,
}

/// Flags of `local remove-region`.
#[derive(Debug, Args)]
pub struct RemoveRegionArgs {
    /// The Region.
    region: Region,
    /// Proceed although no other Region holds some of its keys: they are lost with it, and given up.
    #[arg(long)]
    lose_keys: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Examples of the commands.
pub const ADD_EXAMPLES: &str = "Examples:
  meridian local add-region sa-east-1                  nodes are started, the others let it in, it votes
  meridian local add-region eu-central-1 --witness     the third vote of two data Regions
  aws kms replicate-key --key-id \"$key\" --replica-region sa-east-1     (a Region that came in has no key yet)";
/// See [`ADD_EXAMPLES`].
pub const REMOVE_EXAMPLES: &str = "Examples:
  meridian region promote sa-east-1 --in us-east-1     (its keys get another primary first)
  meridian local remove-region sa-east-1               the others remove it, its nodes end, its data is deleted
  meridian local remove-region sa-east-1 --lose-keys   although some of its keys have no replica elsewhere
  meridian local remove-region sa-east-1 && meridian local add-region sa-east-1     a new history under its name";

/// Runs `local add-region`.
pub async fn add(args: &AddRegionArgs) -> Result<(), Failure> {
    let dir = args.output.data_dir()?;
    let cluster = Cluster::open(&dir)?;
    let first = cluster.data_regions().next().map_or(1, |region| region.nodes.len());
    let (role, nodes) = match args.witness {
        true => (Role::Witness, 1),
        false => (Role::Data, args.nodes.unwrap_or(NodeId::try_from(first).unwrap_or(1))),
    };
    let newcomer = Newcomer {
        region: args.region.clone(),
        role,
        places: Places::free(role, nodes, &mut OsEntropy)?,
        wait: Duration::from_secs(args.wait),
    };
    let plan = let_in(&dir, newcomer).await?;
    let endpoint = plan.gateway.map(|port| format!("http://{}", super::layout::loopback(port)));
    let nodes: Vec<String> = plan.nodes.iter().map(|node| format!("{}/{}", plan.name, node.id)).collect();
    let serves = if let [one] = nodes.as_slice() {
        format!("its node {one} serves")
    } else {
        format!("its {} nodes serve", nodes.len())
    };
    let text = format!("{} is in: {serves}, and it votes with the others", plan.name);
    args.output
        .print(&text, json!({ "region": plan.name, "role": role, "endpoint": endpoint, "nodes": nodes }));
    Ok(())
}

/// Runs `local remove-region`.
pub async fn remove(args: &RemoveRegionArgs) -> Result<(), Failure> {
    let dir = args.output.data_dir()?;
    turn_out(&dir, &args.region, args.lose_keys).await?;
    let text = format!("{} is removed; its nodes have ended and its data is deleted", args.region);
    args.output.print(&text, json!({ "removed": args.region }));
    Ok(())
}

/// A Region that is to come in.
pub struct Newcomer {
    /// Its name.
    pub region: Region,
    /// Data or witness.
    pub role: Role,
    /// Its ports.
    pub places: Places,
    /// How long everything may take.
    pub wait: Duration,
}

/// Makes the Region, has the others let it in, starts its nodes, and returns when they serve, vote, and can be called by
/// users. A Region of this name that was removed a moment ago is waited for, until no key counts it as a member. What was
/// begun and not finished is taken up again: the others may have agreed on it meanwhile.
pub async fn let_in(dir: &DataDir, newcomer: Newcomer) -> Result<RegionPlan, Failure> {
    let Newcomer { region, role, places, wait } = newcomer;
    let (cluster, until) = (Cluster::open(dir)?, Instant::now() + wait);
    if cluster.region(&region).is_some() {
        return Err(Failure::Refused(format!("the cluster has a Region `{region}` already")));
    }
    if cluster.regions.len() >= MOST_REGIONS {
        return Err(Failure::Refused(format!("a local cluster has at most {MOST_REGIONS} Regions")));
    }
    // Only a cluster that runs can be asked.
    control::report(dir).await?;
    let plan = match prepared(dir, &region)? {
        Some(plan) => plan,
        None => prepare(dir, &region, role, places)?,
    };
    let again = |failure: Failure| {
        Failure::Refused(format!(
            "{}\n`{region}` is prepared and not let in: the same command takes it up again",
            failure.explain()
        ))
    };
    invite(dir, &cluster, &plan, until).await.map_err(again)?;
    control::request(dir, &Request::SetRegion { plan: plan.clone() }).await.map_err(again)?;
    let path = dir.prepared(&region);
    fs::remove_file(&path).map_err(io_error("remove", &path))?;
    takes_part(dir, &plan, until).await?;
    Ok(plan)
}

/// A Region that was made and not let in.
fn prepared(dir: &DataDir, region: &Region) -> Result<Option<RegionPlan>, Failure> {
    let path = dir.prepared(region);
    if path.exists() {
        let text = fs::read(&path).map_err(io_error("read", &path))?;
        let damaged = |source: serde_json::Error| Failure::Damaged { path, source: source.into() };
        return serde_json::from_slice(&text).map(Some).map_err(damaged);
    }
    match dir.region(region).exists() {
        true => Err(Failure::Refused(format!(
            "`{}` is there already, and a Region that comes in begins without a past",
            dir.region(region).display()
        ))),
        false => Ok(None),
    }
}

fn prepare(dir: &DataDir, region: &Region, role: Role, places: Places) -> Result<RegionPlan, Failure> {
    let plan = generate::newcomer(dir, region, role, places, &mut OsEntropy)?;
    let path = dir.prepared(region);
    let text = serde_json::to_vec_pretty(&plan)
        .map_err(|source| Failure::Damaged { path: path.clone(), source: source.into() })?;
    fs::write(&path, text).map_err(io_error("write", &path))?;
    Ok(plan)
}

/// Repeats what is refused: primaries may be about to drop an earlier Region of this name from their keys.
async fn invite(dir: &DataDir, cluster: &Cluster, plan: &RegionPlan, until: Instant) -> Result<(), Failure> {
    let request = messages::RegionInviteRequest {
        region: plan.name.to_string(),
        role: if plan.role == Role::Data { "data".into() } else { "witness".into() },
        incarnation: plan.incarnation.to_string(),
        verifying_key: plan.verifying_key.clone(),
        nodes: plan.nodes.iter().map(|node| node.cluster().to_string()).collect(),
    };
    loop {
        let mut leader = proposer(dir, cluster, &plan.name).await?;
        match leader.region_invite(request.clone()).await {
            Ok(reply) => {
                let path = dir.invitation(&plan.name);
                return fs::write(&path, reply.invitation).map_err(io_error("write", &path));
            }
            Err(AdminError::Refused(_) | AdminError::Unavailable(_)) if Instant::now() < until => {
                tokio::time::sleep(POLL).await;
            }
            Err(error) => return Err(Failure::Admin(error.to_string())),
        }
    }
}

/// The leader of the first other data Region that has one.
async fn proposer(dir: &DataDir, cluster: &Cluster, changed: &Region) -> Result<AdminClient, Failure> {
    let operator = Operator::of_cluster(dir)?;
    let mut last =
        Failure::Refused(format!("there is no other data Region that could decide about `{changed}`"));
    for region in cluster.data_regions().filter(|region| region.name != *changed) {
        match operator.connect_leader(region).await {
            Ok(client) => return Ok(client),
            Err(failure) => last = failure,
        }
    }
    Err(last)
}

/// Every node serves, the Region has read what the others agreed on, users can call it, and its time is theirs.
async fn takes_part(dir: &DataDir, plan: &RegionPlan, until: Instant) -> Result<(), Failure> {
    let (operator, cluster) = (Operator::of_cluster(dir)?, Cluster::open(dir)?);
    loop {
        let report = control::report(dir).await?;
        let serves = report.region(&plan.name).is_some_and(|seen| seen.nodes.iter().all(|node| node.ready));
        if serves && votes(&operator, plan).await {
            break;
        }
        if Instant::now() > until {
            let what = if serves { "has no vote yet" } else { "does not serve yet" };
            return Err(Failure::Refused(format!(
                "`{}` is let in and {what}: `meridian local status` shows how it goes on",
                plan.name
            )));
        }
        tokio::time::sleep(POLL).await;
    }
    // The others may have been moved forward before it came.
    clock::catch_up(dir, plan).await?;
    let left = until.saturating_duration_since(Instant::now()).max(Duration::from_secs(5));
    identities::everywhere(dir, &Cluster { regions: vec![plan.clone()], ..cluster }, left).await
}

async fn votes(operator: &Operator, plan: &RegionPlan) -> bool {
    let addresses: Vec<String> = plan.nodes.iter().map(|node| node.cluster().to_string()).collect();
    let views = futures::future::join_all(addresses.iter().map(|address| operator.status(address))).await;
    views.into_iter().flatten().any(|view| {
        view.is_leader() && view.directory.is_some_and(|directory| directory.votes && !directory.reading)
    })
}

/// Has the others remove the Region, ends its nodes, and deletes what it had. One that the others removed before is only
/// ended and deleted. Keys that no other Region holds stop it, unless they may be lost.
pub async fn turn_out(dir: &DataDir, region: &Region, lose_keys: bool) -> Result<(), Failure> {
    let cluster = Cluster::open(dir)?;
    let plan = cluster.region(region).cloned();
    let plan = plan.ok_or_else(|| Failure::Refused(format!("the cluster has no Region `{region}`")))?;
    if is_voter(dir, &cluster, region).await? {
        let request = messages::RegionRemoveRequest {
            region: region.to_string(),
            unsafe_without_majority: false,
            // The local command is confirmed by the name that was typed for it.
            confirmation: region.to_string(),
            lose_keys,
        };
        let mut leader = proposer(dir, &cluster, region).await?;
        leader.region_remove(request).await.map_err(|error| Failure::Admin(error.to_string()))?;
    }
    control::request(dir, &Request::DropRegion { region: region.clone() }).await?;
    let nodes = plan.nodes.iter().map(|node| NodeKey { region: region.clone(), id: node.id });
    ended(dir, &nodes.collect::<Vec<_>>()).await?;
    let path = dir.region(region);
    fs::remove_dir_all(&path).map_err(io_error("remove", &path))
}

/// Whether the others still count the Region's vote.
async fn is_voter(dir: &DataDir, cluster: &Cluster, region: &Region) -> Result<bool, Failure> {
    let operator = Operator::of_cluster(dir)?;
    for node in cluster.nodes().filter(|(key, _)| key.region != *region).map(|(_, node)| node) {
        let view = operator.status(&node.cluster().to_string()).await;
        if let Some(directory) = view.ok().and_then(|view| view.directory) {
            return Ok(directory.voters.iter().any(|voter| voter == region.as_str()));
        }
    }
    Err(Failure::Refused(format!("no other Region answers that could decide about `{region}`")))
}

/// Waits until the processes are gone: who reaps them removes the files with their ids.
pub async fn ended(dir: &DataDir, nodes: &[NodeKey]) -> Result<(), Failure> {
    let until = Instant::now() + END_TIMEOUT;
    while let Some(node) = nodes.iter().find(|node| dir.node_pid(node).exists()) {
        if Instant::now() > until {
            return Err(Failure::Refused(format!("{node} has not ended after {END_TIMEOUT:?}")));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
