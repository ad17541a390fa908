//! Encapsulate [KMS:Encapsulate].

use kms_crypto::kem;
use kms_types::{EncapsulationAlgorithm, KeyArn};
use zeroize::Zeroizing;

use crate::{
    AuditFacts, Env, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    cryptography::{check_usable, end_dry_run},
    grants::token,
    material,
    resolve::{Forms, resolve},
};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id, key ARN, alias name or alias ARN.
    pub key_id: String,
    /// `ML_KEM`.
    pub encapsulation_algorithm: EncapsulationAlgorithm,
    /// Grant tokens.
    pub grant_tokens: Vec<String>,
    /// Decide, and do nothing.
    pub dry_run: bool,
}

/// The answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The key.
    pub key_id: KeyArn,
    /// 32 fresh bytes.
    pub shared_secret: Zeroizing<Vec<u8>>,
    /// What Decapsulate turns into the same bytes.
    pub shared_secret_ciphertext_blob: Vec<u8>,
    /// The algorithm used.
    pub encapsulation_algorithm: EncapsulationAlgorithm,
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
    let key = authorize(case, key, |_| {})?;
    check_usable(case, &key, request.encapsulation_algorithm)?;
    let response = run(key, request, env)?;
    end_dry_run(request.dry_run)?;
    Ok(Step::Answer(response.into()))
}

/// Needs the public key only: the private one stays wrapped.
fn run(
    key: Authorized<'_, authorize::Encapsulate>,
    request: &Request,
    env: &mut Env<'_>,
) -> Result<Response, Error> {
    let public_key = material::public_key(key.key(), key.arn())?;
    let encapsulation_algorithm = request.encapsulation_algorithm;
    let made = kem::encapsulate(key.key().spec, public_key, encapsulation_algorithm, env.entropy)
        .map_err(|_| Error::Internal("encapsulating failed"))?;
    Ok(Response {
        key_id: key.arn().clone(),
        shared_secret: made.shared_secret,
        shared_secret_ciphertext_blob: made.ciphertext,
        encapsulation_algorithm,
    })
}
