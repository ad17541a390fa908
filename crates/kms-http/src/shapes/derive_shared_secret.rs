//! [KMS:DeriveSharedSecret]

use kms_ops::derive_shared_secret::{Request, Response};
use kms_types::KeyAgreementAlgorithm;
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, PUBLIC_KEY, grant_tokens, key_id, recipient},
};
use crate::validate::Members;

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let key_id = key_id(members)?;
    let algorithm = members.required_choice("KeyAgreementAlgorithm", KeyAgreementAlgorithm::ALL)?;
    let public_key = members.required_blob("PublicKey", PUBLIC_KEY)?.to_vec();
    let grant_tokens = grant_tokens(members)?;
    let dry_run = members.flag("DryRun")?.unwrap_or(false);
    let recipient = recipient(members)?;
    let Some(key_agreement_algorithm) = algorithm else { return Err(members.refusal()) };
    Ok(Request { key_id, key_agreement_algorithm, public_key, grant_tokens, dry_run, recipient })
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default()
        .with_text("KeyId", &response.key_id)
        .with_secret("SharedSecret", &response.shared_secret)
        .with_text("KeyAgreementAlgorithm", &response.key_agreement_algorithm)
        .with_text("KeyOrigin", &response.key_origin)
        .done()
}
