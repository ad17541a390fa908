//! ImportKeyMaterial [KMS:ImportKeyMaterial].

use kms_types::{KeyArn, MaterialId, Timestamp};

use crate::{
    AuditFacts, Env, Error, ImportFault, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    imported::{self, check_external},
    material,
    propose::{RecordChange, propose_import, propose_quietly},
    resolve::{Forms, resolve},
    shared, state_table,
};
use kms_state::{Command, ImportDetails, ImportMaterial, Key, MaterialInfo, MaterialStatus, NewMaterial};
use kms_types::{ExpirationModel, ImportType, KeySpec, Operation, limits};

/// The request.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
    /// From GetParametersForImport.
    pub import_token: Vec<u8>,
    /// The material under the wrapping key.
    pub encrypted_key_material: Vec<u8>,
    /// When the material expires.
    pub valid_to: Option<Timestamp>,
    /// Default `KEY_MATERIAL_EXPIRES`.
    pub expiration_model: Option<ExpirationModel>,
    /// Default: new for the first import, existing afterwards.
    pub import_type: Option<ImportType>,
    /// Free text, kept from an earlier import when absent.
    pub key_material_description: Option<String>,
    /// The material that is expected, with an existing one.
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
    let key = authorize(case, key, |context| {
        let model = request.expiration_model.unwrap_or(ExpirationModel::KeyMaterialExpires);
        context.add("kms:ExpirationModel", model.as_str());
        if let Some(valid_to) = request.valid_to {
            context.add("kms:ValidTo", valid_to);
        }
    })?;
    run(case, key, request, env, facts)
}

fn run(
    case: &Case<'_>,
    key: Authorized<'_, authorize::ImportKeyMaterial>,
    request: &Request,
    env: &mut Env<'_>,
    facts: &mut AuditFacts,
) -> Result<Step, Error> {
    check_external(&key)?;
    state_table::check(Operation::ImportKeyMaterial, key.key().state(case.region), key.arn())?;
    let valid_to = check_expiration(case, request)?;
    let import_type = check_import_type(&key, request)?;
    let unwrapped =
        imported::unwrap(case, env, &key, &request.import_token, &request.encrypted_key_material)?;
    let material = material::wrap(env, &key.key().id, &unwrapped)?;
    check_association(&key, &material, import_type, request.key_material_id)?;
    let details = ImportDetails { valid_to, description: request.key_material_description.clone() };
    let shown = imported::shown_id(key.key(), material.id);
    facts.key_material_id = shown;
    let response = Response { key_id: key.arn().clone(), key_material_id: shown };
    let import = ImportMaterial { key: key.key().id, material, import_type, details };
    if key.key().multi_region.is_some() && import_type == ImportType::NewKeyMaterial {
        return announce(case, &key, import, env, response);
    }
    let command = Command::ImportMaterial(Box::new(import));
    Ok(propose_quietly(case, env, key.expectation(), command, response))
}

/// The expiry, by the rules of section 7.2.
fn check_expiration(case: &Case<'_>, request: &Request) -> Result<Option<Timestamp>, Error> {
    let refuse = |text: &str| Err(Error::Validation(text.into()));
    let model = request.expiration_model.unwrap_or(ExpirationModel::KeyMaterialExpires);
    match (model, request.valid_to) {
        (ExpirationModel::KeyMaterialDoesNotExpire, None) => Ok(None),
        (ExpirationModel::KeyMaterialDoesNotExpire, Some(_)) => {
            refuse("A validTo date cannot be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE")
        }
        (ExpirationModel::KeyMaterialExpires, None) => {
            refuse("A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES")
        }
        (ExpirationModel::KeyMaterialExpires, Some(at)) if at <= case.now() => {
            refuse("The validTo date must be in the future")
        }
        (ExpirationModel::KeyMaterialExpires, Some(at)) if at > latest_expiry(case) => {
            refuse("The validTo date must be at most 365 days from now")
        }
        (ExpirationModel::KeyMaterialExpires, Some(at)) => Ok(Some(at)),
    }
}

