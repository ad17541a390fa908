//! [KMS:VerifyMac]

use kms_ops::verify_mac::{Request, Response};
use kms_types::MacAlgorithm;
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, CIPHERTEXT, grant_tokens, key_id, message},
};
use crate::validate::Members;

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let message = message(members)?;
    let key_id = key_id(members)?;
    let mac_algorithm = members.required_choice("MacAlgorithm", MacAlgorithm::ALL)?;
    let mac = members.required_blob("Mac", CIPHERTEXT)?.to_vec();
    let grant_tokens = grant_tokens(members)?;
    let dry_run = members.flag("DryRun")?.unwrap_or(false);
    let Some(mac_algorithm) = mac_algorithm else { return Err(members.refusal()) };
    Ok(Request { message, key_id, mac_algorithm, mac, grant_tokens, dry_run })
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default()
        .with_text("KeyId", &response.key_id)
        .with("MacValid", true)
        .with_text("MacAlgorithm", &response.mac_algorithm)
        .done()
}
