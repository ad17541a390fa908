//! GenerateMac [KMS:GenerateMac].

use kms_types::{KeyArn, MacAlgorithm};
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
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// 1 to 4,096 bytes.
    pub message: Zeroizing<Vec<u8>>,
    /// Key id, key ARN, alias name or alias ARN.
    pub key_id: String,
    /// The one of the key's spec.
    pub mac_algorithm: MacAlgorithm,
    /// Grant tokens.
    pub grant_tokens: Vec<String>,
    /// Decide, and do nothing.
    pub dry_run: bool,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The tag, untruncated.
    pub mac: Vec<u8>,
    /// The algorithm used.
    pub mac_algorithm: MacAlgorithm,
    /// The key.
    pub key_id: KeyArn,
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
    let key = authorize(case, key, |context| {
        context.add("kms:MacAlgorithm", request.mac_algorithm.as_str());
    })?;
    check_usable(case, &key, request.mac_algorithm)?;
    let response = run(key, request, env)?;
    end_dry_run(request.dry_run)?;
    Ok(Step::Answer(response.into()))
}

fn run(
    key: Authorized<'_, authorize::GenerateMac>,
    request: &Request,
    env: &Env<'_>,
) -> Result<Response, Error> {
    let material = material::unwrap_current(env, key.key(), key.arn())?;
    let mac_algorithm = request.mac_algorithm;
    let mac = kms_crypto::mac::generate(&material, mac_algorithm, &request.message)
        .map_err(|_| Error::Internal("computing a MAC failed"))?;
    Ok(Response { mac, mac_algorithm, key_id: key.arn().clone() })
}
