//! Sign [KMS:Sign].

use kms_crypto::signature::{self, Message};
use kms_types::{KeyArn, MessageType, SigningAlgorithm};
use zeroize::Zeroizing;

use crate::{
    AuditFacts, Env, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    conditions,
    cryptography::{check_usable, end_dry_run},
    grants::token,
    material, message,
    resolve::{Forms, resolve},
};

/// The request.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id, key ARN, alias name or alias ARN.
    pub key_id: String,
    /// 1 to 4,096 bytes, or a digest.
    pub message: Zeroizing<Vec<u8>>,
    /// What `message` is; default `RAW`.
    pub message_type: Option<MessageType>,
    /// Grant tokens.
    pub grant_tokens: Vec<String>,
    /// One that the key's spec takes.
    pub signing_algorithm: SigningAlgorithm,
    /// Decide, and do nothing.
    pub dry_run: bool,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The key.
    pub key_id: KeyArn,
    /// The signature, in the algorithm's own form.
    pub signature: Vec<u8>,
    /// The algorithm used.
    pub signing_algorithm: SigningAlgorithm,
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
    let message_type = request.message_type.unwrap_or(MessageType::Raw);
    let key = authorize(case, key, |context| {
        conditions::add_signing(context, request.signing_algorithm, message_type);
    })?;
    check_usable(case, &key, request.signing_algorithm)?;
    message::check(request.signing_algorithm, message_type, &request.message)?;
    Ok(Step::Answer(run(key, request, message_type, env)?.into()))
}

/// Unwraps even in a dry run, so that it ends as the real call would.
fn run(
    key: Authorized<'_, authorize::Sign>,
    request: &Request,
    message_type: MessageType,
    env: &mut Env<'_>,
) -> Result<Response, Error> {
    let material = material::unwrap_current(env, key.key(), key.arn())?;
    end_dry_run(request.dry_run)?;
    let signing_algorithm = request.signing_algorithm;
    let message = Message { message_type, bytes: &request.message };
    let signature = signature::sign(&material, signing_algorithm, message, env.entropy)
        .map_err(|_| Error::Internal("signing failed"))?;
    Ok(Response { key_id: key.arn().clone(), signature, signing_algorithm })
}
