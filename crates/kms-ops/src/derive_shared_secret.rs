//! DeriveSharedSecret [KMS:DeriveSharedSecret].

use kms_crypto::agreement::derive_shared_secret;
use kms_types::{KeyAgreementAlgorithm, KeyArn, KeyOrigin};

use crate::{
    AuditFacts, Env, Error, Recipient, Secret, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    cryptography::{check_usable, end_dry_run},
    grants::token,
    material,
    recipient::{self, Attested},
    resolve::{Forms, resolve},
};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id, key ARN, alias name or alias ARN.
    pub key_id: String,
    /// `ECDH`.
    pub key_agreement_algorithm: KeyAgreementAlgorithm,
    /// The peer's public key, SubjectPublicKeyInfo in DER on the same curve.
    pub public_key: Vec<u8>,
    /// Grant tokens.
    pub grant_tokens: Vec<String>,
    /// Decide, and do nothing.
    pub dry_run: bool,
    /// An attestation document, for an answer that only an enclave can read.
    pub recipient: Option<Recipient>,
}

/// The answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The key.
    pub key_id: KeyArn,
    /// The raw x-coordinate, as long as the curve's field.
    pub shared_secret: Secret,
    /// The algorithm used.
    pub key_agreement_algorithm: KeyAgreementAlgorithm,
    /// Where the key's material comes from.
    pub key_origin: KeyOrigin,
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
    let key = authorize(case, key, |context| {
        context.add("kms:KeyAgreementAlgorithm", request.key_agreement_algorithm.as_str());
        recipient::add_conditions(context, attested.as_ref());
    })?;
    check_usable(case, &key, request.key_agreement_algorithm)?;
    let response = run(key, request, attested.as_ref(), env)?;
    end_dry_run(request.dry_run)?;
    Ok(Step::Answer(response.into()))
}

fn run(
    key: Authorized<'_, authorize::DeriveSharedSecret>,
    request: &Request,
    attested: Option<&Attested>,
    env: &mut Env<'_>,
) -> Result<Response, Error> {
    let material = material::unwrap_current(env, key.key(), key.arn())?;
    let key_agreement_algorithm = request.key_agreement_algorithm;
    let shared_secret = derive_shared_secret(&material, key_agreement_algorithm, &request.public_key)
        .map_err(|_| Error::UnusablePeerKey)?;
    Ok(Response {
        key_id: key.arn().clone(),
        shared_secret: recipient::deliver(shared_secret, attested, env)?,
        key_agreement_algorithm,
        key_origin: key.key().origin,
    })
}
