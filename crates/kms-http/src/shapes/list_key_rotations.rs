//! [KMS:ListKeyRotations]

use kms_ops::RotationEntry;
use kms_ops::list_key_rotations::{Request, Response};
use kms_types::IncludeKeyMaterial;
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, key_id, page, time},
};
use crate::validate::Members;

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let key_id = key_id(members)?;
    let include_key_material = members.choice("IncludeKeyMaterial", IncludeKeyMaterial::ALL)?;
    let (limit, marker) = page(members)?;
    Ok(Request { key_id, include_key_material, limit, marker })
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default()
        .with("Rotations", response.rotations.iter().map(entry).collect::<Value>())
        .with_page(response.truncated, response.next_marker.as_deref())
        .done()
}

fn entry(rotation: &RotationEntry) -> Value {
    let imported = rotation.imported.as_ref();
    Answer::default()
        .with_text("KeyId", &rotation.key_id)
        .with_text("KeyMaterialId", &rotation.key_material_id)
        .with_text("KeyMaterialState", &rotation.key_material_state)
        .with_some("RotationDate", rotation.rotation_date.map(time))
        .with_some("RotationType", rotation.rotation_type.map(|kind| kind.as_str()))
        .with_some("ImportState", imported.map(|i| i.import_state.as_str()))
        .with_some("ExpirationModel", imported.and_then(|i| i.expiration_model).map(|model| model.as_str()))
        .with_some("ValidTo", imported.and_then(|i| i.valid_to).map(time))
        .with_some("KeyMaterialDescription", imported.and_then(|i| i.key_material_description.as_deref()))
        .done()
}
