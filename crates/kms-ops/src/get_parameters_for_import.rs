//! GetParametersForImport [KMS:GetParametersForImport]. Writes no entry: the private wrapping key travels inside the
//! import token, which any node of the Region opens again.

use kms_types::{KeyArn, Timestamp};

use crate::{
    AuditFacts, Env, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    imported,
    resolve::{Forms, resolve},
    state_table,
};
use kms_crypto::import::{ImportTerms, WrappingKey};
use kms_types::{KeySpec, Operation, WrappingAlgorithm, WrappingKeySpec, limits};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
    /// How the material will be wrapped.
    pub wrapping_algorithm: WrappingAlgorithm,
    /// The size of the wrapping key.
    pub wrapping_key_spec: WrappingKeySpec,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The key.
    pub key_id: KeyArn,
    /// To be sent with the wrapped material.
    pub import_token: Vec<u8>,
    /// The wrapping key: SubjectPublicKeyInfo in DER.
    pub public_key: Vec<u8>,
    /// When token and wrapping key expire.
    pub parameters_valid_to: Timestamp,
}

/// Decides the call.
pub(crate) fn decide(
    case: &Case<'_>,
    request: &Request,
    env: &mut Env<'_>,
    facts: &mut AuditFacts,
) -> Result<Step, Error> {
    let key = resolve(case, &request.key_id, Forms::KeyOnly, facts)?;
    let key = authorize(case, key, |context| {
        context.add("kms:WrappingAlgorithm", request.wrapping_algorithm.as_str());
        context.add("kms:WrappingKeySpec", request.wrapping_key_spec.as_str());
    })?;
    Ok(Step::Answer(run(case, key, request, env)?.into()))
}

fn run(
    case: &Case<'_>,
    key: Authorized<'_, authorize::GetParametersForImport>,
    request: &Request,
    env: &mut Env<'_>,
) -> Result<Response, Error> {
    imported::check_external(&key)?;
    state_table::check(Operation::GetParametersForImport, key.key().state(case.region), key.arn())?;
    check_wrapping(key.key().spec, request)?;
    let terms = ImportTerms {
        key: key.key().id,
        algorithm: request.wrapping_algorithm,
        wrapping_key_spec: request.wrapping_key_spec,
        expires_at: case.now().plus_millis(limits::IMPORT_PARAMETERS_MS),
    };
    let domain = env.keyring.current_domain_key().ok_or(Error::Internal("this node holds no domain key"))?;
    let failed = |_| Error::Internal("a wrapping key could not be made");
    let wrapping_key = WrappingKey::generate(terms).map_err(failed)?;
    Ok(Response {
        key_id: key.arn().clone(),
        import_token: wrapping_key.to_token(&domain, env.entropy).map_err(failed)?,
        public_key: wrapping_key.public_key().map_err(failed)?,
        parameters_valid_to: terms.expires_at,
    })
}

/// Refuses what nothing of this spec could be wrapped with, in place of a token that leads nowhere (section 7.1).
fn check_wrapping(spec: KeySpec, request: &Request) -> Result<(), Error> {
    use WrappingAlgorithm as A;
    let (algorithm, wrapping_key) = (request.wrapping_algorithm, request.wrapping_key_spec);
    let direct = matches!(algorithm, A::RsaesOaepSha1 | A::RsaesOaepSha256);
    let too_long = match spec {
        KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => true,
        KeySpec::EccNistP521 => wrapping_key == WrappingKeySpec::Rsa2048,
        _ => false,
    };
    match () {
        () if matches!(algorithm, A::RsaesPkcs1V15 | A::Sm2pke) => {
            Err(Error::Unsupported(format!("WrappingAlgorithm {algorithm} is not supported.")))
        }
        () if wrapping_key == WrappingKeySpec::Sm2 => {
            Err(Error::Unsupported(format!("WrappingKeySpec {wrapping_key} is not supported.")))
        }
        () if direct && too_long => Err(Error::Unsupported(format!(
            "Key material of KeySpec {spec} cannot be wrapped with {algorithm} under a {wrapping_key} wrapping key."
        ))),
        () => Ok(()),
    }
}
