//! ReEncrypt [KMS:ReEncrypt].

use kms_types::{DryRunModifier, EncryptionAlgorithm, EncryptionContext, KeyArn, MaterialId};

use crate::{
    AuditFacts, Env, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    conditions,
    cryptography::{algorithm, blob, check_context, check_usable, end_dry_run},
    encryption,
    grants::token,
    resolve::{Forms, resolve},
    source::Source,
};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The blob; may be absent only with `IGNORE_CIPHERTEXT`.
    pub ciphertext_blob: Option<Vec<u8>>,
    /// The context the blob was made with.
    pub source_encryption_context: EncryptionContext,
    /// The key that made the blob; taken from the blob when absent.
    pub source_key_id: Option<String>,
    /// The key for the new blob.
    pub destination_key_id: String,
    /// The context of the new blob; not copied from the source.
    pub destination_encryption_context: EncryptionContext,
    /// Default `SYMMETRIC_DEFAULT`.
    pub source_encryption_algorithm: Option<EncryptionAlgorithm>,
    /// Default `SYMMETRIC_DEFAULT`.
    pub destination_encryption_algorithm: Option<EncryptionAlgorithm>,
    /// Grant tokens.
    pub grant_tokens: Vec<String>,
    /// Decide, and do nothing.
    pub dry_run: bool,
    /// What a dry run leaves out.
    pub dry_run_modifiers: Vec<DryRunModifier>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The new blob.
    pub ciphertext_blob: Vec<u8>,
    /// The key that opened the old blob.
    pub source_key_id: KeyArn,
    /// The key that made the new blob.
    pub key_id: KeyArn,
    /// The algorithm of the old blob.
    pub source_encryption_algorithm: EncryptionAlgorithm,
    /// The algorithm of the new blob.
    pub destination_encryption_algorithm: EncryptionAlgorithm,
    /// The material that opened the old blob; of symmetric keys only.
    pub source_key_material_id: Option<MaterialId>,
    /// The material that made the new blob; of symmetric keys only.
    pub destination_key_material_id: Option<MaterialId>,
}

/// Decides the call: one permission on each side, each with the conditions of its own side (section 10.4).
pub(crate) fn decide(
    case: &Case<'_>,
    request: &Request,
    env: &mut Env<'_>,
    facts: &mut AuditFacts,
) -> Result<Step, Error> {
    let source = Source {
        blob: blob(
            request.ciphertext_blob.as_deref(),
            request.source_key_id.as_deref(),
            request.dry_run,
            &request.dry_run_modifiers,
        )?,
        key_id: request.source_key_id.as_deref(),
        algorithm: algorithm(request.source_encryption_algorithm),
        context: &request.source_encryption_context,
    };
    let from = source.resolve(case, facts)?;
    let to = resolve(case, &request.destination_key_id, Forms::KeyOrAlias, facts)?;
    token::check(case, env, &request.grant_tokens)?;
    let same_key = from.key.id == to.key.id;
    let from = source.authorize(case, from, |context| context.add("kms:ReEncryptOnSameKey", same_key))?;
    let to = authorize(case, to, |context| {
        let algorithm = algorithm(request.destination_encryption_algorithm);
        conditions::add_cryptography(context, algorithm, &request.destination_encryption_context);
        context.add("kms:ReEncryptOnSameKey", same_key);
    })?;
    source.check(case, &from)?;
    check_usable(case, &to, algorithm(request.destination_encryption_algorithm))?;
    check_context(&from, &request.source_encryption_context)?;
    check_context(&to, &request.destination_encryption_context)?;
    let response = run(from, to, &source, request, env, facts)?;
    end_dry_run(request.dry_run)?;
    Ok(Step::Answer(response.into()))
}

/// The plaintext between the two sides is wiped when this returns.
fn run(
    from: Authorized<'_, authorize::ReEncryptFrom>,
    to: Authorized<'_, authorize::ReEncryptTo>,
    source: &Source<'_>,
    request: &Request,
    env: &mut Env<'_>,
    facts: &mut AuditFacts,
) -> Result<Response, Error> {
    let opened = source.open(env, &from)?;
    let destination_encryption_algorithm = algorithm(request.destination_encryption_algorithm);
    let context = &request.destination_encryption_context;
    let sealed = encryption::seal(env, &to, destination_encryption_algorithm, context, &opened.plaintext)?;
    facts.key_material_id = sealed.material;
    Ok(Response {
        ciphertext_blob: sealed.blob,
        source_key_id: opened.arn,
        key_id: to.arn().clone(),
        source_encryption_algorithm: source.algorithm,
        destination_encryption_algorithm,
        source_key_material_id: opened.material,
        destination_key_material_id: sealed.material,
    })
}
