//! What the Region's leader proposes by itself when Region time has come. `apply` refuses whatever is not due, so that a
//! proposal made twice, or on an old view, does nothing.

use kms_state::{Command, Key, Lifecycle, Origin, Proposal, State};
use kms_types::{NodeId, ProposalId, Region, RotationType, Timestamp};

use crate::{Env, material, rotate_key_on_demand::announce};

/// Proposals of one round; the rest waits for the next, so that a backlog costs no unbounded work.
const MOST: usize = 64;

/// Automatic rotations, deletions of single-Region keys and expiries of imported material that are due in Region time. The deletion of multi-Region
/// keys is agreed between the Regions and not proposed here.
pub fn due_proposals(view: &State, env: &mut Env<'_>, node: NodeId) -> Vec<Proposal> {
    let Some(region) = view.region() else { return Vec::new() };
    let now = view.region_time();
    let mut proposals = Vec::new();
    for key in view.due(now).filter_map(|id| view.key(&id)) {
        if proposals.len() == MOST {
            break;
        }
        if let Some(command) = due_command(view, region, key, now, env) {
            let id = ProposalId::from_random(env.entropy.array());
            proposals.push(Proposal { id, origin: Origin::Service { node }, expect: None, command });
        }
    }
    proposals
}

fn due_command(
    view: &State,
    region: &Region,
    key: &Key,
    now: Timestamp,
    env: &mut Env<'_>,
) -> Option<Command> {
    // Whatever state the key is in: ValidTo is a promise.
    if key.expiries().any(|at| at <= now) {
        return Some(Command::ExpireMaterials { key: key.id });
    }
    match key.lifecycle {
        Lifecycle::PendingDeletion { delete_at, .. } if delete_at <= now && key.multi_region.is_none() => {
            Some(Command::DestroyKey { key: key.id })
        }
        Lifecycle::Enabled if key.rotation.automatic.is_some_and(|a| a.next_at <= now) => {
            rotation(view, region, key, now, env)
        }
        _ => None,
    }
}

/// A node without a domain key draws nothing: another leader will.
fn rotation(view: &State, region: &Region, key: &Key, now: Timestamp, env: &mut Env<'_>) -> Option<Command> {
    let trigger = RotationType::Automatic;
    if key.multi_region.is_none() {
        let material = material::draw(env, &key.id, key.spec).ok()?;
        let most_on_demand = env.settings.quotas.on_demand_rotations;
        return Some(Command::Rotate { key: key.id, material, trigger, most_on_demand });
    }
    let register = view.register(&key.id).filter(|r| !r.has_outstanding())?;
    let base = register.committed.as_deref().filter(|r| r.primary == *region && r.staged().is_none())?;
    let material = material::draw(env, &key.id, key.spec).ok()?;
    let record = base.stage(announce(&material, now, trigger), now).ok()?;
    Some(Command::ProposeRecord {
        record: Box::new(record),
        base: base.version.clone(),
        material: Some(material),
    })
}
