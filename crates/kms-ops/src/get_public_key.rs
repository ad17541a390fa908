//! GetPublicKey [KMS:GetPublicKey].

use kms_types::{KeyArn, KeySpec, KeyUsage};

use crate::{
    Algorithms, AuditFacts, Env, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    grants::token,
    material,
    resolve::{Forms, resolve},
    state_table,
};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id, key ARN, alias name or alias ARN.
    pub key_id: String,
    /// Grant tokens.
    pub grant_tokens: Vec<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The key.
    pub key_id: KeyArn,
    /// SubjectPublicKeyInfo in DER [RFC5280 §4.1.2.7].
    pub public_key: Vec<u8>,
    /// Key spec; CustomerMasterKeySpec repeats it.
    pub key_spec: KeySpec,
    /// Key usage.
    pub key_usage: KeyUsage,
    /// What the key does, by its usage.
    pub algorithms: Algorithms,
}

/// Decides the call; state before type, as section 1.8 has it.
pub(crate) fn decide(
    case: &Case<'_>,
    request: &Request,
    env: &Env<'_>,
    facts: &mut AuditFacts,
) -> Result<Step, Error> {
    let key = resolve(case, &request.key_id, Forms::KeyOrAlias, facts)?;
    token::check(case, env, &request.grant_tokens)?;
    let key = authorize(case, key, |_| {})?;
    state_table::check(case.operation(), key.key().state(case.region), key.arn())?;
    Ok(Step::Answer(run(key)?.into()))
}

fn run(key: Authorized<'_, authorize::GetPublicKey>) -> Result<Response, Error> {
    let (key_spec, key_usage) = (key.key().spec, key.key().usage);
    if !key_spec.is_asymmetric() {
        return Err(Error::NoPublicKey { arn: key.arn().clone(), spec: key_spec });
    }
    Ok(Response {
        key_id: key.arn().clone(),
        public_key: material::public_key(key.key(), key.arn())?.to_vec(),
        key_spec,
        key_usage,
        algorithms: Algorithms::of(key.key()),
    })
}
