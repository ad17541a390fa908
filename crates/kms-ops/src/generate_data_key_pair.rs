//! GenerateDataKeyPair [KMS:GenerateDataKeyPair].

use kms_types::{DataKeyPairSpec, EncryptionContext, KeyArn, MaterialId};

use crate::{
    AuditFacts, Env, Error, Recipient, Secret, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    conditions,
    cryptography::{algorithm, check_context, check_usable},
    data_key_pair,
    grants::token,
    recipient,
    resolve::{Forms, resolve},
};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Encryption context of the private key's blob.
    pub encryption_context: EncryptionContext,
    /// Key id, key ARN, alias name or alias ARN of a symmetric encryption key.
    pub key_id: String,
    /// Kind of the pair.
    pub key_pair_spec: DataKeyPairSpec,
    /// Grant tokens.
    pub grant_tokens: Vec<String>,
    /// An attestation document, for an answer that only an enclave can read.
    pub recipient: Option<Recipient>,
    /// Decide, and do nothing.
    pub dry_run: bool,
}

/// The answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The private key under the KMS key, as Encrypt would make it.
    pub private_key_ciphertext_blob: Vec<u8>,
    /// The private key, PKCS#8 in DER [RFC5958 §2].
    pub private_key_plaintext: Secret,
    /// The public key, SubjectPublicKeyInfo in DER [RFC5280 §4.1.2.7].
    pub public_key: Vec<u8>,
    /// The key.
    pub key_id: KeyArn,
    /// Kind of the pair.
    pub key_pair_spec: DataKeyPairSpec,
    /// The material that made the blob.
    pub key_material_id: MaterialId,
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
    let key: Authorized<'_, authorize::GenerateDataKeyPair> = authorize(case, key, |context| {
        conditions::add_cryptography(context, algorithm(None), &request.encryption_context);
        context.add("kms:DataKeyPairSpec", request.key_pair_spec.as_str());
        recipient::add_conditions(context, attested.as_ref());
    })?;
    check_usable(case, &key, algorithm(None))?;
    data_key_pair::check(&key, request.key_pair_spec)?;
    check_context(&key, &request.encryption_context)?;
    let made = data_key_pair::make(
        &key,
        request.key_pair_spec,
        &request.encryption_context,
        request.dry_run,
        env,
        facts,
    )?;
    let response = Response {
        private_key_ciphertext_blob: made.blob,
        private_key_plaintext: recipient::deliver(made.private_key, attested.as_ref(), env)?,
        public_key: made.public_key,
        key_id: key.arn().clone(),
        key_pair_spec: request.key_pair_spec,
        key_material_id: made.material,
    };
    Ok(Step::Answer(response.into()))
}
