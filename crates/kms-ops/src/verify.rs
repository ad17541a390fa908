//! Verify [KMS:Verify].

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
    /// The signature.
    pub signature: Vec<u8>,
    /// The algorithm that made it.
    pub signing_algorithm: SigningAlgorithm,
    /// Grant tokens.
    pub grant_tokens: Vec<String>,
    /// Decide, and do nothing.
    pub dry_run: bool,
}

/// The answer; a signature that is not valid is an error, never a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The key.
    pub key_id: KeyArn,
    /// The algorithm used.
    pub signing_algorithm: SigningAlgorithm,
}

/// Decides the call.
pub(crate) fn decide(
    case: &Case<'_>,
    request: &Request,
    env: &Env<'_>,
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
    let response = run(key, request, message_type)?;
    end_dry_run(request.dry_run)?;
    Ok(Step::Answer(response.into()))
}

/// Needs the public key only: the private one stays wrapped.
fn run(
    key: Authorized<'_, authorize::Verify>,
    request: &Request,
    message_type: MessageType,
) -> Result<Response, Error> {
    let public_key = material::public_key(key.key(), key.arn())?;
    let signing_algorithm = request.signing_algorithm;
    let message = Message { message_type, bytes: &request.message };
    signature::verify(key.key().spec, public_key, signing_algorithm, message, &request.signature)
        .map_err(|_| Error::InvalidSignature)?;
    Ok(Response { key_id: key.arn().clone(), signing_algorithm })
}
