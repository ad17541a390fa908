//! DeleteImportedKeyMaterial [KMS:DeleteImportedKeyMaterial].

use kms_types::{KeyArn, MaterialId};

use crate::{
    AuditFacts, Env, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    imported::{self, check_external},
    propose::{RecordChange, propose_quietly, propose_record},
    resolve::{Forms, resolve},
    shared, state_table,
};
use kms_state::{Command, MaterialInfo, MaterialStatus};
use kms_types::Operation;

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
    /// The material; the current one when absent.
    pub key_material_id: Option<MaterialId>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The key.
    pub key_id: KeyArn,
    /// The material; symmetric encryption keys only.
    pub key_material_id: Option<MaterialId>,
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
    run(case, key, request, env, facts)
}

/// With nothing to delete the call succeeds without effect (section 7.3).
fn run(
    case: &Case<'_>,
    key: Authorized<'_, authorize::DeleteImportedKeyMaterial>,
    request: &Request,
    env: &mut Env<'_>,
    facts: &mut AuditFacts,
) -> Result<Step, Error> {
    check_external(&key)?;
    state_table::check(Operation::DeleteImportedKeyMaterial, key.key().state(case.region), key.arn())?;
    let Some(id) = request.key_material_id.or(key.key().current) else {
        let response = Response { key_id: key.arn().clone(), key_material_id: None };
        return Ok(Step::Answer(response.into()));
    };
    let not_found = Error::MaterialNotFound { arn: key.arn().clone(), material: id };
    let material = key.key().known_material(&id).ok_or(not_found)?;
    let shown = imported::shown_id(key.key(), id);
    facts.key_material_id = shown;
    let response = Response { key_id: key.arn().clone(), key_material_id: shown };
    match material.status {
        MaterialStatus::Staged => Err(Error::MaterialRotating { arn: key.arn().clone(), material: id }),
        status if status.is_pending_import() && is_shared_by(case, &key) => {
            take_back(case, &key, material, env, response)
        }
        _ if !key.key().held.contains_key(&id) => Ok(Step::Answer(response.into())),
        _ => {
            let command = Command::DeleteImportedMaterial { key: key.key().id, material: id };
            Ok(propose_quietly(case, env, key.expectation(), command, response))
        }
    }
}

fn is_shared_by<A>(case: &Case<'_>, key: &Authorized<'_, A>) -> bool {
    key.key().multi_region.as_ref().is_some_and(|multi| multi.primary == *case.region)
}

/// The primary's pending material leaves the record, and with it every member (section 5.5).
fn take_back<A>(
    case: &Case<'_>,
    key: &Authorized<'_, A>,
    material: &MaterialInfo,
    env: &mut Env<'_>,
    response: Response,
) -> Result<Step, Error> {
    let base = shared::record(case, key)?;
    let id = material.id;
    let change = RecordChange {
        record: base.forget(&id).map_err(|e| shared::refused(e, key.arn()))?,
        base: base.version.clone(),
        material: None,
        contained_in: Box::new(move |later| later.required_materials().all(|m| m.id != id)),
    };
    let response = response.into();
    Ok(propose_record(case, env, key.arn(), key.expectation(), change, move |_| Ok(response)))
}
