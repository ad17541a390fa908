//! ListKeyRotations [KMS:ListKeyRotations].

use kms_types::IncludeKeyMaterial;

use crate::RotationEntry;

use crate::{
    AuditFacts, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    resolve::{Forms, resolve},
};
use crate::{
    imported,
    page::{self, List},
    rotation_schedule, state_table,
};
use kms_state::{Key, MaterialInfo, MaterialStatus};
use kms_types::{KeyMaterialState, Operation};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
    /// Default: rotations only.
    pub include_key_material: Option<IncludeKeyMaterial>,
    /// Most entries of the answer.
    pub limit: Option<u32>,
    /// Where the answer before this one ended.
    pub marker: Option<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The materials, oldest first.
    pub rotations: Vec<RotationEntry>,
    /// True when there is more.
    pub truncated: bool,
    /// Where to go on; present exactly when truncated.
    pub next_marker: Option<String>,
}

/// Decides the call.
pub(crate) fn decide(case: &Case<'_>, request: &Request, facts: &mut AuditFacts) -> Result<Step, Error> {
    let key = resolve(case, &request.key_id, Forms::KeyOnly, facts)?;
    let key = authorize(case, key, |_| {})?;
    state_table::check(Operation::ListKeyRotations, key.key().state(case.region), key.arn())?;
    rotation_schedule::check_spec(&key)?;
    Ok(Step::Answer(run(key, request)?.into()))
}

/// The materials that are or were current, oldest first, and imported ones that wait for their rotation. A drawn one that
/// other Regions are still waited for is no rotation yet.
fn run(key: Authorized<'_, authorize::ListKeyRotations>, request: &Request) -> Result<Response, Error> {
    let include = request.include_key_material.unwrap_or(IncludeKeyMaterial::RotationsOnly);
    let scope = format!("{} {include}", key.arn());
    let list = List { operation: Operation::ListKeyRotations, scope: &scope };
    let shown: Vec<&MaterialInfo> = key
        .key()
        .materials
        .iter()
        .filter(|m| state(key.key(), m).is_some())
        .filter(|m| include == IncludeKeyMaterial::AllKeyMaterial || m.rotated_at.is_some())
        .collect();
    let seen = match list.after(request.marker.as_deref())? {
        Some(last) => {
            let last = shown.iter().position(|m| m.id.to_string() == last).ok_or(Error::InvalidMarker)?;
            last + 1
        }
        None => 0,
    };
    let rest = shown.into_iter().skip(seen);
    let page = list.page(rest, page::limit(request.limit, 100, 1000), |m| m.id.to_string());
    let truncated = page.truncated();
    let rotations = page.items.iter().filter_map(|material| entry(&key, material)).collect();
    Ok(Response { rotations, truncated, next_marker: page.next_marker })
}

fn entry<A>(key: &Authorized<'_, A>, material: &MaterialInfo) -> Option<RotationEntry> {
    let rotation_type = material.rotation_type.filter(|_| material.rotated_at.is_some());
    Some(RotationEntry {
        key_id: key.arn().clone(),
        key_material_id: material.id,
        key_material_state: state(key.key(), material)?,
        rotation_date: material.rotated_at,
        rotation_type,
        imported: imported::entry(key.key(), material),
    })
}

/// The state of section 5.4; none for materials that the list does not show.
fn state(key: &Key, material: &MaterialInfo) -> Option<KeyMaterialState> {
    use KeyMaterialState as Shown;
    match material.status {
        MaterialStatus::Active if key.current == Some(material.id) => Some(Shown::Current),
        MaterialStatus::Active => Some(Shown::NonCurrent),
        MaterialStatus::PendingRotation => Some(Shown::PendingRotation),
        MaterialStatus::Staged if key.is_external() => Some(Shown::PendingRotation),
        MaterialStatus::PendingMultiRegionImport => Some(Shown::PendingMultiRegionImportAndRotation),
        MaterialStatus::Staged | MaterialStatus::Aborted => None,
    }
}
