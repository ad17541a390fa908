//! Encrypt [KMS:Encrypt].

use kms_types::{EncryptionAlgorithm, EncryptionContext, KeyArn};
use zeroize::Zeroizing;

use crate::{
    AuditFacts, Env, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    conditions,
    cryptography::{algorithm, check_context, check_usable, end_dry_run},
    encryption,
    grants::token,
    resolve::{Forms, resolve},
};

/// The request.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id, key ARN, alias name or alias ARN.
    pub key_id: String,
    /// 1 to 4,096 bytes.
    pub plaintext: Zeroizing<Vec<u8>>,
    /// Encryption context.
    pub encryption_context: EncryptionContext,
    /// Grant tokens.
    pub grant_tokens: Vec<String>,
    /// Default `SYMMETRIC_DEFAULT`.
    pub encryption_algorithm: Option<EncryptionAlgorithm>,
    /// Decide, and do nothing.
    pub dry_run: bool,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The blob.
    pub ciphertext_blob: Vec<u8>,
    /// The key.
    pub key_id: KeyArn,
    /// The algorithm used.
    pub encryption_algorithm: EncryptionAlgorithm,
}

/// Decides the call.
pub(crate) fn decide(
    case: &Case<'_>,
    request: &Request,
    env: &mut Env<'_>,
    facts: &mut AuditFacts,
) -> Result<Step, Error> {
    let algorithm = algorithm(request.encryption_algorithm);
    let key = resolve(case, &request.key_id, Forms::KeyOrAlias, facts)?;
    token::check(case, env, &request.grant_tokens)?;
    let key = authorize(case, key, |context| {
        conditions::add_cryptography(context, algorithm, &request.encryption_context);
    })?;
    check_usable(case, &key, algorithm)?;
    check_context(&key, &request.encryption_context)?;
    let response = run(key, request, algorithm, env, facts)?;
    Ok(Step::Answer(response.into()))
}

/// Seals even in a dry run, so that it ends as the real call would.
fn run(
    key: Authorized<'_, authorize::Encrypt>,
    request: &Request,
    encryption_algorithm: EncryptionAlgorithm,
    env: &mut Env<'_>,
    facts: &mut AuditFacts,
) -> Result<Response, Error> {
    let context = &request.encryption_context;
    let sealed = encryption::seal(env, &key, encryption_algorithm, context, &request.plaintext)?;
    facts.key_material_id = sealed.material;
    end_dry_run(request.dry_run)?;
    Ok(Response { ciphertext_blob: sealed.blob, key_id: key.arn().clone(), encryption_algorithm })
}
