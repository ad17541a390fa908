//! GenerateRandom [KMS:GenerateRandom].

use zeroize::Zeroizing;

use crate::Recipient;

use crate::{
    Env, Error, Step, authorize::authorize_plain, case::Case, conditions, cryptography::refuse_recipient,
    custom_key_store, data_key,
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
    pub plaintext: Zeroizing<Vec<u8>>,
}

/// Decides the call.
pub(crate) fn decide(case: &Case<'_>, request: &Request, env: &mut Env<'_>) -> Result<Step, Error> {
    authorize_plain(case, "kms:GenerateRandom", "*", &conditions::of_caller(case))?;
    let missing = || Error::Validation("NumberOfBytes is required.".into());
    let length_bytes = data_key::random_length(request.number_of_bytes.ok_or_else(missing)?)?;
    custom_key_store::refuse(request.custom_key_store_id.as_deref())?;
    refuse_recipient(request.recipient.as_ref())?;
    Ok(Step::Answer(Response { plaintext: data_key::random(env, length_bytes) }.into()))
}
