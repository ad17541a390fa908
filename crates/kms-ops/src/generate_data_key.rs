//! GenerateDataKey [KMS:GenerateDataKey].

use kms_types::{DataKeySpec, EncryptionContext, KeyArn, MaterialId};

use crate::{Recipient, Secret};

use crate::{
    AuditFacts, Env, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    conditions,
    cryptography::{algorithm, check_context, check_usable, end_dry_run},
    data_key,
    grants::token,
    recipient,
    resolve::{Forms, resolve},
};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id, key ARN, alias name or alias ARN.
    pub key_id: String,
    /// Encryption context.
    pub encryption_context: EncryptionContext,
    /// Length of the data key, 1 to 1,024; excludes `key_spec`.
    pub number_of_bytes: Option<u32>,
    /// Kind of the data key; excludes `number_of_bytes`.
    pub key_spec: Option<DataKeySpec>,
    /// Grant tokens.
    pub grant_tokens: Vec<String>,
    /// An attestation document, for an answer that only an enclave can read.
    pub recipient: Option<Recipient>,
    /// Decide, and do nothing.
    pub dry_run: bool,
}

/// The answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The data key under the KMS key.
    pub ciphertext_blob: Vec<u8>,
    /// The data key.
    pub plaintext: Secret,
    /// The key.
    pub key_id: KeyArn,
    /// The material that made the blob; left out when the answer is for a recipient.
    pub key_material_id: Option<MaterialId>,
}

/// Decides the call.
pub(crate) fn decide(
    case: &Case<'_>,
    request: &Request,
    env: &mut Env<'_>,
    facts: &mut AuditFacts,
) -> Result<Step, Error> {
    let key = resolve(case, &request.key_id, Forms::KeyOrAlias, facts)?;
    token::check(case, env, &request.grant_tokens)?;
    let attested = recipient::attested(case, env, request.recipient.as_ref(), facts)?;
    let key: Authorized<'_, authorize::GenerateDataKey> = authorize(case, key, |context| {
        conditions::add_cryptography(context, algorithm(None), &request.encryption_context);
        recipient::add_conditions(context, attested.as_ref());
    })?;
    check_usable(case, &key, algorithm(None))?;
    check_context(&key, &request.encryption_context)?;
    let length_bytes = data_key::length_bytes(request.key_spec, request.number_of_bytes)?;
    let made = data_key::make(&key, &request.encryption_context, length_bytes, env)?;
    facts.key_material_id = Some(made.material);
    end_dry_run(request.dry_run)?;
    let response = Response {
        ciphertext_blob: made.blob,
        plaintext: recipient::deliver(made.plaintext, attested.as_ref(), env)?,
        key_id: key.arn().clone(),
        key_material_id: attested.is_none().then_some(made.material),
    };
    Ok(Step::Answer(response.into()))
}
