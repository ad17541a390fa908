//! [KMS:DeleteImportedKeyMaterial]

use kms_ops::delete_imported_key_material::{Request, Response};
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, key_id, key_material_id},
};
use crate::validate::Members;

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    Ok(Request { key_id: key_id(members)?, key_material_id: key_material_id(members)? })
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default()
        .with_text("KeyId", &response.key_id)
        .with_some("KeyMaterialId", response.key_material_id.map(|id| id.to_string()))
        .done()
}
