//! [KMS:GetParametersForImport]

use kms_ops::get_parameters_for_import::{Request, Response};
use kms_types::{WrappingAlgorithm, WrappingKeySpec};
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, key_id, time},
};
use crate::validate::Members;

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let key_id = key_id(members)?;
    members.require("WrappingAlgorithm");
    let algorithm = members.choice("WrappingAlgorithm", WrappingAlgorithm::ALL)?;
    members.require("WrappingKeySpec");
    let spec = members.choice("WrappingKeySpec", WrappingKeySpec::ALL)?;
    match (algorithm, spec) {
        (Some(wrapping_algorithm), Some(wrapping_key_spec)) => {
            Ok(Request { key_id, wrapping_algorithm, wrapping_key_spec })
        }
        _ => Err(members.refusal()),
    }
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default()
        .with_text("KeyId", &response.key_id)
        .with_blob("ImportToken", &response.import_token)
        .with_blob("PublicKey", &response.public_key)
        .with("ParametersValidTo", time(response.parameters_valid_to))
        .done()
}
