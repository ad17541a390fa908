//! [KMS:ImportKeyMaterial]

use kms_ops::import_key_material::{Request, Response};
use kms_types::{ExpirationModel, ImportType};
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, CIPHERTEXT, key_id, key_material_id},
};
use crate::validate::{Members, Text};

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let request = Request {
        key_id: key_id(members)?,
        import_token: std::mem::take(&mut *members.required_blob("ImportToken", CIPHERTEXT)?),
        encrypted_key_material: std::mem::take(
            &mut *members.required_blob("EncryptedKeyMaterial", CIPHERTEXT)?,
        ),
        valid_to: members.time("ValidTo")?,
        expiration_model: members.choice("ExpirationModel", ExpirationModel::ALL)?,
        import_type: members.choice("ImportType", ImportType::ALL)?,
        key_material_description: members.text("KeyMaterialDescription", &Text::KEY_MATERIAL_DESCRIPTION)?,
        key_material_id: key_material_id(members)?,
    };
    members.default("ExpirationModel", ExpirationModel::KeyMaterialExpires.as_str());
    Ok(request)
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default()
        .with_text("KeyId", &response.key_id)
        .with_some("KeyMaterialId", response.key_material_id.map(|id| id.to_string()))
        .done()
}
