//! Decapsulate [KMS:Decapsulate].

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
    /// What Encapsulate, or another holder of the public key, made.
    pub shared_secret_ciphertext_blob: Vec<u8>,
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
    /// 32 bytes; for a blob of the right length that was not made for this key, 32 others.
    pub shared_secret: Zeroizing<Vec<u8>>,
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

/// Only the length can be wrong: ML-KEM rejects implicitly [FIPS203 §6.3].
fn run(
    key: Authorized<'_, authorize::Decapsulate>,
    request: &Request,
    env: &Env<'_>,
) -> Result<Response, Error> {
    let material = material::unwrap_current(env, key.key(), key.arn())?;
    let encapsulation_algorithm = request.encapsulation_algorithm;
    let blob = &request.shared_secret_ciphertext_blob;
    let shared_secret =
        kem::decapsulate(&material, encapsulation_algorithm, blob).map_err(|_| Error::InvalidCiphertext)?;
    Ok(Response { key_id: key.arn().clone(), shared_secret, encapsulation_algorithm })
}