fn latest_expiry(case: &Case<'_>) -> Timestamp {
    case.now().plus_days(limits::IMPORT_MAX_VALID_DAYS)
}

/// Members that only symmetric keys take; and the default of the type, by whether the key ever had material.
fn check_import_type<A>(key: &Authorized<'_, A>, request: &Request) -> Result<ImportType, Error> {
    let first = key.key().current.is_none();
    let default = if first { ImportType::NewKeyMaterial } else { ImportType::ExistingKeyMaterial };
    let import_type = request.import_type.unwrap_or(default);
    let symmetric_only = [
        ("ImportType", request.import_type.is_some()),
        ("KeyMaterialDescription", request.key_material_description.is_some()),
        ("KeyMaterialId", request.key_material_id.is_some()),
    ];
    let given = symmetric_only.iter().find(|(_, given)| *given).map(|(member, _)| *member);
    if let Some(member) = given.filter(|_| key.key().spec != KeySpec::SymmetricDefault) {
        return Err(Error::Unsupported(format!(
            "{member} is supported for symmetric encryption KMS keys only."
        )));
    }
    match (import_type, request.key_material_id) {
        (ImportType::NewKeyMaterial, Some(_)) => Err(Error::Validation(
            "KeyMaterialId cannot be specified when ImportType is NEW_KEY_MATERIAL".into(),
        )),
        _ => Ok(import_type),
    }
}

/// What the key knows of the material must fit what the caller says about it (invariant C4).
fn check_association<A>(
    key: &Authorized<'_, A>,
    material: &NewMaterial,
    import_type: ImportType,
    expected: Option<MaterialId>,
) -> Result<(), Error> {
    let incorrect = |fault| Err(Error::IncorrectKeyMaterial { arn: key.arn().clone(), fault });
    let known = key.key().known_material(&material.id);
    match import_type {
        ImportType::ExistingKeyMaterial if expected.is_some_and(|id| id != material.id) => {
            incorrect(ImportFault::OtherThanNamed)
        }
        ImportType::ExistingKeyMaterial => match known {
            Some(info) if info.commitment == material.commitment => Ok(()),
            _ => incorrect(ImportFault::Unknown),
        },
        ImportType::NewKeyMaterial => match (known, blocking(key.key())) {
            (Some(_), _) => incorrect(ImportFault::Known),
            (None, Some(pending)) => Err(Error::MaterialPending {
                arn: key.arn().clone(),
                material: material.id,
                pending: pending.id,
            }),
            (None, None) => Ok(()),
        },
    }
}

/// A material that has to become current, or to be deleted, before another new one may come.
fn blocking(key: &Key) -> Option<&MaterialInfo> {
    key.pending_import().or_else(|| key.materials.iter().find(|m| m.status == MaterialStatus::Staged))
}

/// A new material of a multi-Region key is a shared change: the record lists it, every other member imports it after.
fn announce<A>(
    case: &Case<'_>,
    key: &Authorized<'_, A>,
    import: ImportMaterial,
    env: &mut Env<'_>,
    response: Response,
) -> Result<Step, Error> {
    let base = shared::record(case, key)?;
    let id = import.material.id;
    let info = MaterialInfo {
        id,
        commitment: import.material.commitment,
        public_key: import.material.public_key.clone(),
        status: MaterialStatus::PendingMultiRegionImport,
        created_at: case.now(),
        rotated_at: None,
        rotation_type: None,
    };
    let change = RecordChange {
        record: base.import(info).map_err(|e| shared::refused(e, key.arn()))?,
        base: base.version.clone(),
        material: None,
        contained_in: Box::new(move |later| later.required_materials().any(|m| m.id == id)),
    };
    Ok(propose_import(case, env, key, change, import, response))
}
