//! GenerateRandom [KMS:GenerateRandom].

use crate::{
    AuditFacts, Env, Error, Recipient, Secret, Step, authorize::authorize_plain, case::Case, conditions,
    custom_key_store, data_key, recipient,
};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// 1 to 1,024.
    pub number_of_bytes: Option<u32>,
    /// A custom key store.
    pub custom_key_store_id: Option<String>,
    /// An attestation document, for an answer that only an enclave can read.
    pub recipient: Option<Recipient>,
}

/// The answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The random bytes.
    pub plaintext: Secret,
}

/// Decides the call.
pub(crate) fn decide(
    case: &Case<'_>,
    request: &Request,
    env: &mut Env<'_>,
    facts: &mut AuditFacts,
) -> Result<Step, Error> {
    let attested = recipient::attested(case, env, request.recipient.as_ref(), facts)?;
    let mut context = conditions::of_caller(case);
    recipient::add_conditions(&mut context, attested.as_ref());
    authorize_plain(case, "kms:GenerateRandom", "*", &context)?;
    let missing = || Error::Validation("NumberOfBytes is required.".into());
    let length_bytes = data_key::random_length(request.number_of_bytes.ok_or_else(missing)?)?;
    custom_key_store::refuse(request.custom_key_store_id.as_deref())?;
    let random = data_key::random(env, length_bytes);
    Ok(Step::Answer(Response { plaintext: recipient::deliver(random, attested.as_ref(), env)? }.into()))
}
