//! RotateKeyOnDemand [KMS:RotateKeyOnDemand].

use kms_types::KeyArn;

use crate::{
    AuditFacts, Env, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    propose::{RecordChange, propose_quietly, propose_record},
    resolve::{Forms, resolve},
    rotation_schedule, shared, state_table,
};
use crate::{Quota, material};
use kms_state::{Command, MaterialInfo, MaterialStatus, NewMaterial};
use kms_types::{KeyOrigin, Operation, RotationType};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The key.
    pub key_id: KeyArn,
}

/// Decides the call.
pub(crate) fn decide(
    case: &Case<'_>,
    request: &Request,
    env: &mut Env<'_>,
    facts: &mut AuditFacts,
) -> Result<Step, Error> {
    let key = resolve(case, &request.key_id, Forms::KeyOnly, facts)?;
    let key = authorize(case, key, |_| {})?;
    run(case, key, env)
}

fn run(
    case: &Case<'_>,
    key: Authorized<'_, authorize::RotateKeyOnDemand>,
    env: &mut Env<'_>,
) -> Result<Step, Error> {
    state_table::check(Operation::RotateKeyOnDemand, key.key().state(case.region), key.arn())?;
    check_can_rotate(&key)?;
    let response = Response { key_id: key.arn().clone() };
    if key.key().is_external() {
        return rotate_imported(case, &key, env, response);
    }
    if key.key().multi_region.is_some() {
        return stage(case, &key, env, response);
    }
    check_quota(case, &key)?;
    check_no_conflict(case, &key)?;
    let material = material::draw(env, &key.key().id, key.key().spec)?;
    let command = Command::Rotate {
        key: key.key().id,
        material,
        trigger: RotationType::OnDemand,
        most_on_demand: case.settings.quotas.on_demand_rotations,
    };
    Ok(propose_quietly(case, env, key.expectation(), command, response))
}

fn check_can_rotate<A>(key: &Authorized<'_, A>) -> Result<(), Error> {
    rotation_schedule::check_spec(key)?;
    match key.key().origin {
        KeyOrigin::AwsKms | KeyOrigin::External => Ok(()),
        origin => Err(Error::UnsupportedOrigin { arn: key.arn().clone(), origin }),
    }
}

fn check_quota<A>(case: &Case<'_>, key: &Authorized<'_, A>) -> Result<(), Error> {
    match key.key().rotation.on_demand_count < case.settings.quotas.on_demand_rotations {
        true => Ok(()),
        false => Err(Error::LimitExceeded(Quota::OnDemandRotations { arn: key.arn().clone() })),
    }
}

/// How near an automatic rotation may be (section 5.3).
const CONFLICT_WINDOW_MS: u64 = 20 * 60 * 1000;

fn check_no_conflict<A>(case: &Case<'_>, key: &Authorized<'_, A>) -> Result<(), Error> {
    let rotation = &key.key().rotation;
    let soon = rotation.automatic.is_some_and(|a| a.next_at <= case.now().plus_millis(CONFLICT_WINDOW_MS));
    let staged = key.key().materials.iter().any(|m| m.status == MaterialStatus::Staged);
    match soon || staged {
        true => Err(Error::Conflict { arn: key.arn().clone() }),
        false => Ok(()),
    }
}

/// The imported material that waits becomes current: at once in a single-Region key, and once every active member has
/// acknowledged it anew in a multi-Region one (rule 4).
fn rotate_imported<A>(
    case: &Case<'_>,
    key: &Authorized<'_, A>,
    env: &mut Env<'_>,
    response: Response,
) -> Result<Step, Error> {
    rotation_schedule::check_changeable(case, key)?;
    check_quota(case, key)?;
    check_no_conflict(case, key)?;
    let ready = key.key().pending_import().filter(|m| m.status == MaterialStatus::PendingRotation);
    let material = ready.ok_or_else(|| Error::NoPendingMaterial { arn: key.arn().clone() })?.id;
    let most_on_demand = case.settings.quotas.on_demand_rotations;
    if key.key().multi_region.is_none() {
        let command = Command::RotateImported { key: key.key().id, material, most_on_demand };
        return Ok(propose_quietly(case, env, key.expectation(), command, response));
    }
    let base = shared::record(case, key)?;
    let is_under_way = move |m: &MaterialInfo| {
        m.id == material && (m.status == MaterialStatus::Staged || m.rotated_at.is_some())
    };
    let change = RecordChange {
        record: base
            .rotate_imported(&material, case.now(), most_on_demand)
            .map_err(|e| shared::refused(e, key.arn()))?,
        base: base.version.clone(),
        material: None,
        contained_in: Box::new(move |later| later.materials.iter().any(is_under_way)),
    };
    let response = response.into();
    Ok(propose_record(case, env, key.arn(), key.expectation(), change, move |_| Ok(response)))
}

/// Rule 4: the material is announced first. It seals nothing before every active member holds it.
fn stage<A>(
    case: &Case<'_>,
    key: &Authorized<'_, A>,
    env: &mut Env<'_>,
    response: Response,
) -> Result<Step, Error> {
    let base = shared::record(case, key)?;
    check_quota(case, key)?;
    check_no_conflict(case, key)?;
    let material = material::draw(env, &key.key().id, key.key().spec)?;
    let announced = announce(&material, case.now(), RotationType::OnDemand);
    let record = base.stage(announced, case.now()).map_err(|e| shared::refused(e, key.arn()))?;
    let id = material.id;
    let change = RecordChange {
        record,
        base: base.version.clone(),
        material: Some(material),
        contained_in: Box::new(move |later| later.materials.iter().any(|m| m.id == id)),
    };
    let response = response.into();
    Ok(propose_record(case, env, key.arn(), key.expectation(), change, move |_| Ok(response)))
}

/// What the record says about a material that is to be staged.
pub(crate) fn announce(
    material: &NewMaterial,
    now: kms_types::Timestamp,
    trigger: RotationType,
) -> MaterialInfo {
    MaterialInfo {
        id: material.id,
        commitment: material.commitment,
        public_key: material.public_key.clone(),
        status: MaterialStatus::Staged,
        created_at: now,
        rotated_at: None,
        rotation_type: Some(trigger),
    }
}
