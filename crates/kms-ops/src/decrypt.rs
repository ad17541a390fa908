//! Decrypt [KMS:Decrypt].

use kms_types::{DryRunModifier, EncryptionAlgorithm, EncryptionContext, KeyArn, MaterialId};

use crate::{Recipient, Secret};

use crate::{
    AuditFacts, Env, Error, Step,
    authorize::{self, Authorized},
    case::Case,
    cryptography::{algorithm, blob, check_context, end_dry_run},
    grants::token,
    recipient::{self, Attested},
    source::Source,
};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The blob; may be absent only with `IGNORE_CIPHERTEXT`.
    pub ciphertext_blob: Option<Vec<u8>>,
    /// Encryption context.
    pub encryption_context: EncryptionContext,
    /// Grant tokens.
    pub grant_tokens: Vec<String>,
    /// Key id, key ARN, alias name or alias ARN; taken from the blob when absent.
    pub key_id: Option<String>,
    /// Default `SYMMETRIC_DEFAULT`.
    pub encryption_algorithm: Option<EncryptionAlgorithm>,
    /// An attestation document, for an answer that only an enclave can read.
    pub recipient: Option<Recipient>,
    /// Decide, and do nothing.
    pub dry_run: bool,
    /// What a dry run leaves out.
    pub dry_run_modifiers: Vec<DryRunModifier>,
}

/// The answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The key.
    pub key_id: KeyArn,
    /// The plaintext.
    pub plaintext: Secret,
    /// The algorithm used.
    pub encryption_algorithm: EncryptionAlgorithm,
    /// The material that opened the blob; of symmetric keys only, and left out when the answer is for a recipient.
    pub key_material_id: Option<MaterialId>,
}

/// Decides the call.
pub(crate) fn decide(
    case: &Case<'_>,
    request: &Request,
    env: &mut Env<'_>,
    facts: &mut AuditFacts,
) -> Result<Step, Error> {
    let source = Source {
        blob: blob(
            request.ciphertext_blob.as_deref(),
            request.key_id.as_deref(),
            request.dry_run,
            &request.dry_run_modifiers,
        )?,
        key_id: request.key_id.as_deref(),
        algorithm: algorithm(request.encryption_algorithm),
        context: &request.encryption_context,
    };
    let key = source.resolve(case, facts)?;
    token::check(case, env, &request.grant_tokens)?;
    let attested = recipient::attested(case, env, request.recipient.as_ref(), facts)?;
    let key = source.authorize(case, key, |context| recipient::add_conditions(context, attested.as_ref()))?;
    source.check(case, &key)?;
    check_context(&key, &request.encryption_context)?;
    let response = run(key, &source, attested.as_ref(), env, facts)?;
    end_dry_run(request.dry_run)?;
    Ok(Step::Answer(response.into()))
}

fn run(
    key: Authorized<'_, authorize::Decrypt>,
    source: &Source<'_>,
    attested: Option<&Attested>,
    env: &mut Env<'_>,
    facts: &mut AuditFacts,
) -> Result<Response, Error> {
    let opened = source.open(env, &key)?;
    facts.key_material_id = opened.material;
    Ok(Response {
        key_id: opened.arn,
        plaintext: recipient::deliver(opened.plaintext, attested, env)?,
        encryption_algorithm: source.algorithm,
        key_material_id: opened.material.filter(|_| attested.is_none()),
    })
}
